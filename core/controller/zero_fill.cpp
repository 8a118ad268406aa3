#include "core/controller/zero_fill.hpp"

#include <algorithm>
#include <array>

#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kRequestsPerTurn = 4;

alignas(kChunkSize) std::array<std::byte, kChunkSize> zero_page{};  // sent, never written

}  // namespace

std::uint32_t ZeroFill::poll() {
  std::uint32_t done = 0;
  for (; done < kRequestsPerTurn && !waiting_.empty(); ++done) {
    auto& request = static_cast<AdminRequest&>(waiting_.pop_front());
    request.queue->admin().fill(request);
  }
  return done;
}

std::uint32_t ZeroFill::describe(std::uint32_t bytes, std::span<weft_iov> into, std::uint32_t& described) {
  std::uint32_t count = 0;
  for (described = 0; described < bytes && count < into.size(); ++count) {
    const std::uint32_t length = std::min(kChunkSize, bytes - described);
    into[count] = weft_iov{zero_page.data(), length, nullptr};
    described += length;
  }
  return count;
}

}  // namespace weft::controller

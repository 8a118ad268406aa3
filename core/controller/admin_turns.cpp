#include "core/controller/admin_turns.hpp"

#include <algorithm>
#include <array>

#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

// In a turn.
constexpr std::uint32_t kMostClaims = 16;
constexpr std::uint32_t kMostFilled = 4;

alignas(kChunkSize) std::array<std::byte, kChunkSize> zero_page{};  // sent, never written

}  // namespace

AdminTurns::AdminTurns(Resources& memory) : memory_(memory) { memory_.serve_in_turns(kMostClaims); }

std::uint32_t AdminTurns::poll() {
  std::uint32_t done = memory_.begin_turn();
  for (std::uint32_t i = 0; i < kMostFilled && !to_fill_.empty(); ++i, ++done) {
    auto& request = static_cast<AdminRequest&>(to_fill_.pop_front());
    request.queue->admin().fill(request);
  }
  return done;
}

std::uint32_t AdminTurns::zeroes(std::uint32_t bytes, std::span<weft_iov> into, std::uint32_t& described) {
  std::uint32_t count = 0;
  for (described = 0; described < bytes && count < into.size(); ++count) {
    const std::uint32_t length = std::min(kChunkSize, bytes - described);
    into[count] = weft_iov{zero_page.data(), length, nullptr};
    described += length;
  }
  return count;
}

}  // namespace weft::controller

#include "memory.hpp"

#include <algorithm>
#include <bit>

#include "region.hpp"

namespace weft::rdma {

using plugin::Made;

namespace {

constexpr std::uint64_t kUsualStaging = 4U << 20;
constexpr std::uint64_t kShareOfLockable = 8;  // groups, and the capsules of their queues

// Two of the longest runs at least, so that one command never has to wait for all others.
std::uint32_t longest_run(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(std::bit_floor(bytes / 2), Memory::kLongestRun));
}

}  // namespace

std::uint64_t default_staging(std::uint64_t lockable) {
  return std::clamp(std::bit_floor(lockable / kShareOfLockable), Memory::kLeastStaging, kUsualStaging);
}

Made<std::unique_ptr<Memory>> Memory::make(verbs::Device& device, const MemoryOptions& options) {
  std::uint64_t bytes = options.staging != 0 ? options.staging : default_staging(lockable_bytes());
  bytes = std::clamp(bytes, kLeastStaging, kMostStaging);
  bytes -= bytes % longest_run(bytes);
  const int access =
      options.remote ? registered_access(device, WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE, options.windows)
                     : device.read_sink_access();
  Made<std::unique_ptr<Block>> block = Block::make(device, bytes, access, "staged data");
  // Asked for nothing special: less will do, as long as anything can be had.
  while (!block && options.staging == 0 && bytes > kLeastStaging) {
    bytes = std::max(kLeastStaging, bytes / 2);
    block = Block::make(device, bytes, access, "staged data");
  }
  if (!block) return std::unexpected(block.error());
  return std::unique_ptr<Memory>(new Memory(device, options, std::move(*block)));
}

Memory::Memory(verbs::Device& device, const MemoryOptions& options, std::unique_ptr<Block> block)
    : device_(device),
      block_(std::move(block)),
      staging_(block_->base(), block_->size(), longest_run(block_->size()),
               options.remote ? Reserve::kForSeveral : Reserve::kForNewcomers),
      windows_(options.remote && options.windows && device.makes_windows()),
      invalidate_(options.invalidate && device.attributes().invalidates) {}

}  // namespace weft::rdma

#include "core/controller/told_sizes.hpp"

#include <algorithm>
#include <bit>

namespace weft::controller {

std::uint32_t max_transfer_size(const TargetOptions& options, const weft_limits& limits) {
  std::uint64_t bytes = options.max_transfer;
  if (limits.max_transfer != 0) bytes = std::min(bytes, limits.max_transfer);
  return static_cast<std::uint32_t>(std::bit_floor(std::max<std::uint64_t>(bytes, kTransferUnit)));
}

std::uint32_t max_queue_size(const TargetOptions& options, const weft_limits& limits) {
  return limits.max_io_depth == 0 ? options.max_queue_size : std::min(options.max_queue_size, limits.max_io_depth);
}

std::uint32_t in_capsule_size(const TargetOptions& options, const weft_limits& limits) {
  if ((limits.caps & WEFT_CAP_SGL_IN_CAPSULE) == 0) return 0;
  return std::min(options.in_capsule, limits.max_in_capsule) / kCapsuleUnit * kCapsuleUnit;
}

}  // namespace weft::controller

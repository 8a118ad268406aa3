#include "arguments.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace weft::plugin {

Made<void> check_params(const weft_qpair_params& params) {
  if (params.depth == 0 || params.depth > 65536)
    return std::unexpected(
        Failure{.code = EINVAL, .text = fmt::format("a queue of {} entries is impossible", params.depth)});
  if ((params.flags & ~(WEFT_QP_ADMIN | WEFT_QP_SQ_FLOW_CONTROL)) != 0)
    return std::unexpected(
        Failure{.code = ENOTSUP, .text = fmt::format("unknown queue pair flags {:#x}", params.flags)});
  return {};
}

Made<void> check_address(const weft_address& address) {
  if (address.reserved != 0)
    return std::unexpected(
        Failure{.code = ENOTSUP, .text = "the address has a field that this transport does not know"});
  return {};
}

std::uint64_t total_length(std::span<const weft_iov> iov) {
  std::uint64_t total = 0;
  for (const weft_iov& piece : iov) {
    if (piece.len > UINT64_MAX - total) return UINT64_MAX;
    total += piece.len;
  }
  return total;
}

}  // namespace weft::plugin

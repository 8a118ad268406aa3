// Cutting a request into commands: pure arithmetic on IoRequest::progress.
#ifndef WEFT_CORE_HOST_PIECES_HPP
#define WEFT_CORE_HOST_PIECES_HPP

#include <array>
#include <cstdint>

#include "core/host/host_queue.hpp"
#include "weft/host.hpp"

namespace weft {

inline constexpr std::uint32_t kMaxPieceIov = 256;

struct Piece {
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
  std::uint32_t iov_count = 0;
  std::array<weft_iov, kMaxPieceIov> iov;  // not initialised: only the first iov_count count
};

[[nodiscard]] constexpr bool carries_data(IoRequest::Kind kind) {
  using Kind = IoRequest::Kind;
  return kind == Kind::kRead || kind == Kind::kWrite || kind == Kind::kCompare || kind == Kind::kCompareAndWrite;
}

[[nodiscard]] std::uint64_t length_of(const weft_iov* iov, std::uint32_t count);

// 0 or -EINVAL: what makes no sense before anything is sent (lengths, overflow, missing buffers).
[[nodiscard]] std::int32_t check_request(const IoRequest& request);

// The next piece, as large as the limits allow; advances the request's progress. 0, or -EINVAL when not even one block fits:
// it is larger than a command may carry, or its memory is cut finer than a command may name.
[[nodiscard]] std::int32_t next_piece(IoRequest& request, const PieceLimits& limits, Piece& piece);

[[nodiscard]] nvme::Sqe piece_command(const IoRequest& request, const Piece& piece);
[[nodiscard]] DataDirection piece_direction(IoRequest::Kind kind);

}  // namespace weft

#endif

#include "core/host/pieces.hpp"

#include <algorithm>
#include <cerrno>

#include "core/wire/sqe.hpp"

namespace weft {
namespace {

using Kind = IoRequest::Kind;

// Nearly every request: one stretch of memory, sent as a whole. Nothing is to be cut, so nothing is to be divided.
bool goes_whole(const IoRequest& request, const PieceLimits& limits) {
  return request.iov_count == 1 && request.progress.blocks_sent == 0 && limits.iov != 0 &&
         request.blocks <= wire::kMaxBlocksPerCommand && request.kind != Kind::kDeallocate &&
         carries_data(request.kind) && (limits.bytes == 0 || request.iov[0].len <= limits.bytes);
}

std::uint64_t most_blocks(const IoRequest& request, const PieceLimits& limits) {
  if (request.kind == Kind::kDeallocate) return UINT32_MAX;  // one range of a Dataset Management command
  std::uint64_t most = wire::kMaxBlocksPerCommand;
  if (carries_data(request.kind) && limits.bytes != 0) most = std::min(most, limits.bytes / request.block_size);
  return most;
}

// Segments for at most `bytes` from where the request stands; what they hold.
std::uint64_t cut_segments(const IoRequest& request, std::uint64_t bytes, std::uint32_t most, Piece& piece) {
  std::uint32_t index = request.progress.iov_index;
  std::uint64_t offset = request.progress.iov_offset;
  std::uint64_t held = 0;
  for (; held < bytes && piece.iov_count < most; ++index, offset = 0) {
    const weft_iov& from = request.iov[index];
    const std::uint64_t size = std::min(from.len - offset, bytes - held);
    if (size == 0) continue;
    piece.iov[piece.iov_count++] = weft_iov{static_cast<std::byte*>(from.base) + offset, size, from.region};
    held += size;
  }
  return held;
}

// Takes the end of the segments away again: a command carries whole blocks.
void trim_segments(Piece& piece, std::uint64_t excess) {
  while (excess > 0) {
    weft_iov& last = piece.iov[piece.iov_count - 1];
    const std::uint64_t size = std::min(last.len, excess);
    last.len -= size;
    excess -= size;
    if (last.len == 0) --piece.iov_count;
  }
}

void advance(IoRequest& request, std::uint64_t bytes) {
  auto& progress = request.progress;
  while (bytes > 0) {
    const std::uint64_t here = std::min(request.iov[progress.iov_index].len - progress.iov_offset, bytes);
    progress.iov_offset += here;
    bytes -= here;
    if (progress.iov_offset < request.iov[progress.iov_index].len) continue;
    ++progress.iov_index;
    progress.iov_offset = 0;
  }
}

}  // namespace

std::uint64_t length_of(const weft_iov* iov, std::uint32_t count) {
  std::uint64_t length = 0;
  for (std::uint32_t i = 0; i < count; ++i) length += iov[i].len;
  return length;
}

std::int32_t check_request(const IoRequest& request) {
  if (request.kind == Kind::kFlush) return 0;
  if (request.blocks == 0 || request.blocks > UINT64_MAX - request.lba) return -EINVAL;
  if (!carries_data(request.kind)) return 0;
  std::uint64_t bytes = 0;
  if (request.block_size == 0 || __builtin_mul_overflow(request.blocks, request.block_size, &bytes)) return -EINVAL;
  if (length_of(request.iov, request.iov_count) != bytes) return -EINVAL;
  if (request.kind != Kind::kCompareAndWrite) return 0;
  const bool whole = request.blocks <= wire::kMaxBlocksPerCommand;  // it is not split
  return whole && length_of(request.compare_iov, request.compare_iov_count) == bytes ? 0 : -EINVAL;
}

std::int32_t next_piece(IoRequest& request, const PieceLimits& limits, Piece& piece) {
  auto& progress = request.progress;
  piece.lba = request.lba + progress.blocks_sent;
  if (goes_whole(request, limits)) [[likely]] {
    piece.blocks = static_cast<std::uint32_t>(request.blocks);
    piece.iov_count = 1;
    piece.iov[0] = request.iov[0];
    progress.blocks_sent = request.blocks;
    return 0;
  }
  piece.iov_count = 0;
  std::uint64_t blocks = std::min(request.blocks - progress.blocks_sent, most_blocks(request, limits));
  if (carries_data(request.kind)) {
    const std::uint32_t most = std::min(limits.iov, kMaxPieceIov);
    const std::uint64_t held = cut_segments(request, blocks * request.block_size, most, piece);
    blocks = held / request.block_size;
    if (blocks == 0) return -EMSGSIZE;
    trim_segments(piece, held % request.block_size);
    advance(request, blocks * request.block_size);
  }
  piece.blocks = static_cast<std::uint32_t>(blocks);
  progress.blocks_sent += blocks;
  return 0;
}

nvme::Sqe piece_command(const IoRequest& request, const Piece& piece) {
  using Control = nvme::ReadWriteArguments;
  const std::uint16_t force = request.force_unit_access ? Control::kForceUnitAccess : std::uint16_t{0};
  switch (request.kind) {
    case Kind::kRead:
      return wire::read(request.nsid, piece.lba, piece.blocks, force);
    case Kind::kWrite:
      return wire::write(request.nsid, piece.lba, piece.blocks, force);
    case Kind::kCompare:
      return wire::compare(request.nsid, piece.lba, piece.blocks, force);
    case Kind::kCompareAndWrite:
      return wire::fused(wire::write(request.nsid, piece.lba, piece.blocks, force), nvme::flags::kFuseSecond);
    case Kind::kFlush:
      return wire::flush(request.nsid);
    case Kind::kWriteZeroes:
      return wire::write_zeroes(request.nsid, piece.lba, piece.blocks,
                                static_cast<std::uint16_t>(force | (request.deallocate ? Control::kDeallocate : 0)));
    case Kind::kDeallocate:
      return wire::dataset_management(request.nsid, 1, nvme::DatasetManagementArguments::kDeallocate);
    case Kind::kWriteUncorrectable:
      return wire::write_uncorrectable(request.nsid, piece.lba, piece.blocks);
    case Kind::kVerify:
      return wire::verify(request.nsid, piece.lba, piece.blocks, force);
  }
  return wire::flush(request.nsid);
}

DataDirection piece_direction(IoRequest::Kind kind) {
  if (kind == Kind::kRead) return DataDirection::kIn;
  return carries_data(kind) || kind == Kind::kDeallocate ? DataDirection::kOut : DataDirection::kNone;
}

}  // namespace weft

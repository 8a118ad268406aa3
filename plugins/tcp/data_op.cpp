#include "data_op.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weft::tcp {

void DataOp::seek(std::uint64_t position) {
  if (position < at_start) {
    at_index = 0;
    at_start = 0;
  }
  while (at_index + 1 < count && position >= at_start + list[at_index].iov_len) {
    at_start += list[at_index].iov_len;
    ++at_index;
  }
}

std::uint32_t DataOp::pieces(std::uint64_t position, std::uint64_t len, std::span<iovec> out, std::uint64_t& covered) {
  assert(position + len <= length);
  covered = 0;
  if (len == 0) return 0;
  if (count == 1) {
    out[0] = {static_cast<std::byte*>(list[0].iov_base) + position, len};
    covered = len;
    return 1;
  }
  seek(position);
  std::uint32_t filled = 0;
  std::uint64_t skip = position - at_start;
  for (std::uint32_t i = at_index; i < count && covered < len && filled < out.size(); ++i) {
    const std::uint64_t part = std::min<std::uint64_t>(list[i].iov_len - skip, len - covered);
    out[filled++] = {static_cast<std::byte*>(list[i].iov_base) + skip, part};
    covered += part;
    skip = 0;
  }
  return filled;
}

void DataOp::copy_in(std::uint64_t position, const std::byte* from, std::uint64_t len) {
  if (count == 1) {
    std::memcpy(static_cast<std::byte*>(list[0].iov_base) + position, from, len);
    return;
  }
  iovec parts[kMaxIov];
  std::uint64_t covered = 0;
  const std::uint32_t filled = pieces(position, len, parts, covered);
  for (std::uint32_t i = 0; i < filled; from += parts[i].iov_len, ++i)
    std::memcpy(parts[i].iov_base, from, parts[i].iov_len);
}

void DataOp::copy_out(std::uint64_t position, std::byte* to, std::uint64_t len) {
  iovec parts[kMaxIov];
  std::uint64_t covered = 0;
  const std::uint32_t filled = pieces(position, len, parts, covered);
  for (std::uint32_t i = 0; i < filled; to += parts[i].iov_len, ++i)
    std::memcpy(to, parts[i].iov_base, parts[i].iov_len);
}

DataOp& DataOpPool::take(std::span<const weft_iov> iov, std::uint64_t total) {
  DataOp& op = OpPool::take(iov.size());
  for (const weft_iov& piece : iov)
    if (piece.len != 0) op.list[op.count++] = {piece.base, piece.len};
  op.length = total;
  return op;
}

}  // namespace weft::tcp

#include "data_op.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "region.hpp"

namespace weft::rdma {

void DataOp::seek(std::uint64_t position) {
  if (position < at_start) {
    at_index = 0;
    at_start = 0;
  }
  while (at_index + 1 < count && position >= at_start + list[at_index].length) {
    at_start += list[at_index].length;
    ++at_index;
  }
}

template <class Visit>
void DataOp::walk(std::uint64_t position, std::uint64_t bytes, Visit&& visit) {
  assert(position + bytes <= length);
  if (bytes == 0) return;
  seek(position);
  std::uint64_t skip = position - at_start;
  for (std::uint32_t i = at_index; i < count && bytes != 0; ++i) {
    const std::uint64_t part = std::min(list[i].length - skip, bytes);
    if (!visit(list[i].base + skip, part, list[i])) return;
    bytes -= part;
    skip = 0;
  }
}

std::uint32_t DataOp::elements(std::uint64_t position, std::uint64_t bytes, std::span<ibv_sge> out,
                               std::uint64_t& covered) {
  std::uint32_t filled = 0;
  covered = 0;
  walk(position, bytes, [&](const std::byte* base, std::uint64_t part, const Piece& piece) {
    if (filled == out.size()) return false;
    out[filled++] = {.addr = reinterpret_cast<std::uintptr_t>(base),
                     .length = static_cast<std::uint32_t>(part),
                     .lkey = piece.region->lkey()};
    covered += part;
    return true;
  });
  return filled;
}

void DataOp::copy_in(std::uint64_t position, const std::byte* from, std::uint64_t bytes) {
  walk(position, bytes, [&](std::byte* base, std::uint64_t part, const Piece&) {
    std::memcpy(base, from, part);
    from += part;
    return true;
  });
}

void DataOp::copy_out(std::uint64_t position, std::byte* to, std::uint64_t bytes) {
  walk(position, bytes, [&](const std::byte* base, std::uint64_t part, const Piece&) {
    std::memcpy(to, base, part);
    to += part;
    return true;
  });
}

std::uint32_t DataOp::stretches(std::span<Stretch> out) const {
  if (!straight) return 0;
  std::uint32_t filled = 0;
  for (const Piece& piece : std::span<const Piece>(list, count)) {
    if (filled != 0 && piece.region == out[filled - 1].region &&
        piece.base == out[filled - 1].base + out[filled - 1].length) {
      out[filled - 1].length += piece.length;
      continue;
    }
    if (filled == out.size()) return 0;
    out[filled++] = {.base = piece.base, .length = piece.length, .region = piece.region};
  }
  return filled;
}

DataOp& DataOpPool::take(std::span<const weft_iov> iov, std::uint64_t total, const verbs::Device& device, int access) {
  DataOp& op = OpPool::take(iov.size());
  op.straight = true;
  op.length = total;
  for (const weft_iov& given : iov) {
    if (given.len == 0) continue;
    const auto* known = reinterpret_cast<const Region*>(given.region);
    verbs::Region* region = known != nullptr ? known->on(device, given.base, given.len, access) : nullptr;
    if (region == nullptr) op.straight = false;
    op.list[op.count++] = {static_cast<std::byte*>(given.base), given.len, region};
  }
  return op;
}

void DataOpPool::give_back(DataOp& op) {
  assert(!op.claim.run && !op.claim.hook.linked() && !op.ready_hook.linked());
  OpPool::give_back(op);
}

}  // namespace weft::rdma

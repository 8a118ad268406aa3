// Compare: the host's data comes into chunks and is compared with the mapped blocks, piece by piece.
#include <algorithm>

#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

Answer check_compare(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range_and_data(s, data_length); !answer.ok()) return answer;
  s.iov_count = 0;  // until it is mapped
  claim_chunks(s);
  return claim_segments(s);
}

void start_compare(IoSlot& s) { s.queue().receive(s); }

void map_to_compare(IoSlot& s) {
  if (s.ns->unreadable(s.range())) return s.queue().finish(s, {nvme::status::kUnrecoveredReadError, kNoLocation, 0});
  IoQueue::await_piece(s, s.ns->context().map(s));
}

void compare_received(IoSlot& s, const DataEnd& end) {
  if (!end.ok()) return s.queue().finish(s, end.answer());
  s.queue().take_turn<map_to_compare>(s);
}

void compared(IoSlot& s, bool same) {
  s.ns->context().unmap(s);
  QueueShared& shared = s.queue().queue().shared();
  shared.reads.add(1);
  shared.bytes_read.add(s.length);
  s.queue().finish(s, same ? success() : Answer{nvme::status::kCompareFailure, kNoLocation, 0});
}

void compare_piece(IoSlot& s) {
  if (!compare_next(s, s.progress)) return compared(s, false);
  if (s.progress == s.length) return compared(s, true);
  s.queue().take_turn<compare_piece>(s);
}

void compare_mapped(IoSlot& s) {
  if (!s.status.ok()) return s.queue().finish(s, {s.status, kNoLocation, 0});
  if (s.abort) return s.queue().give_up(s, {nvme::status::kAbortRequested, kNoLocation, 0});
  s.progress = 0;
  compare_piece(s);
}

void unmap(IoSlot& s) {
  if (s.iov_count != 0) s.ns->context().unmap(s);
}

}  // namespace

bool compare_next(IoSlot& s, std::uint32_t& at) {
  const std::uint32_t size = std::min(kLongPiece, s.length - at);
  const bool same = s.queue().worker().resources().equal(s, s.segments(), at, size);
  at += size;
  return same;
}

const IoCommand commands::kCompare = {check_compare, start_compare, compare_received, compare_mapped, nullptr, unmap};

}  // namespace weft::controller

// Compare: the host's data comes into chunks and is laid beside the mapped blocks.
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

Answer check_compare(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range_and_data(s, data_length); !answer.ok()) return answer;
  claim_chunks(s);
  return claim_segments(s);
}

void start_compare(IoSlot& s) { s.queue().receive(s); }

void map_blocks(IoSlot& s) {
  if (s.ns->unreadable(s.range())) return s.queue().finish(s, {nvme::status::kUnrecoveredReadError, kNoLocation, 0});
  IoQueue::await(s, s.ns->context().map(s));
}

void compare_received(IoSlot& s, const DataEnd& end) {
  if (!end.ok()) return s.queue().finish(s, end.answer());
  s.queue().enter<map_blocks>(s);
}

void compare_mapped(IoSlot& s) {
  if (!s.status.ok()) return s.queue().finish(s, {s.status, kNoLocation, 0});
  const bool same = s.queue().worker().resources().equal(s, s.segments());
  s.ns->context().unmap(s);
  QueueShared& shared = s.queue().queue().shared();
  shared.reads.add(1);
  shared.bytes_read.add(s.length);
  s.queue().finish(s, same ? success() : Answer{nvme::status::kCompareFailure, kNoLocation, 0});
}

}  // namespace

const IoCommand commands::kCompare = {check_compare,  start_compare, compare_received,
                                      compare_mapped, nullptr,       nothing_lent};

}  // namespace weft::controller

// Write Zeroes and Write Uncorrectable: writes without data.
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

Answer check(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range(s); !answer.ok()) return answer;
  if (const Answer answer = check_writable(s); !answer.ok()) return answer;
  return check_no_data(data_length);
}

// ---- Write Zeroes

Answer check_zeroes(IoSlot& s, std::uint64_t data_length) {
  using Arguments = nvme::ReadWriteArguments;
  const std::uint16_t control = s.sqe->arguments<Arguments>().control;
  if ((control & Arguments::kForceUnitAccess) != 0) s.flags |= BackendOp::kForceUnitAccess;
  if ((control & Arguments::kDeallocate) != 0) s.flags |= BackendOp::kDeallocate;
  return check(s, data_length);
}

void write_zeroes(IoSlot& s) {
  if (may_write_marked(s)) IoQueue::await(s, s.ns->context().write_zeroes(s));
}

void start_zeroes(IoSlot& s) { s.queue().enter<write_zeroes>(s); }

void zeroes_done(IoSlot& s) {
  const NvmeStatus status = s.status;
  if (s.exclusive) s.queue().end_exclusive(s, status.ok() ? IoQueue::Effect::kReadable : IoQueue::Effect::kNone);
  s.queue().queue().shared().writes.add(1);
  s.queue().finish(s, {status, kNoLocation, 0});
}

void zeroes_granted(IoSlot& s) {
  s.exclusive = true;
  s.queue().enter<write_zeroes>(s);
}

// ---- Write Uncorrectable: the namespace keeps a set of marked ranges; the backend knows nothing of it.

void start_mark(IoSlot& s) { s.queue().want_exclusive(s); }

void mark(IoSlot& s) {
  if (!s.ns->may_mark(s.range())) return s.queue().give_up(s, refuse(nvme::status::kCapacityExceeded));
  s.queue().end_exclusive(s, IoQueue::Effect::kUnreadable);
  s.queue().finish(s, success());
}

void mark_granted(IoSlot& s) {
  s.exclusive = true;
  s.queue().enter<mark>(s);
}

}  // namespace

const IoCommand commands::kWriteZeroes = {check_zeroes, start_zeroes,   no_data,
                                          zeroes_done,  zeroes_granted, nothing_lent};
const IoCommand commands::kWriteUncorrectable = {check, start_mark, no_data, no_backend, mark_granted, nothing_lent};

}  // namespace weft::controller

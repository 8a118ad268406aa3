// Write: the backend lends memory, the transport fills it, and only whole and right data is committed.
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

Answer check_write(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range_and_data(s, data_length); !answer.ok()) [[unlikely]]
    return answer;
  if (const Answer answer = check_writable(s); !answer.ok()) [[unlikely]]
    return answer;
  if ((s.sqe->argument_at<le16>(kControlAt) & nvme::ReadWriteArguments::kForceUnitAccess) != 0) {
    s.flags = BackendOp::kForceUnitAccess;
  }
  return claim_segments(s);
}

void start_write(IoSlot& s) { IoQueue::await_memory(s, s.ns->context().lend(s)); }

void commit(IoSlot& s) {
  if (may_write_marked(s)) [[likely]]
    IoQueue::await(s, s.ns->context().commit(s));
}

void write_received(IoSlot& s, const DataEnd& end) {
  if (end.ok()) [[likely]]
    return s.queue().enter<commit>(s);
  s.ns->context().discard(s);
  s.queue().finish(s, end.answer());
}

void write_done(IoSlot& s) {
  if (s.state == IoState::kLending) {
    if (s.status.ok()) [[likely]]
      return s.queue().receive(s);
    return s.queue().finish(s, {s.status, kNoLocation, 0});
  }
  const NvmeStatus status = s.status;
  if (s.exclusive) [[unlikely]] {
    s.queue().end_exclusive(s, status.ok() ? Effect::kReadable : Effect::kNone);
  }
  QueueShared& shared = s.queue().queue().shared();
  shared.writes.add(1);
  shared.bytes_written.add(s.length);
  s.queue().finish(s, {status, kNoLocation, 0});
}

void discard(IoSlot& s) { s.ns->context().discard(s); }

void write_granted(IoSlot& s) {
  s.exclusive = true;
  s.queue().enter<commit>(s);
}

}  // namespace

const IoCommand commands::kWrite = {check_write, start_write, write_received, write_done, write_granted, discard};

}  // namespace weft::controller

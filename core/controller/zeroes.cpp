// Write Zeroes and Write Uncorrectable: writes without data. Write Zeroes goes piece by piece; its progress is in blocks.
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

Answer check(IoSlot& s, std::uint64_t data_length) {
  if (const Answer answer = check_range(s); !answer.ok()) return answer;
  if (const Answer answer = check_writable(s); !answer.ok()) return answer;
  if (const Answer answer = check_size_limit(s); !answer.ok()) return answer;
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

// Blocks that are marked become readable when all is zeroed: the command has the whole of its range to itself then.
void zero_piece(IoSlot& s) {
  if (!s.exclusive && s.ns->unreadable(s.range())) {
    s.queue().want_exclusive(s);
    return;
  }
  IoQueue::await_piece(s, s.ns->context().write_zeroes(s));
}

void next_piece(IoSlot& s) {
  set_piece(s, s.ns->context().zeroed_at_once());
  s.queue().take_turn<zero_piece>(s);
}

void zeroes_done(IoSlot& s) {
  if (!s.queue().piece_done(s)) return;
  s.progress += s.blocks;
  if (s.progress < s.sqe->arguments<nvme::ReadWriteArguments>().blocks()) return next_piece(s);
  if (s.exclusive) s.queue().end_exclusive(s, Effect::kReadable);
  s.queue().queue().shared().writes.add(1);
  s.queue().finish(s, success());
}

void zeroes_granted(IoSlot& s) {
  s.exclusive = true;
  if (!s.ns->may_clear(IoQueue::whole_range(s))) {
    return s.queue().give_up(s, refuse(nvme::status::kCapacityExceeded));
  }
  next_piece(s);
}

// ---- Write Uncorrectable: the namespace keeps a set of marked ranges; the backend knows nothing of it.

void start_mark(IoSlot& s) { s.queue().want_exclusive(s); }

void mark(IoSlot& s) {
  if (!s.ns->may_mark(s.range())) return s.queue().give_up(s, refuse(nvme::status::kCapacityExceeded));
  s.queue().end_exclusive(s, Effect::kUnreadable);
  s.queue().finish(s, success());
}

void mark_granted(IoSlot& s) {
  s.exclusive = true;
  s.queue().enter<mark>(s);
}

}  // namespace

const IoCommand commands::kWriteZeroes = {check_zeroes, next_piece, no_data, zeroes_done, zeroes_granted, nothing_lent};
const IoCommand commands::kWriteUncorrectable = {check, start_mark, no_data, no_backend, mark_granted, nothing_lent};

}  // namespace weft::controller

// Fused compare-and-write. The two commands come one after the other on a queue; here they become one operation: data of
// both is brought in, then, alone on the range, the blocks are compared and, when they are the same, written.
//
// The compare and the copy go piece by piece; the second's progress counts their bytes.
//
// Memory is asked for when the pair is complete, for both at once; the backend lends only after the compare, so that both
// find room in one range of the budget.
#include <algorithm>
#include <utility>

#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

// What the first's progress counts.
constexpr std::uint32_t kBothReceived = 2;
constexpr std::uint32_t kMapped = 3;
constexpr std::uint32_t kAskedFor = 4;  // memory to write to
constexpr std::uint32_t kLent = 5;
constexpr std::uint32_t kCommitted = 6;

constexpr Answer kFailedFused{nvme::status::kAbortedFailedFused, kNoLocation, 0};
constexpr Answer kMissingFused{nvme::status::kAbortedMissingFused, kNoLocation, 0};

IoSlot& other(IoSlot& s) { return s.queue().slot(s.partner); }
IoSlot& first_of(IoSlot& s) { return s.sqe->fuse() == nvme::flags::kFuseFirst ? s : other(s); }

// Both are answered, the first first.
void finish_pair(IoSlot& first, const Answer& of_first, const Answer& of_second) {
  IoQueue& queue = first.queue();
  IoSlot& second = other(first);
  if (first.exclusive) queue.end_exclusive(first, Effect::kNone);
  queue.finish(first, of_first);
  queue.finish(second, of_second);
}

void start_pair(IoSlot& first) {
  IoSlot& second = other(first);
  IoQueue& queue = first.queue();
  queue.worker().resources().split(first, second, static_cast<std::uint16_t>(first.chunks / 2), queue.share());
  queue.receive(first);
  queue.receive(second);
}

void pair_received(IoSlot& s, const DataEnd& end) {
  s.status = end.ok() ? NvmeStatus() : end.answer().status;
  s.state = IoState::kExclusive;
  IoSlot& first = first_of(s);
  if (++first.progress < kBothReceived) return;
  const NvmeStatus of_first = first.status;
  const NvmeStatus of_second = other(first).status;
  if (!of_first.ok()) return finish_pair(first, {of_first, kNoLocation, 0}, kFailedFused);
  if (!of_second.ok()) return finish_pair(first, kFailedFused, {of_second, kNoLocation, 0});
  first.queue().want_exclusive(first);
}

void pair_granted(IoSlot& first) {
  first.exclusive = true;
  if (!first.ns->holds(first.lba, first.blocks)) {
    return finish_pair(first, refuse(nvme::status::kLbaOutOfRange, at::kCdw10), kFailedFused);
  }
  if (first.ns->unreadable(first.range())) {
    return finish_pair(first, {nvme::status::kUnrecoveredReadError, kNoLocation, 0}, kFailedFused);
  }
  IoQueue::await(first, first.ns->context().map(first));
}

// The compare is over.
void lend_pair(IoSlot& first, bool same) {
  first.ns->context().unmap(first);
  if (!same) return finish_pair(first, {nvme::status::kCompareFailure, kNoLocation, 0}, kFailedFused);
  first.progress = kAskedFor;
  IoQueue::await_memory(first, first.ns->context().lend(first));
}

void compare_pair_piece(IoSlot& first) {
  std::uint32_t& at = other(first).progress;
  const bool same = compare_next(first, at);
  if (!same || at == first.length) return lend_pair(first, same);
  first.queue().take_turn<compare_pair_piece>(first);
}

void commit_pair(IoSlot& first) {
  first.flags = other(first).flags;
  first.progress = kCommitted;
  IoQueue::await(first, first.ns->context().commit(first));
}

void copy_pair_piece(IoSlot& first) {
  IoSlot& second = other(first);
  const std::uint32_t size = std::min(kLongPiece, first.length - second.progress);
  first.queue().worker().resources().copy_to(second, first.segments(), second.progress, size);
  second.progress += size;
  if (second.progress == first.length) return commit_pair(first);
  first.queue().take_turn<copy_pair_piece>(first);
}

// The first piece runs at once, for a namespace has one pair at a time that is alone on its range; the next ones take turns.
template <IoQueue::Step Piece>
void begin_pieces(IoSlot& first, std::uint32_t progress) {
  first.progress = progress;
  if (first.abort) return first.queue().give_up(first, {nvme::status::kAbortRequested, kNoLocation, 0});
  other(first).progress = 0;
  Piece(first);
}

// The backend's memory, when the pair is cancelled between two pieces.
void abandon_pair(IoSlot& first) {
  if (first.progress == kMapped) first.ns->context().unmap(first);
  if (first.progress == kLent) first.ns->context().discard(first);
}

void pair_backend_done(IoSlot& first) {
  if (first.progress == kBothReceived) {
    if (!first.status.ok()) return finish_pair(first, {first.status, kNoLocation, 0}, kFailedFused);
    return begin_pieces<compare_pair_piece>(first, kMapped);
  }
  if (first.progress == kAskedFor && first.status.ok()) return begin_pieces<copy_pair_piece>(first, kLent);
  QueueShared& shared = first.queue().queue().shared();
  shared.reads.add(1);
  shared.bytes_read.add(first.length);
  shared.writes.add(1);
  shared.bytes_written.add(first.length);
  finish_pair(first, success(), {first.status, kNoLocation, 0});
}

void join(IoQueue& queue, IoSlot& first, IoSlot& second, std::uint64_t data_length) {
  const auto fail_both = [&](const Answer& of_first, const Answer& of_second) {
    queue.finish(first, of_first);
    queue.finish(second, of_second);
  };
  if (second.sqe->opcode != nvme::io::kWrite) {
    return fail_both(kFailedFused, invalid_field(at::kOpcode));
  }
  if (second.sqe->nsid != first.sqe->nsid) return fail_both(kFailedFused, invalid_field(at::kNsid));
  const auto range = second.sqe->arguments<nvme::ReadWriteArguments>();
  if (range.slba != first.lba || range.blocks() != first.blocks) {
    return fail_both(invalid_field(at::kCdw10), invalid_field(at::kCdw10));
  }
  if (const Answer answer = commands::kWrite.check(second, data_length); !answer.ok()) {
    return fail_both(kFailedFused, answer);
  }
  second.budget = 0;  // one range for both, of the first
  second.iov_entries = 0;
  second.chained = true;
  second.state = IoState::kExclusive;
  first.chunks = static_cast<std::uint16_t>(first.chunks * 2);
  first.partner = queue.token(second);
  second.partner = queue.token(first);
  queue.begin(first);
}

// The first of a pair: what can be refused is refused at once, and its second then follows it.
void take_first(IoQueue& queue, IoSlot& s, std::uint64_t data_length) {
  const Answer answer =
      s.sqe->opcode == nvme::io::kCompare ? commands::kCompare.check(s, data_length) : invalid_field(at::kFlags);
  if (!answer.ok()) {
    queue.half_pair = IoQueue::kFailed;
    return queue.finish(s, answer);
  }
  s.state = IoState::kHalfPair;
  queue.await_host(s);
  queue.half_pair = queue.token(s);
}

}  // namespace

const IoCommand kFusedPair = {nullptr, start_pair, pair_received, pair_backend_done, pair_granted, abandon_pair};

bool pair_writes(const IoSlot& first) { return first.progress >= kAskedFor; }

// Checked when the pair is alone on its range, and between pieces; a commit is not taken back.
bool abort_fused(IoSlot& s) {
  IoSlot& first = first_of(s);
  if (first.progress == kCommitted) return false;
  first.abort = true;
  return true;
}

void orphan_half(IoQueue& queue, const IoSlot& next) {
  const std::uint32_t half = std::exchange(queue.half_pair, IoQueue::kNone);
  if (half >= IoQueue::kFailed) return;
  queue.finish(queue.slot(half), next.sqe->fuse() == nvme::flags::kFuseSecond ? kFailedFused : kMissingFused);
}

bool take_fused(IoQueue& queue, IoSlot& s, std::uint64_t data_length) {
  const std::uint32_t half = queue.half_pair;
  queue.half_pair = IoQueue::kNone;
  const bool is_second = s.sqe->fuse() == nvme::flags::kFuseSecond;
  if (half == IoQueue::kFailed && is_second) {
    queue.finish(s, kFailedFused);
    return true;
  }
  if (half < IoQueue::kFailed) {
    if (is_second) {
      join(queue, queue.slot(half), s, data_length);
      return true;
    }
    queue.finish(queue.slot(half), kMissingFused);
  }
  if (s.sqe->fuse() == nvme::flags::kFuseNone) return false;
  if (s.sqe->fuse() == nvme::flags::kFuseFirst) {
    take_first(queue, s, data_length);
  } else {
    queue.finish(s, is_second ? kMissingFused : invalid_field(at::kFlags));
  }
  return true;
}

}  // namespace weft::controller

#include "core/controller/io_queue.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kTransferEntries = 260;  // of one call, for data in chunks
constexpr std::uint32_t kMostPassed = 64;
constexpr std::uint64_t kMostWindow = std::uint64_t{1} << 40;

const IoCommand& command_of(const IoSlot& slot) {
  return slot.partner != UINT32_MAX ? kFusedPair : io_command(slot.opcode);
}

// Bytes of a read may have gone; and both halves of a pair have to end together.
bool can_be_cancelled(const IoSlot& s) { return s.state == IoState::kReceiving && s.partner == UINT32_MAX; }

// Copies what lies in the capsule to where the command's data is to be.
void copy_in(std::span<const weft_iov> iov, const void* from) {
  const auto* at = static_cast<const std::byte*>(from);
  for (const weft_iov& entry : iov) {
    std::memcpy(entry.base, at, entry.len);
    at += entry.len;
  }
}

// The entries of `iov` from byte `offset` on; the first one cut. How many.
std::uint32_t from_offset(std::span<const weft_iov> iov, std::uint64_t offset, std::span<weft_iov> into,
                          std::uint64_t& bytes) {
  std::uint32_t count = 0;
  bytes = 0;
  for (const weft_iov& entry : iov) {
    if (offset >= entry.len) {
      offset -= entry.len;
      continue;
    }
    if (count == into.size()) break;
    into[count] = weft_iov{static_cast<std::byte*>(entry.base) + offset, entry.len - offset, entry.region};
    bytes += into[count++].len;
    offset = 0;
  }
  return count;
}

}  // namespace

IoQueue::IoQueue(Queue& queue, SubsystemView& namespaces, std::uint32_t depth)
    : queue_(queue),
      worker_(queue.worker()),
      share_(queue.shares().io),
      namespaces_(namespaces),
      depth_(depth),
      slots_(static_cast<IoSlot*>(::operator new(std::size_t{depth} * sizeof(IoSlot)))) {
  static_assert(alignof(IoSlot) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}

// All up to `token`.
void IoQueue::make_slots(std::uint32_t token) {
  assert(token < depth_);
  for (; made_ <= token; ++made_) {
    IoSlot& slot = *new (&slots_[made_]) IoSlot;
    slot.BackendOp::ctx = this;
    slot.done = &IoQueue::backend_done;
  }
}

void IoQueue::on_command(const weft_command& command) {
  if (command.token >= made_) [[unlikely]]
    make_slots(static_cast<std::uint32_t>(command.token));
  IoSlot& s = slots_[command.token];
  assert(s.state == IoState::kFree);
  s.sqe = static_cast<const nvme::Sqe*>(command.sqe);
  s.opcode = s.sqe->opcode;
  s.cid = s.sqe->cid;
  ++busy_;
  queue_.shared().commands.add(1);
  const bool psdt_ok = s.sqe->psdt() == nvme::flags::kPsdtSgl;
  if (command.status != 0 || quiesced_ || !psdt_ok || s.sqe->is_fabrics()) [[unlikely]] {
    return refuse_early(s, command);
  }
  if ((command.flags & WEFT_DATA_COMPLETE) != 0) s.capsule = command.capsule_data;
  if ((s.sqe->fuse() == 0 && half_pair == kNone) || !take_fused(*this, s, command.data_len)) {
    const IoCommand& io = io_command(s.opcode);
    const Answer answer =
        io.check == nullptr ? refuse(nvme::status::kInvalidOpcode, at::kOpcode) : io.check(s, command.data_len);
    if (answer.ok()) {
      worker_.arrivals().add(s);
    } else {
      finish(s, answer);
    }
  }
}

// What is no I/O command that could run now. A first half of a pair that waits loses its second.
void IoQueue::refuse_early(IoSlot& s, const weft_command& command) {
  orphan_half(*this, s);
  if (command.status != 0) return finish(s, {NvmeStatus(command.status), command.error_offset, 0});
  if (s.sqe->is_fabrics()) {
    --busy_;
    return queue_.fabrics_on_io_queue(command);
  }
  if (quiesced_) return finish(s, {nvme::status::kControllerPathingError, kNoLocation, 0});
  finish(s, invalid_field(at::kFlags));
}

// A few may go past one that does not fit; what needs no memory always does.
void IoQueue::begin(IoSlot& s) {
  const std::uint32_t bytes = s.budget + s.chunks * kChunkSize;
  if (bytes != 0 && (!has_window(bytes) || (passed_ == kMostPassed && !behind_.empty()))) [[unlikely]] {
    s.state = IoState::kBehind;
    ask_for_data(s);
    return behind_.push_back(s);
  }
  if (bytes != 0 && !behind_.empty()) ++passed_;
  count(s, bytes);
  claim(s);
}

void IoQueue::count(IoSlot& s, std::uint32_t bytes) {
  s.counted = bytes;
  used_ += bytes;
}

void IoQueue::claim(IoSlot& s) {
  s.resume = [](Claim& claim) {
    auto& slot = static_cast<IoSlot&>(claim);
    if (slot.queue().queue_.closing()) [[unlikely]]
      return slot.queue().free_pair(slot);
    slot.iov = slot.long_iov != nullptr ? slot.long_iov : slot.own_iov.data();
    command_of(slot).start(slot);
  };
  s.state = IoState::kWaiting;
  if (worker_.resources().acquire(s, share_)) return s.resume(s);
  ask_for_data(s);
}

// What begins may end at once: one loop, not a recursion.
void IoQueue::begin_those_behind() {
  if (std::exchange(beginning_, true)) return;
  while (!closed_ && !queue_.closing() && !behind_.empty()) {
    auto& s = static_cast<IoSlot&>(behind_.front());
    const std::uint32_t bytes = s.budget + s.chunks * kChunkSize;
    if (!has_window(bytes)) break;
    s.unlink();
    passed_ = 0;
    count(s, bytes);
    claim(s);
  }
  beginning_ = false;
}

// The connection may end while the command waits: then the transport has to say whether its data still counts.
void IoQueue::ask_for_data(IoSlot& s) { s.capsule = nullptr; }

// Before its command hears of it, which may end here.
void IoQueue::backend_ended(IoSlot& s) {
  if (!s.status.ok()) [[unlikely]]
    s.queue().worker_.storage_failed(s);
  command_of(s).backend_done(s);
}

void IoQueue::await_memory(IoSlot& s, Progress progress) {
  s.state = IoState::kLending;
  if (progress == Progress::kDone) return backend_ended(s);
  ask_for_data(s);
}

void IoQueue::await(IoSlot& s, Progress progress) {
  s.state = IoState::kWorking;
  if (progress == Progress::kDone) return backend_ended(s);
  s.ns->entered(s);
}

void IoQueue::await_piece(IoSlot& s, Progress progress) {
  s.state = IoState::kWorking;
  if (progress == Progress::kDone) return backend_ended(s);
  IoQueue& queue = s.queue();
  s.pending = true;
  queue.worker_.long_commands().entered(queue.share_.long_commands);
  s.ns->entered(s);
}

void IoQueue::wait_for_turn(IoSlot& s) {
  s.state = IoState::kTurn;
  worker_.long_commands().add(s, share_.long_commands);
}

Answer IoQueue::cancelled(const IoSlot& s) const {
  if (s.abort) return {nvme::status::kAbortRequested, kNoLocation, 0};
  if (closed_ || quiesced_ || queue_.closing()) return {nvme::status::kControllerPathingError, kNoLocation, 0};
  if (s.ns != nullptr && s.ns->detached()) return refuse(nvme::status::kInvalidNamespaceOrFormat, at::kNsid);
  return success();
}

bool IoQueue::piece_done(IoSlot& s) {
  if (s.status.ok() && !s.abort) [[likely]]
    return true;
  give_up(s, {s.status.ok() ? nvme::status::kAbortRequested : s.status, kNoLocation, 0});
  return false;
}

void IoQueue::backend_done(BackendOp& op) {
  auto& s = static_cast<IoSlot&>(op);
  if (s.pending) {
    s.pending = false;
    IoQueue& queue = s.queue();
    queue.worker_.long_commands().left(queue.share_.long_commands);
  }
  NamespaceView* const ns = s.ns;
  ns->add_user();  // the command may end in here, and the gate is told after
  s.unlink();
  backend_ended(s);
  ns->left();
  ns->remove_user();
}

void IoQueue::give_up(IoSlot& s, const Answer& answer) {
  if (s.exclusive) end_exclusive(s, Effect::kNone);
  command_of(s).abandon(s);
  const std::uint32_t partner = s.partner;
  finish(s, answer);
  if (partner != UINT32_MAX) finish(slots_[partner], {nvme::status::kAbortedFailedFused, kNoLocation, 0});
}

void IoQueue::receive(IoSlot& s) {
  s.state = IoState::kReceiving;
  s.moved = 0;
  // Commands whose data lies in chunks may take long: receive_data() gives the capsule's memory back, which all share.
  if (s.capsule != nullptr && !s.chained) {
    copy_in(s.segments(), s.capsule);
    return command_of(s).data_done(s, DataEnd{});
  }
  await_host(s);
  transfer(s, false);
}

void IoQueue::send(IoSlot& s) {
  s.state = IoState::kSending;
  s.moved = 0;
  await_host(s);
  transfer(s, true);
}

void IoQueue::await_host(IoSlot& s) {
  s.since = worker_.reactor().now();
  queue_.watch_transfers();
}

Nanoseconds IoQueue::waits_since() const {
  Nanoseconds oldest = kForever;
  for (std::uint32_t i = 0; i < made_; ++i) {
    const IoSlot& s = slots_[i];
    const bool waits = s.state == IoState::kReceiving || s.state == IoState::kSending || s.state == IoState::kHalfPair;
    if (waits) oldest = std::min(oldest, s.since);
  }
  return oldest;
}

// One call of at most the transport's number of entries; the next one when this has ended.
void IoQueue::transfer(IoSlot& s, bool out) {
  const std::uint32_t most = queue_.max_iov();
  std::int32_t rc = 0;
  weft_iov some[kTransferEntries];
  std::span<const weft_iov> iov = s.chained ? std::span<const weft_iov>() : s.segments();
  std::uint64_t bytes = s.length;
  if (s.chained) {
    const std::uint32_t count = worker_.resources().describe(
        s, s.moved, s.length - s.moved, std::span(some).first(std::min<std::size_t>(most, kTransferEntries)));
    iov = std::span(some).first(count);
    bytes = 0;
    for (const weft_iov& entry : iov) bytes += entry.len;
  } else if (iov.size() > most || s.moved != 0) {
    iov = std::span(some).first(
        from_offset(iov, s.moved, std::span(some).first(std::min<std::size_t>(most, kTransferEntries)), bytes));
  }
  const std::uint64_t offset = s.moved;
  s.asked = static_cast<std::uint32_t>(bytes);
  s.moved += s.asked;
  if (out) {
    rc = queue_.pair().send_data(token(s), offset, iov, s.moved == s.length, s.cid, 0, token(s));
  } else {
    rc = queue_.pair().receive_data(token(s), offset, iov, token(s));
  }
  if (rc != 0) command_of(s).data_done(s, DataEnd{rc, NvmeStatus()});
}

void IoQueue::on_data(std::uint64_t cookie, std::uint64_t moved, DataEnd end) {
  assert(cookie < made_);
  IoSlot& s = slots_[cookie];
  if (!moved_rightly(moved, s.asked, end)) [[unlikely]]
    end = queue_.wrong_count(moved, s.asked);
  progress_ = worker_.reactor().now();
  if (end.ok() && s.moved < s.length && !s.abort && !s.reclaimed) return transfer(s, s.state == IoState::kSending);
  if ((s.abort || s.reclaimed) && s.state == IoState::kReceiving) [[unlikely]] {
    const NvmeStatus status = s.abort ? nvme::status::kAbortRequested : nvme::status::kCommandInterrupted;
    return command_of(s).data_done(s, DataEnd{-ECANCELED, status});
  }
  command_of(s).data_done(s, end);
}

void IoQueue::want_exclusive(IoSlot& s) {
  s.state = IoState::kExclusive;
  worker_.want_exclusive(s.ns->owner(), whole_range(s), s);
}

BlockRange IoQueue::whole_range(const IoSlot& s) {
  return {s.sqe->argument_at<le64>(kSlbaAt), s.sqe->argument_at<le16>(kNlbAt) + std::uint64_t{1}};
}

// It may have been cancelled while it waited.
void IoQueue::granted(IoSlot& s) {
  IoQueue& queue = s.queue();
  if (s.abort || queue.closed_) [[unlikely]] {
    s.exclusive = true;
    return queue.give_up(s, {nvme::status::kAbortRequested, kNoLocation, 0});
  }
  command_of(s).granted(s);
}

void IoQueue::end_exclusive(IoSlot& s, Effect effect) {
  s.exclusive = false;
  worker_.end_exclusive(s.ns->owner(), whole_range(s), effect);
}

void IoQueue::finish(IoSlot& s, const Answer& answer) {
  assert(!s.exclusive);
  const bool gone = s.state == IoState::kSending && s.moved == s.length;  // a completion went with the data
  if (!closed_ && !gone) queue_.respond(token(s), *s.sqe, answer, s.lba);
  free(s);
}

void IoQueue::sent(IoSlot& s) { free(s); }

void IoQueue::free(IoSlot& s) {
  if (s.ns != nullptr) {
    s.ns->remove_user();
    s.ns = nullptr;
  }
  s.state = IoState::kFree;
  s.capsule = nullptr;
  used_ -= s.counted;
  if (!s.reclaimed) [[likely]]
    window_ = std::min(window_ + s.counted, kMostWindow);
  s.counted = 0;
  s.abort = s.reclaimed = s.chained = false;
  s.partner = UINT32_MAX;
  s.progress = 0;
  s.status = NvmeStatus();
  s.error = 0;
  s.lba = s.blocks = s.flags = s.length = 0;
  --busy_;
  worker_.resources().release(s, share_);
  s.budget = 0;
  s.chunks = s.iov_entries = 0;
  queue_.release(token(s));
  if (!behind_.empty()) [[unlikely]]
    begin_those_behind();
}

// One that is_idle().
void IoQueue::cancel(IoSlot& s) {
  if (s.state == IoState::kArrived) {
    worker_.arrivals().remove(s);
  } else if (s.state == IoState::kWaiting) {
    worker_.resources().withdraw(s, share_);
  } else if (s.state == IoState::kBehind) {
    s.unlink();
  } else if (s.state == IoState::kAtGate) {
    s.unlink();
    command_of(s).abandon(s);
  } else if (s.state == IoState::kTurn) {
    worker_.long_commands().remove(s, share_.long_commands);
    if (s.exclusive) end_exclusive(s, Effect::kNone);
    command_of(s).abandon(s);
  } else if (s.state == IoState::kHalfPair) {
    half_pair = kNone;
  }
}

void IoQueue::on_closed() {
  closed_ = true;
  for (std::uint32_t i = 0; i < made_; ++i) {
    IoSlot& s = slots_[i];
    if (!is_idle(s)) continue;
    cancel(s);
    free_pair(s);
  }
}

// Without an answer: the host is gone.
void IoQueue::free_pair(IoSlot& s) {
  if (s.partner != UINT32_MAX) free(slots_[s.partner]);
  free(s);
}

IoSlot* IoQueue::stalled(const Still& since) {
  IoSlot* oldest = nullptr;
  for (std::uint32_t i = 0; i < made_; ++i) {
    IoSlot& s = slots_[i];
    const bool moves = s.state == IoState::kReceiving || s.state == IoState::kSending;
    if (!moves || s.reclaimed) continue;
    const Nanoseconds with_queue = can_be_cancelled(s) ? since.cancel : since.end;
    if (s.since > (progress_ > with_queue ? since.alone : with_queue)) continue;
    if (oldest == nullptr || s.since < oldest->since) oldest = &s;
  }
  return oldest;
}

bool IoQueue::reclaim(IoSlot& s) {
  window_ = kFirstWindow;
  if (!can_be_cancelled(s)) return false;
  s.reclaimed = true;
  queue_.pair().cancel_data(token(s));
  return true;
}

bool IoQueue::abort(std::uint16_t cid) {
  for (std::uint32_t i = 0; i < made_; ++i) {
    IoSlot& s = slots_[i];
    if (s.state == IoState::kFree || s.cid != cid) continue;
    if (s.partner != UINT32_MAX) return abort_fused(s);
    if (s.state == IoState::kReceiving) {
      s.abort = true;
      queue_.pair().cancel_data(i);
      return true;
    }
    if (s.state == IoState::kExclusive || s.pending) {
      s.abort = true;
      return true;
    }
    if (!is_idle(s)) continue;
    cancel(s);
    finish(s, {nvme::status::kAbortRequested, kNoLocation, 0});
    return true;
  }
  return false;
}

}  // namespace weft::controller

// controller_data.cpp - the data calls of a controller: staged if they must be, posted as there is room, ended once.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "../common/arguments.hpp"
#include "controller_side.hpp"
#include "memory.hpp"

namespace weft::rdma {

namespace {

constexpr std::uint32_t kKnownDataFlags = WEFT_ALLOW_IMPLIED;
constexpr std::uint64_t kMostOfOneRequest = 1U << 30;

std::uint64_t most_of_one(const verbs::DeviceAttributes& device) {
  return device.max_message != 0 ? std::min(device.max_message, kMostOfOneRequest) : kMostOfOneRequest;
}

}  // namespace

// ---- the core's calls ----------------------------------------------------------------------------------------------

int ControllerSide::receive_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                                 std::uint64_t cookie, std::uint32_t flags) {
  Command* command = held_command(token);
  const std::uint64_t length = plugin::total_length(iov);
  if (command == nullptr || command->status != 0 || command->calls == WEFT_DATA_CALLS || length == 0 ||
      iov.size() > kMaxIov || (flags & ~kKnownDataFlags) != 0)
    return -EINVAL;
  if (offset > command->data_length || length > command->data_length - offset) return -EINVAL;
  DataOp& op = new_op(static_cast<std::uint32_t>(token), DataOp::Kind::kReceive, offset, iov, length, cookie);
  ++command->reading;
  if (command->place != SglPlace::kInCapsule) {
    start_part(op);
    return 0;
  }
  op.copy_in(0, data_of(*command) + offset, length);
  op.moved = length;
  finish(op, 0);
  return 0;
}

int ControllerSide::send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                              const void* final_cqe, std::uint64_t cookie, std::uint32_t flags) {
  Command* command = held_command(token);
  const std::uint64_t length = plugin::total_length(iov);
  if (command == nullptr || command->place != SglPlace::kRemote || command->calls == WEFT_DATA_CALLS || length == 0 ||
      iov.size() > kMaxIov || (flags & ~kKnownDataFlags) != 0)
    return -EINVAL;
  if (offset > command->data_length || length > command->data_length - offset) return -EINVAL;
  const auto index = static_cast<std::uint32_t>(token);
  DataOp& op = new_op(index, DataOp::Kind::kSend, offset, iov, length, cookie);
  ++command->unposted;
  if (final_cqe != nullptr) {
    op.final_response = true;
    command->last_op = &op;
    answer(index, final_cqe);
  }
  start_part(op);
  return 0;
}

void ControllerSide::cancel_data(std::uint64_t token) {
  if (token >= commands_.size() || gone_) return;
  const Command& command = commands_[token];
  if (command.state != State::kHeld && command.state != State::kAnswered) return;
  for (DataOp *op = command.ops, *next = nullptr; op != nullptr; op = next) {
    next = op->next;
    cancel(*op);
  }
}

DataOp& ControllerSide::new_op(std::uint32_t token, DataOp::Kind kind, std::uint64_t offset,
                               std::span<const weft_iov> iov, std::uint64_t length, std::uint64_t cookie) {
  Command& command = commands_[token];
  const int access = kind == DataOp::Kind::kReceive ? link_.device().read_sink_access() : 0;
  DataOp& op = link_.memory().ops().take(iov, length, link_.device(), access);
  op.kind = kind;
  op.link = &link_;
  op.index = token;
  op.cookie = cookie;
  op.offset = offset;
  op.claim.share = &share_;
  op.claim.user = this;
  op.claim.op = &op;
  DataOp** end = &command.ops;
  while (*end != nullptr) end = &(*end)->next;
  *end = &op;
  ++command.calls;
  ++operations_;
  return op;
}

// ---- parts ---------------------------------------------------------------------------------------------------------

// All of it when it goes straight; else as much as one run of staged memory holds.
void ControllerSide::start_part(DataOp& op) {
  Staging& staging = link_.memory().staging();
  op.part_start = op.progress;
  if (op.straight) {
    op.part_end = op.length;
    ++link_.counters().region_hits;
    (op.kind == DataOp::Kind::kReceive ? reads_ : writes_).push_back(op);
    link_.mark_dirty();
    return;
  }
  op.part_end = op.progress + std::min(op.length - op.progress, staging.longest());
  ++link_.counters().region_misses;
  op.claim.bytes = op.part_end - op.part_start;
  if (staging.claim(op.claim)) staged(op.claim);
}

void ControllerSide::staged(StagingClaim& claim) {
  if (gone_) return;  // end_operations() gives it back
  DataOp& op = *claim.op;
  if (op.kind == DataOp::Kind::kReceive) {
    reads_.push_back(op);
  } else {
    op.copy_out(op.part_start, claim.run.base, claim.bytes);
    ++link_.counters().copies;
    link_.counters().copied_bytes += claim.bytes;
    writes_.push_back(op);
  }
  link_.mark_dirty();
}

void ControllerSide::post_reads() {
  while (DataOp* op = reads_.front()) {
    if (reads_left_ == 0 || !link_.sends().make_room(link_.pair(), 1)) return;
    --reads_left_;
    if (!post_request(*op)) reads_.remove(*op);
  }
}

void ControllerSide::post_writes() {
  while (DataOp* op = writes_.front()) {
    if (!link_.sends().make_room(link_.pair(), 1)) return;
    if (post_request(*op)) continue;
    writes_.remove(*op);
    if (op->progress != op->length) continue;
    --commands_[op->index].unposted;
    consider_answer(op->index);
    post_answers();
  }
}

std::uint32_t ControllerSide::most_read_elements() {
  const std::uint32_t most = link_.device().attributes().max_sge_read;
  return most == 0 ? link_.sends().max_sge() : std::min(most, link_.sends().max_sge());
}

// The next READ or WRITE of the part; false when that was its last.
bool ControllerSide::post_request(DataOp& op) {
  const bool reads = op.kind == DataOp::Kind::kReceive;
  const RemoteSegment remote = locate(segments_of(op.index), op.offset + op.progress);
  std::uint64_t length =
      std::min({op.part_end - op.progress, std::uint64_t{remote.length}, most_of_one(link_.device().attributes())});
  // READs are told one by one, since others wait for them. WRITEs are told with the part, or with the response behind it
  // when nothing is staged: a run is not held until a response is taken, since a peer may post no receive for that.
  const bool last = op.progress + length == op.part_end;
  const bool signalled = reads || (last && (!op.final_response || !op.straight));
  ibv_send_wr& request = link_.sends().add({.work = reads ? Work::kRead : Work::kWrite, .index = op.index, .op = &op},
                                           reads ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE, signalled);
  request.wr.rdma.remote_addr = remote.address;
  request.wr.rdma.rkey = remote.key;
  if (op.straight) {
    const std::span<ibv_sge> out(request.sg_list, reads ? most_read_elements() : link_.sends().max_sge());
    request.num_sge = static_cast<int>(op.elements(op.progress, length, out, length));
  } else {
    request.sg_list[0] = {.addr = reinterpret_cast<std::uintptr_t>(op.claim.run.base + (op.progress - op.part_start)),
                          .length = static_cast<std::uint32_t>(length),
                          .lkey = link_.memory().staging_region().lkey()};
    request.num_sge = 1;
  }
  link_.sends().latest().length = static_cast<std::uint32_t>(length);
  op.progress += length;
  ++op.in_flight;
  return op.progress != op.part_end;
}

// ---- ends ----------------------------------------------------------------------------------------------------------

void ControllerSide::request_done(const Posted& posted) {
  count(posted);
  DataOp& op = *posted.op;
  if (posted.work == Work::kRead) ++reads_left_;
  if (op.in_flight != 0) return;
  if (op.progress == op.part_end) {
    part_done(op);
  } else if (op.cancelled) {
    give_up(op);
  }
}

void ControllerSide::count(const Posted& posted) {
  DataOp& op = *posted.op;
  --op.in_flight;
  const bool read = posted.work == Work::kRead;
  (read ? link_.counters().bytes_in : link_.counters().bytes_out) += posted.length;
  if (!read || op.straight)
    op.moved += posted.length;  // what was read into staged memory has yet to go where it is to be
}

void ControllerSide::count_done() {
  Posted posted;
  while (link_.sends().next_done(posted)) {
    if (posted.work != Work::kRead && posted.work != Work::kWrite) continue;
    count(posted);
    if (posted.op->in_flight == 0 && posted.op->progress == posted.op->part_end) take_part(*posted.op);
  }
}

// What was read into staged memory goes where it is to be.
void ControllerSide::take_part(DataOp& op) {
  if (!op.claim.run || op.kind != DataOp::Kind::kReceive) return;
  op.copy_in(op.part_start, op.claim.run.base, op.claim.run.bytes);
  op.moved += op.claim.run.bytes;
  ++link_.counters().copies;
  link_.counters().copied_bytes += op.claim.run.bytes;
}

void ControllerSide::part_done(DataOp& op) {
  take_part(op);
  link_.memory().staging().release(op.claim.run);
  if (op.progress != op.length) {
    if (op.cancelled) return give_up(op);
    return start_part(op);
  }
  if (!op.final_response) finish(op, 0);  // else with the response
}

void ControllerSide::give_up(DataOp& op) {
  detach(op);
  finish(op, -ECANCELED);
}

// Off everything that it was on, with nothing in flight or nothing of the device left to touch its memory.
void ControllerSide::detach(DataOp& op) {
  op.ready_hook.unlink();
  link_.memory().staging().withdraw(op.claim);
  link_.memory().staging().release(op.claim.run);
}

// Off the command's list; the event comes from the group's turn.
void ControllerSide::finish(DataOp& op, std::int32_t error) {
  Command& command = commands_[op.index];
  DataOp** link = &command.ops;
  while (*link != &op) link = &(*link)->next;
  *link = op.next;
  op.error = error;
  link_.finish(op);
  if (op.kind != DataOp::Kind::kReceive) return;
  --command.reading;
  consider_answer(op.index);
}

void ControllerSide::tell_data(DataOp& op) {
  --commands_[op.index].calls;
  --operations_;
  const std::uint64_t cookie = op.cookie, moved = op.moved;
  const std::int32_t error = op.error;
  const std::uint32_t flags = op.event_flags;
  link_.memory().ops().give_back(op);
  link_.count_event();
  link_.events().on_data(link_.context(), cookie, moved, error, 0, flags);
}

// What was posted goes its way, since no device takes it back; the rest does not, and its response with it.
void ControllerSide::cancel(DataOp& op) {
  Command& command = commands_[op.index];
  const bool whole = op.progress == op.length;
  const bool answer_posted = op.final_response && command.hook.list == 0;
  if (op.cancelled || (op.kind == DataOp::Kind::kSend && whole && (!op.final_response || answer_posted))) return;
  op.cancelled = true;
  if (op.kind == DataOp::Kind::kReceive && whole)
    return;  // ends as it would have, but no response has to wait for that call
  op.ready_hook.unlink();
  link_.memory().staging().withdraw(op.claim);
  if (op.kind == DataOp::Kind::kSend && !whole) --command.unposted;
  if (op.final_response) {
    op.final_response = false;
    withdraw_answer(op.index);
  } else {
    consider_answer(op.index);  // one may have waited for this data
  }
  if (op.in_flight == 0) give_up(op);
}

}  // namespace weft::rdma

#include "core/host/host_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/host/pieces.hpp"
#include "core/wire/command_name.hpp"
#include "core/wire/sqe.hpp"

namespace weft {
namespace {

// Whether a command that ended so was the last of its connection: then on_closed follows.
bool ended_with_connection(std::int32_t error) { return error != 0 && error != -EBADMSG && error != -ETIMEDOUT; }

}  // namespace

Status HostQueue::open(Transport& transport, const Address& address, const HostQueuePairParams& params) {
  slots_.assign(params.depth, Slot());
  by_cid_.assign(params.depth, nullptr);
  free_ = nullptr;
  for (Slot& slot : slots_) {
    slot.queue = this;
    give_slot(slot);
  }
  ready_ = connected_ = failing_ = false;
  auto pair = HostQueuePair::open(reactor_, transport, address, params, *this);
  if (!pair) return std::move(pair).error();
  pair_ = std::move(*pair);
  return {};
}

void HostQueue::close() {
  connected_ = false;
  if (pair_ != nullptr) pair_->close();
}

void HostQueue::connected(std::uint16_t sqhd, bool flow_control, std::uint64_t max_transfer) {
  pair_->start_flow_control(sqhd, flow_control);
  capacity_ = pair_->room();
  piece_limits_ = {.bytes = max_transfer, .iov = std::max(limits_.max_iov, 1U)};
  if (limits_.max_transfer != 0 && (max_transfer == 0 || limits_.max_transfer < max_transfer))
    piece_limits_.bytes = limits_.max_transfer;
  connected_ = true;
}

Error HostQueue::closing_error() const {
  if (reason_.code != 0) return reason_;
  return Error(ECONNRESET, "the connection was closed");
}

bool HostQueue::fits(const weft_iov* iov, std::uint32_t count) const {
  return !connected_ ||
         (count <= piece_limits_.iov && (piece_limits_.bytes == 0 || length_of(iov, count) <= piece_limits_.bytes));
}

void HostQueue::on_ready(const weft_limits& limits) {
  limits_ = limits;
  ready_ = true;
  wake_ready();
}

void HostQueue::on_closed(const Error& reason) {
  reason_ = reason;
  ready_ = connected_ = false;
  pair_.reset();
  wake_ready();
  owner_.queue_closed(*this, closing_error());
}

void HostQueue::on_timeout(std::uint16_t cid) {
  if (by_cid_[cid] == nullptr) return;
  by_cid_[cid]->timed_out = true;
  owner_.command_timed_out(*this, cid);
}

void HostQueue::wake_ready() {
  if (awaiting_ready_) std::exchange(awaiting_ready_, {}).resume();
}

HostQueue::Slot* HostQueue::take_slot() {
  Slot* slot = free_;
  if (slot != nullptr) free_ = slot->next_free;
  return slot;
}

void HostQueue::give_slot(Slot& slot) {
  slot.io = nullptr;
  slot.passthrough = nullptr;
  slot.timed_out = false;
  slot.next_free = free_;
  free_ = &slot;
}

std::int32_t HostQueue::submit(Slot& slot, HostQueuePair::Command& command, Nanoseconds timeout) {
  command.deadline = timeout >= kForever - reactor_.now() ? 0 : reactor_.now() + timeout;
  command.done = &HostQueue::command_done;
  command.ctx = &slot;
  const std::int32_t cid = pair_->submit(command);
  if (cid < 0) {
    give_slot(slot);
    return cid;
  }
  slot.cid = static_cast<std::uint16_t>(cid);
  slot.length = length_of(command.iov, command.iov_count);
  slot.opcode = command.sqe.opcode;
  by_cid_[slot.cid] = &slot;
  return 0;
}

bool HostQueue::send(IoRequest& request, Nanoseconds timeout) {
  if (request.timeout != 0) timeout = request.timeout;
  if (request.kind == IoRequest::Kind::kCompareAndWrite) return send_pair(request, timeout);
  const std::uint64_t wanted = request.kind == IoRequest::Kind::kFlush ? 1 : request.blocks;
  while (request.progress.blocks_sent < wanted && request.completion.ok()) {
    if (room() == 0) return false;
    if (!send_piece(request, timeout)) break;
  }
  return true;
}

// False: it cannot be sent at all, and its completion says why.
bool HostQueue::send_piece(IoRequest& request, Nanoseconds timeout) {
  Piece piece;
  std::int32_t error = 0;
  if (request.kind == IoRequest::Kind::kFlush) {
    request.progress.blocks_sent = 1;
    piece.blocks = 0;
  } else {
    error = next_piece(request, piece_limits_, piece);
  }
  if (error == 0) {
    Slot* const slot = take_slot();
    HostQueuePair::Command command{.sqe = piece_command(request, piece),
                                   .iov = piece.iov.data(),
                                   .iov_count = piece.iov_count,
                                   .direction = piece_direction(request.kind)};
    if (request.kind == IoRequest::Kind::kDeallocate) {
      slot->range = nvme::DsmRange{.attributes = 0, .blocks = piece.blocks, .slba = piece.lba};
      piece.iov[0] = weft_iov{&slot->range, sizeof slot->range, nullptr};
      command.iov_count = 1;
    }
    slot->io = &request;
    error = submit(*slot, command, timeout);
  }
  if (error != 0) {
    request.completion.error = error;
    return false;
  }
  ++request.progress.pieces;
  return true;
}

// The two commands of a compare-and-write stand next to each other on the queue, or neither is sent.
bool HostQueue::send_pair(IoRequest& request, Nanoseconds timeout) {
  const bool fit = fits(request.iov, request.iov_count) && fits(request.compare_iov, request.compare_iov_count);
  if (capacity_ < 2 || !fit) {
    request.completion.error = fit ? -EINVAL : -EMSGSIZE;
    return true;
  }
  if (room() < 2) return false;
  Slot* const first = take_slot();
  Slot* const second = take_slot();
  const Piece whole{
      .lba = request.lba, .blocks = static_cast<std::uint32_t>(request.blocks), .iov_count = 0, .iov = {}};
  HostQueuePair::Command command;
  command.direction = DataDirection::kOut;
  command.sqe = wire::fused(wire::compare(request.nsid, whole.lba, whole.blocks), nvme::flags::kFuseFirst);
  command.iov = request.compare_iov;
  command.iov_count = request.compare_iov_count;
  first->io = second->io = &request;
  request.progress.blocks_sent = request.blocks;
  std::int32_t error = submit(*first, command, timeout);
  request.progress.pieces = error == 0 ? 1 : 0;
  if (error == 0) {
    command.sqe = piece_command(request, whole);
    command.iov = request.iov;
    command.iov_count = request.iov_count;
    error = submit(*second, command, timeout);
    request.progress.pieces += error == 0 ? 1 : 0;
  } else {
    give_slot(*second);
  }
  if (error != 0) request.completion.error = error;
  return true;
}

std::int32_t HostQueue::send(PassthroughRequest& request, Nanoseconds timeout, std::uint32_t reserved) {
  if (pair_ == nullptr || !ready_) return -ENOTCONN;
  if (room() <= reserved) return -EAGAIN;
  if (!fits(request.iov, request.iov_count)) return -EMSGSIZE;
  Slot* const slot = take_slot();
  HostQueuePair::Command command;
  command.sqe = request.sqe;
  command.iov = request.iov;
  command.iov_count = request.iov_count;
  command.direction = request.direction;
  slot->passthrough = &request;
  return submit(*slot, command, request.timeout != 0 ? request.timeout : timeout);
}

void HostQueue::command_done(void* ctx, const Completion& completion) {
  auto& slot = *static_cast<Slot*>(ctx);
  slot.queue->end(slot, completion);
}

void HostQueue::end(Slot& slot, const Completion& completion) {
  IoRequest* const io = slot.io;
  PassthroughRequest* const passthrough = slot.passthrough;
  std::int32_t error = completion.error;
  // A success without the data is none: what was to be read is not there, what was to be written or compared nobody saw. A
  // caller's own command may move less than its buffer holds, but nothing can have moved more.
  const bool wrong_count = io != nullptr ? completion.moved != slot.length : completion.moved > slot.length;
  if (completion.ok() && wrong_count) [[unlikely]]
    error = -ENODATA;
  if (ended_with_connection(completion.error)) [[unlikely]]
    failing_ = true;
  if (slot.timed_out && (error != 0 || !completion.status.ok()))
    error = -ETIMEDOUT;  // however it was got rid of in the end
  by_cid_[slot.cid] = nullptr;
  give_slot(slot);
  if (completion.error == 0) owner_.answered();
  if (passthrough != nullptr) finish(*passthrough, completion, error);
  if (io != nullptr && piece_ended(*io, completion, error)) finish(*io);
  if (usable()) owner_.queue_has_room(*this);
}

std::string HostQueue::describe(std::uint16_t cid) const {
  const Slot* const slot = by_cid_[cid];
  nvme::Sqe sqe;
  if (slot != nullptr) sqe.opcode = slot->opcode;
  if (slot != nullptr && slot->passthrough != nullptr) sqe = slot->passthrough->sqe;
  const std::string name = wire::command_name(sqe, qid_ == 0);
  const bool property = sqe.is_fabrics() && (sqe.fctype() == fabrics::fctype::kPropertyGet ||
                                             sqe.fctype() == fabrics::fctype::kPropertySet);
  if (!property) return name;
  return fmt::format("{} {:02x}h", name, fabrics::as<fabrics::PropertyGetCommand>(sqe).offset);
}

bool piece_ended(IoRequest& request, const Completion& completion, std::int32_t error) {
  request.completion.moved += completion.moved;
  // Of a compare-and-write that did not match, the write says only that the compare failed: the compare's own word counts.
  const bool more_telling = completion.status.code() == nvme::status::kCompareFailure.code();
  const bool failed = error != 0 || !completion.status.ok();
  if (failed && (request.completion.ok() || more_telling)) {
    request.completion.error = error;
    request.completion.status = completion.status;
    request.completion.result = completion.result;
  }
  return --request.progress.pieces == 0 && !request.progress.queued;
}

void finish(IoRequest& request) { request.done(request); }

void finish(PassthroughRequest& request, const Completion& completion, std::int32_t error) {
  request.completion = completion;
  request.completion.error = error;
  request.done(request);
}

}  // namespace weft

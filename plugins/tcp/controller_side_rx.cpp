// controller_side_rx.cpp - what a controller receives: commands, their in-capsule data, and H2CData.
#include <cassert>
#include <cerrno>
#include <cstring>

#include "connection.hpp"
#include "controller_side.hpp"
#include "group.hpp"

namespace weft::tcp {

Take ControllerSide::take(const Pdu& pdu, Payload& payload, Violation& violation) {
  return pdu.type == PduType::kCapsuleCmd ? take_command(pdu, payload, violation) : take_data(pdu, payload, violation);
}

Take ControllerSide::take_command(const Pdu& pdu, Payload& payload, Violation& violation) {
  if (unanswered_ >= depth_) {
    violation = violates(rules::kTooManyCommands, pdu.type, unanswered_);
    return Take::kViolation;
  }
  if (free_.empty()) return Take::kBlocked;
  std::uint32_t token = 0;
  Command& command = take_token(token);
  const SglVerdict verdict = classify_sgl(pdu.sqe(), pdu.data_len, sgl_limits_);
  std::memcpy(command.sqe.data(), pdu.sqe(), kSqeSize);
  command.place = verdict.place;
  command.data_length = verdict.length;
  command.status = verdict.status;
  command.error_offset = verdict.error_offset;
  command.state = State::kArriving;
  const bool by_transport = verdict.place == SglPlace::kTransport;
  [[maybe_unused]] const bool begun =
      transfers_->begin(token, load<le16>(pdu.sqe() + 2), by_transport ? verdict.length : 0);
  assert(begun);
  if (pdu.data_len == 0) {
    deliver(token);
    return Take::kTaken;
  }
  if (verdict.place == SglPlace::kInCapsule) payload.to = Payload::To::kCapsule;
  arriving_capsule_ = true;
  arriving_token_ = token;
  return Take::kTaken;
}

ControllerSide::Command& ControllerSide::take_token(std::uint32_t& token) {
  token = free_.back();
  free_.pop_back();
  ++unanswered_;
  return make(token);
}

void ControllerSide::deliver(std::uint32_t token) {
  Command& command = at(token);
  command.state = State::kHeld;
  ++held_;
  ++connection_.counters().commands;
  weft_command told{};
  told.size = sizeof told;
  told.flags = command.place == SglPlace::kInCapsule ? WEFT_DATA_IN_CAPSULE : 0;
  if (command.data != nullptr) told.flags |= WEFT_DATA_COMPLETE;
  told.token = token;
  told.sqe = command.sqe.data();
  told.capsule_data = command.data;
  told.data_len = command.data_length;
  told.status = command.status;
  told.error_offset = command.error_offset;
  connection_.group().count_event();
  connection_.events().on_command(connection_.context(), &told);
}

void ControllerSide::payload_done(bool digest_ok, const std::byte* data, Slab* slab) {
  if (!arriving_capsule_) {
    data_arrived(digest_ok);
    return;
  }
  arriving_capsule_ = false;
  Command& command = at(arriving_token_);
  command.data = data;
  command.slab = slab;
  if (slab != nullptr) capsule_bytes_ += command.data_length;
  if (!digest_ok) {
    release_data(command);
    command.status = kStatusTransientTransport;
    command.error_offset = 0;
  }
  deliver(arriving_token_);
}

Take ControllerSide::take_data(const Pdu& pdu, Payload& payload, Violation& violation) {
  H2cTarget target;
  violation = transfers_->on_h2c(pdu, target);
  if (violation) return Take::kViolation;
  arriving_op_ = nullptr;
  arriving_length_ = pdu.length;
  arriving_tag_ = pdu.ttag;
  arriving_last_ = target.last;
  if (target.drop) return Take::kTaken;
  for (DataOp* op = at(target.token).ops; op != nullptr; op = op->next) {
    if (op->kind != DataOp::Kind::kReceive || pdu.offset < op->offset || pdu.offset - op->offset >= op->length)
      continue;
    arriving_op_ = op;
    payload.to = Payload::To::kOp;
    payload.op = op;
    payload.position = pdu.offset - op->offset;
  }
  assert(arriving_op_ != nullptr);
  return Take::kTaken;
}

void ControllerSide::data_arrived(bool digest_ok) {
  if (arriving_last_) {
    transfers_->close_window(arriving_tag_);
    if (!tag_wait_.empty()) enqueue(tag_wait_.front());
  }
  DataOp* op = arriving_op_;
  arriving_op_ = nullptr;
  if (op == nullptr) return;
  op->arrived += arriving_length_;
  if (digest_ok) {
    op->moved += arriving_length_;
  } else {
    op->error = -EBADMSG;
    op->status = kStatusTransientTransport;
  }
  const std::uint32_t token = op->index;
  if (op->arrived == op->length) finish(*op, op->error);
  if (arriving_last_ && at(token).ops != nullptr) enqueue(token);  // the next R2T may go
}

}  // namespace weft::tcp

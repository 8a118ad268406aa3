// controller_side_tx.cpp - what a controller sends: R2Ts, data, responses, and what is true once they have left.
#include <algorithm>
#include <cerrno>

#include "connection.hpp"
#include "controller_side.hpp"
#include "group.hpp"

namespace weft::tcp {

void ControllerSide::enqueue(std::uint32_t token) {
  Command& command = at(token);
  connection_.group().mark_dirty(connection_);
  if (command.hook.list == kUrgent || command.hook.list == kBulk) return;
  dequeue(token);
  const bool has_data = command.ops != nullptr && command.ops->kind == DataOp::Kind::kSend;
  if (has_data || (in_order_ && command.response_waits)) {
    bulk_.push_back(token, hooks());
  } else {
    urgent_.push_back(token, hooks());
  }
}

// The command's response was given just now: behind all that were given before it.
void ControllerSide::enqueue_answer(std::uint32_t token) {
  if (in_order_) dequeue(token);
  enqueue(token);
}

void ControllerSide::dequeue(std::uint32_t token) {
  switch (at(token).hook.list) {
    case kUrgent:
      urgent_.remove(token, hooks());
      break;
    case kBulk:
      bulk_.remove(token, hooks());
      break;
    case kTagWait:
      tag_wait_.remove(token, hooks());
      break;
    default:
      break;
  }
}

bool ControllerSide::next_frame(Frame& frame) {
  while (!urgent_.empty() || !bulk_.empty()) {
    const std::uint32_t token = !urgent_.empty() ? urgent_.front() : bulk_.front();
    if (next_of(token, frame)) return true;
    if (at(token).hook.list != kTagWait) dequeue(token);
  }
  return false;
}

// What the command has to send next; false when that is nothing for now.
bool ControllerSide::next_of(std::uint32_t token, Frame& frame) {
  Command& command = at(token);
  for (DataOp* op = command.ops; op != nullptr; op = op->next) {
    if (op->kind == DataOp::Kind::kReceive ? next_r2t(token, *op, frame) : next_data(token, *op, frame)) return true;
  }
  if (!command.response_waits) return false;
  command.response_waits = false;
  frame.index = token;
  frame.kind = Frame::Kind::kCapsuleResp;
  return true;
}

bool ControllerSide::next_r2t(std::uint32_t token, DataOp& op, Frame& frame) {
  if (op.progress == op.length || transfers_->open_windows(token) == outstanding_r2t_) return false;
  const auto offset = static_cast<std::uint32_t>(op.offset + op.progress);
  const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(op.length - op.progress, max_r2t_));
  std::uint16_t tag = 0;
  if (!transfers_->open_window(token, offset, length, tag)) {
    dequeue(token);
    tag_wait_.push_back(token, hooks());  // all tags are in use: goes on when one is free
    return false;
  }
  op.progress += length;
  frame.index = token;
  frame.offset = offset;
  frame.length = length;
  frame.ttag = tag;
  frame.kind = Frame::Kind::kR2t;
  return true;
}

bool ControllerSide::next_data(std::uint32_t token, DataOp& op, Frame& frame) {
  if (op.cancelled) return false;
  if (op.progress < op.length) {
    const C2hChunk chunk =
        next_c2h(at(token).data_length, static_cast<std::uint32_t>(op.offset + op.progress),
                 static_cast<std::uint32_t>(op.length - op.progress), max_c2h_, op.final_response && op.may_fold);
    op.progress += chunk.length;
    ++op.frames;
    if (chunk.success) op.final_response = false;
    frame.op = &op;
    frame.index = token;
    frame.offset = chunk.offset;
    frame.length = chunk.length;
    frame.kind = Frame::Kind::kC2hData;
    frame.last = chunk.last;
    frame.success = chunk.success;
    return true;
  }
  if (!op.final_response) return false;
  op.final_response = false;
  ++op.frames;
  frame.op = &op;
  frame.index = token;
  frame.kind = Frame::Kind::kCapsuleResp;
  return true;
}

std::uint32_t ControllerSide::write_header(const Frame& frame, HeaderBuffer out) {
  const WriteRules& rules = connection_.sender().rules();
  Command& command = at(frame.index);
  const std::uint16_t cid = load<le16>(command.sqe.data() + 2);
  if (frame.kind == Frame::Kind::kR2t) return write_r2t(rules, out, cid, frame.ttag, frame.offset, frame.length);
  if (frame.kind == Frame::Kind::kC2hData)
    return write_c2h_data(rules, out, cid, frame.offset, frame.length, frame.last, frame.success);
  return write_capsule_resp(rules, out, command.cqe.data());
}

void ControllerSide::frame_sent(const Frame& frame) {
  if (frame.kind == Frame::Kind::kR2t) return;
  if (frame.op != nullptr) {
    data_sent(frame);
  } else {
    response_left(frame.index);
  }
}

void ControllerSide::data_sent(const Frame& frame) {
  DataOp& op = *frame.op;
  --op.frames;
  op.moved += frame.length;
  if (frame.success) op.event_flags = WEFT_RESPONSE_SENT | WEFT_RESPONSE_IMPLIED;
  if (frame.kind == Frame::Kind::kCapsuleResp) op.event_flags = WEFT_RESPONSE_SENT;
  if (op.event_flags != 0) response_left(frame.index);
  if (op.frames != 0) return;
  if (op.cancelled) {
    finish(op, -ECANCELED);
  } else if (op.progress == op.length && !op.final_response) {
    finish(op, 0);
  }
}

void ControllerSide::response_left(std::uint32_t token) {
  ++connection_.counters().responses;
  --unanswered_;
  if (at(token).state == State::kReleased) {
    free_token(token);
  } else {
    at(token).state = State::kResponded;
  }
}

// What has been decided on to its end goes its way; of the rest, what has not left is taken back, its response with it.
void ControllerSide::cancel_send(std::uint32_t token, DataOp& op) {
  if (op.cancelled || (op.progress == op.length && !op.final_response)) return;
  op.cancelled = true;
  op.frames = static_cast<std::uint16_t>(op.frames - connection_.sender().recall(op));
  if (op.final_response) {
    op.final_response = false;
    at(token).state = State::kHeld;
  }
  if (op.frames == 0) finish(op, -ECANCELED);
}

}  // namespace weft::tcp

// controller_answers.cpp - the responses of a controller: behind their data, in order where the host counts on it, and
// with the host's key invalidated where it asked for that.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "controller_side.hpp"
#include "memory.hpp"

namespace weft::rdma {

namespace {

// Of a response whose token is free already.
constexpr std::uint32_t kNobody = WorkId::kMaxIndex;

}  // namespace

int ControllerSide::send_response(std::uint64_t token, const void* cqe, std::uint32_t flags) {
  Command* command = held_command(token);
  if (command == nullptr || flags != 0) return -EINVAL;
  for (const DataOp* op = command->ops; op != nullptr; op = op->next)
    if (op->kind == DataOp::Kind::kReceive && !op->cancelled) return -EINVAL;  // cancel_data comes first
  answer(static_cast<std::uint32_t>(token), cqe);
  return 0;
}

void ControllerSide::answer(std::uint32_t token, const void* cqe) {
  Command& command = commands_[token];
  std::memcpy(cqe_of(token), cqe, sizeof(nvme::Cqe));
  command.state = State::kAnswered;
  release_slot(command);
  ++answers_left_;
  answers_.push_back(token, hooks());
  consider_answer(token);
  link_.mark_dirty();
}

// Something happened that a response may have waited for.
void ControllerSide::consider_answer(std::uint32_t token) {
  if (!in_order_) {
    if (commands_[token].hook.list != kAnswers || !is_ready(commands_[token])) return;
    answers_.remove(token, hooks());
    due_.push_back(token, hooks());
    return;
  }
  while (!answers_.empty() && is_ready(commands_[answers_.front()])) {
    const std::uint32_t first = answers_.front();
    answers_.remove(first, hooks());
    due_.push_back(first, hooks());
  }
}

// The command is as it was before its response was given; only its capsule is gone.
void ControllerSide::withdraw_answer(std::uint32_t token) {
  Command& command = commands_[token];
  if (command.hook.list == kAnswers) answers_.remove(token, hooks());
  if (command.hook.list == kDue) due_.remove(token, hooks());
  command.state = State::kHeld;
  command.last_op = nullptr;
  --answers_left_;
  consider_answer(token);
  link_.mark_dirty();
}

void ControllerSide::flush() {
  int error = post_receives();
  if (error == 0) {
    post_answers();
    post_reads();
    post_writes();
    error = link_.sends().post(link_.pair());
  }
  if (error == 0) return;
  // A device that refuses the request is one that cannot do what it said.
  if (invalidates_ && (error == -EINVAL || error == -EOPNOTSUPP)) link_.memory().invalidate_failed();
  link_.end({.code = EIO,
             .origin = WEFT_ORIGIN_NETWORK,
             .text = fmt::format("the device took no more work: {}", std::strerror(-error))});
}

void ControllerSide::post_answers() {
  while (!due_.empty() && link_.sends().make_room(link_.pair(), 1)) {
    const std::uint32_t token = due_.front();
    due_.remove(token, hooks());
    post_answer(token);
  }
}

void ControllerSide::post_answer(std::uint32_t token) {
  Command& command = commands_[token];
  const bool copied = link_.pair().inline_bytes() >= sizeof(nvme::Cqe);
  const bool over = copied && command.last_op == nullptr;  // nothing waits for it to be done
  const bool invalidate = command.invalidate && link_.memory().may_invalidate();
  ibv_send_wr& request =
      link_.sends().add({.work = Work::kSend, .index = over ? kNobody : token, .op = command.last_op},
                        invalidate ? IBV_WR_SEND_WITH_INV : IBV_WR_SEND, command.last_op != nullptr);
  if (invalidate) {
    request.invalidate_rkey = command.invalidate_key;
    invalidates_ = true;
  }
  request.sg_list[0] = {
      .addr = reinterpret_cast<std::uintptr_t>(cqe_of(token)), .length = sizeof(nvme::Cqe), .lkey = responses_->lkey()};
  request.num_sge = 1;
  if (copied) request.send_flags |= IBV_SEND_INLINE;
  --answers_left_;
  --unanswered_;
  ++share_.owed;
  ++link_.counters().responses;
  if (over) response_left(token);
}

void ControllerSide::answer_done(const Posted& posted) {
  if (--share_.owed == 0) link_.memory().staging().settled(share_);
  if (posted.op != nullptr) {
    posted.op->event_flags = WEFT_RESPONSE_SENT;
    finish(*posted.op, 0);
  }
  if (posted.index != kNobody) response_left(posted.index);
}

void ControllerSide::response_left(std::uint32_t token) {
  if (commands_[token].state == State::kReleased) {
    free_token(token);
  } else {
    commands_[token].state = State::kResponded;
  }
}

void ControllerSide::failed(WorkId id, const ibv_wc& completion) {
  if (id.work != Work::kSend || !invalidates_) return;
  switch (completion.status) {
    case IBV_WC_LOC_QP_OP_ERR:
    case IBV_WC_LOC_PROT_ERR:
    case IBV_WC_REM_INV_REQ_ERR:
    case IBV_WC_REM_OP_ERR:
    case IBV_WC_GENERAL_ERR:
      link_.memory().invalidate_failed();
      return;
    default:
      return;
  }
}

}  // namespace weft::rdma

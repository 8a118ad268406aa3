// controller_side.cpp - tokens, the core's calls, and how they end. What comes: controller_side_rx.cpp; what is sent:
// controller_side_tx.cpp; usual PDUs: controller_side_usual.cpp.
#include "controller_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "../common/arguments.hpp"
#include "connection.hpp"
#include "group.hpp"

namespace weft::tcp {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint32_t kKnownDataFlags = WEFT_ALLOW_IMPLIED;

}  // namespace

ControllerSide::ControllerSide(Connection& connection)
    : connection_(connection), first_(connection.params().depth), depth_(connection.params().depth) {
  free_.reserve(depth_);
  for (std::uint32_t token = depth_; token-- > 0;) free_.push_back(token);
  // Which queue it is shows in the Connect command: until configure() only what any queue may carry is known.
  sgl_limits_ = {.admin_queue = true, .max_in_capsule = connection.params().in_capsule};
  connection_.group().ops().reserve(depth_ * WEFT_DATA_CALLS);
}

ControllerSide::~ControllerSide() {
  for (std::uint32_t token = 0; token < made(); ++token) {
    Command& command = at(token);
    release_data(command);
    while (DataOp* op = command.ops) {
      command.ops = op->next;
      connection_.group().ops().give_back(*op);
    }
  }
  connection_.group().ops().unreserve(count() * WEFT_DATA_CALLS);
}

void ControllerSide::open(const Settled& settled) {
  transfers_.emplace(depth_, settled.outstanding_r2t, settled.max_h2c_data);
  outstanding_r2t_ = settled.outstanding_r2t;
  max_r2t_ = settled.max_h2c_data;
  max_c2h_ = connection_.options().max_c2h_data;
  usual_in_capsule_ = std::min(sgl_limits_.max_in_capsule, kAdminInCapsule);
}

Made<void> ControllerSide::configure(const weft_qpair_params& params) {
  if (params.depth == 0 || params.depth > 65536)
    return std::unexpected(
        Failure{.code = EINVAL, .text = fmt::format("a queue of {} entries is impossible", params.depth)});
  if (params.in_capsule > kMaxInCapsule)
    return std::unexpected(
        Failure{.code = EINVAL,
                .text = fmt::format("{} bytes of in-capsule data are more than {}", params.in_capsule, kMaxInCapsule)});
  const std::uint32_t have = count();
  connection_.receiver().make_room(params.in_capsule);
  if (params.depth > have) {
    if (more_.size() != 0)
      return std::unexpected(Failure{.code = EINVAL, .text = "the queue pair was configured already"});
    const std::uint32_t added = params.depth - have;
    // Whatever may fail comes first; what it leaves behind is room, which nobody sees.
    plugin::LazyArray<Command> more(added);
    std::vector<std::uint32_t> fresh(added);
    std::iota(fresh.rbegin(), fresh.rend(), have);  // the lowest last, where tokens are taken
    free_.reserve(params.depth);
    if (!transfers_->grow(params.depth))
      return std::unexpected(Failure{.code = EBUSY, .text = "a data transfer is under way"});
    connection_.group().ops().reserve(added * WEFT_DATA_CALLS);
    more_ = std::move(more);
    free_.insert(free_.begin(), fresh.begin(), fresh.end());
  }
  depth_ = params.depth;
  in_order_ = (params.flags & WEFT_QP_SQ_FLOW_CONTROL) != 0;
  std::erase_if(free_, [this](std::uint32_t token) { return token >= depth_; });
  sgl_limits_ = {.admin_queue = (params.flags & WEFT_QP_ADMIN) != 0, .max_in_capsule = params.in_capsule};
  usual_in_capsule_ = params.in_capsule;
  connection_.set_max_in_capsule(std::max(kAdminInCapsule, params.in_capsule));
  return {};
}

// ---- the core's calls ----------------------------------------------------------------------------------------------

ControllerSide::Command* ControllerSide::held_command(std::uint64_t token) {
  if (token >= made()) return nullptr;
  Command& command = at(static_cast<std::uint32_t>(token));
  return command.state == State::kHeld ? &command : nullptr;
}

DataOp& ControllerSide::new_op(std::uint32_t token, DataOp::Kind kind, std::uint64_t offset,
                               std::span<const weft_iov> iov, std::uint64_t length, std::uint64_t cookie) {
  Command& command = at(token);
  DataOp& op = connection_.group().ops().take(iov, length);
  op.kind = kind;
  op.connection = &connection_;
  op.index = token;
  op.cookie = cookie;
  op.offset = static_cast<std::uint32_t>(offset);
  DataOp** end = &command.ops;
  while (*end != nullptr) end = &(*end)->next;
  *end = &op;
  ++command.calls;
  ++operations_;
  return op;
}

int ControllerSide::receive_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                                 std::uint64_t cookie, std::uint32_t flags) {
  Command* command = held_command(token);
  const std::uint64_t length = plugin::total_length(iov);
  if (command == nullptr || command->status != 0 || command->calls == WEFT_DATA_CALLS || length == 0 ||
      iov.size() > kMaxIov || (flags & ~kKnownDataFlags) != 0)
    return -EINVAL;
  const auto index = static_cast<std::uint32_t>(token);
  if (command->place == SglPlace::kInCapsule) {
    if (command->data == nullptr || offset > command->data_length || length > command->data_length - offset)
      return -EINVAL;
    DataOp& op = new_op(index, DataOp::Kind::kReceive, offset, iov, length, cookie);
    op.copy_in(0, command->data + offset, length);
    op.moved = length;
    finish(op, 0);
    if (offset + length == command->data_length) {  // calls come in order of offset: this was the last
      release_data(*command);
      connection_.unblock();
    }
    return 0;
  }
  if (!transfers_->request(index, offset, length)) return -EINVAL;
  new_op(index, DataOp::Kind::kReceive, offset, iov, length, cookie);
  enqueue(index);
  return 0;
}

int ControllerSide::send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                              const void* final_cqe, std::uint64_t cookie, std::uint32_t flags) {
  Command* command = held_command(token);
  const std::uint64_t length = plugin::total_length(iov);
  if (command == nullptr || command->calls == WEFT_DATA_CALLS || length == 0 || iov.size() > kMaxIov ||
      (flags & ~kKnownDataFlags) != 0)
    return -EINVAL;
  const auto index = static_cast<std::uint32_t>(token);
  if (!transfers_->send(index, offset, length)) return -EINVAL;
  DataOp& op = new_op(index, DataOp::Kind::kSend, offset, iov, length, cookie);
  connection_.group().fetcher().will_send(op);
  if (final_cqe != nullptr) {
    command->state = State::kAnswered;
    op.final_response = true;
    op.may_fold = (flags & WEFT_ALLOW_IMPLIED) != 0;
    release_data(*command);
    enqueue_answer(index);
    std::memcpy(command->cqe.data(), final_cqe, kCqeSize);  // last: the core wrote it just now, in smaller pieces
    return 0;
  }
  enqueue(index);
  return 0;
}

int ControllerSide::send_response(std::uint64_t token, const void* cqe, std::uint32_t flags) {
  Command* command = held_command(token);
  if (command == nullptr || flags != 0) return -EINVAL;
  for (const DataOp* op = command->ops; op != nullptr; op = op->next)
    if (op->kind == DataOp::Kind::kReceive) return -EINVAL;  // it would never end: cancel_data comes first
  const auto index = static_cast<std::uint32_t>(token);
  command->state = State::kAnswered;
  command->response_waits = true;
  transfers_->abandon(index);
  release_data(*command);
  enqueue_answer(index);
  std::memcpy(command->cqe.data(), cqe, kCqeSize);
  return 0;
}

void ControllerSide::cancel_data(std::uint64_t token) {
  if (token >= made()) return;
  const auto index = static_cast<std::uint32_t>(token);
  Command& command = at(index);
  if (command.state != State::kHeld && command.state != State::kAnswered) return;
  for (DataOp *op = command.ops, *next = nullptr; op != nullptr; op = next) {
    next = op->next;
    if (op->kind == DataOp::Kind::kSend) {
      cancel_send(index, *op);
      continue;
    }
    transfers_->abandon(index);
    connection_.receiver().forget(*op);
    if (arriving_op_ == op) arriving_op_ = nullptr;
    finish(*op, -ECANCELED);
  }
}

int ControllerSide::release_command(std::uint64_t token) {
  if (token >= made()) return -EINVAL;
  const auto index = static_cast<std::uint32_t>(token);
  Command& command = at(index);
  const State before = command.state;
  if (before != State::kHeld && before != State::kAnswered && before != State::kResponded) return -EINVAL;
  if (command.calls != 0) return -EBUSY;
  --held_;
  release_data(command);
  if (connection_.is_gone()) {
    command.state = State::kFree;
    if (held_ == 0) connection_.nothing_held();
    return 0;
  }
  if (before == State::kAnswered) {
    command.state = State::kReleased;
    return 0;
  }
  if (before == State::kHeld) --unanswered_;
  free_token(index);
  return 0;
}

// ---- ends ----------------------------------------------------------------------------------------------------------

void ControllerSide::release_data(Command& command) {
  if (command.slab != nullptr) {
    connection_.group().slabs(Role::kController).release(*command.slab);
    capsule_bytes_ -= command.data_length;
  } else if (command.data != nullptr) {
    connection_.receiver().take_room_back();
    connection_.memory_is_free();
  }
  command.slab = nullptr;
  command.data = nullptr;
}

// Freed tokens make it read on: whoever holds data of commands has some. While memory is low no reading takes of it.
bool ControllerSide::may_read() const {
  const SlabPool& slabs = connection_.group().slabs(Role::kController);
  return capsule_bytes_ <= kMaxInCapsule || capsule_bytes_ <= slabs.free_bytes() || slabs.is_low();
}

void ControllerSide::free_token(std::uint32_t token) {
  dequeue(token);
  transfers_->end(token);
  at(token).state = State::kFree;
  if (token < depth_) free_.push_back(token);
  connection_.unblock();
}

// Off the command's list; the event comes from the group's turn.
void ControllerSide::finish(DataOp& op, std::int32_t error) {
  DataOp** link = &at(op.index).ops;
  while (*link != &op) link = &(*link)->next;
  *link = op.next;
  op.error = error;
  connection_.group().finish(op);
}

void ControllerSide::tell_finished(DataOp& op) {
  --at(op.index).calls;
  --operations_;
  const std::uint64_t cookie = op.cookie, moved = op.moved;
  const std::int32_t error = op.error;
  const std::uint16_t status = op.status;
  const std::uint32_t flags = op.event_flags;
  connection_.group().ops().give_back(op);
  connection_.group().count_event();
  connection_.events().on_data(connection_.context(), cookie, moved, error, status, flags);
}

void ControllerSide::end_operations(std::int32_t error) {
  arriving_op_ = nullptr;
  for (std::uint32_t token = 0; token < made(); ++token) {
    Command& command = at(token);
    if (command.hook.list != 0) dequeue(token);
    while (DataOp* op = command.ops) {
      command.ops = op->next;
      op->error = error;
      tell_finished(*op);
    }
  }
}

}  // namespace weft::tcp

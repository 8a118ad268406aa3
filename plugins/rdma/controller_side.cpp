// controller_side.cpp - the queue's memory, tokens, and commands as they come and go. Their data: controller_data.cpp;
// their responses: controller_answers.cpp.
#include "controller_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "memory.hpp"
#include "shared_ring.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

// Of one READ or WRITE. More would cost space in every entry of the send queue (docs/wire_rdma.md), and is seldom used.
constexpr std::uint32_t kMostElements = 4;
constexpr std::uint32_t kSlotAlignment = 64;

}  // namespace

std::uint32_t ControllerSide::slot_size(std::uint32_t in_capsule) {
  return (static_cast<std::uint32_t>(sizeof(nvme::Sqe)) + in_capsule + kSlotAlignment - 1) / kSlotAlignment *
         kSlotAlignment;
}

ControllerSide::ControllerSide(Link& link) : link_(link) {
  turn_.kind = DataOp::Kind::kTurn;
  turn_.link = &link;
}

ControllerSide::~ControllerSide() {
  give_back_waiting();
  for (Command& command : commands_) {
    if (command.slot != plugin::kNoIndex) repost(command.slot);
    while (DataOp* op = command.ops) {
      command.ops = op->next;
      detach(*op);
      link_.memory().ops().give_back(*op);
    }
  }
  link_.memory().ops().unreserve(reserved_);
}

verbs::QueuePairSizes ControllerSide::sizes(const Agreed& agreed) const {
  const verbs::DeviceAttributes& device = link_.device().attributes();
  // A response for each command, as much again for READs and WRITEs, and a request to drain each queue with. The receive
  // before configure() may still be there beside the others.
  return {.sends = std::min(agreed.depth * 3 + 1, device.max_work_requests),
          .receives = link_.shared_ring() != nullptr ? 0 : std::min(agreed.receives + 2, device.max_work_requests),
          .send_sge = std::clamp(device.max_sge, 1U, kMostElements),
          .receive_sge = 1,
          .inline_bytes = sizeof(nvme::Cqe)};
}

Made<void> ControllerSide::open(const Agreed& agreed) try {
  agreed_ = agreed;
  reads_left_ = agreed.reads_out;
  most_segments_ = limits().max_descriptors;
  sgl_limits_ = {.max_in_capsule = agreed.in_capsule, .max_descriptors = most_segments_};
  // Until configure() the core takes tokens below the depth that it accepted with.
  depth_ = std::min(link_.params().depth, agreed.depth);
  if (Made<void> made = make_responses(depth_); !made) return made;
  if (Made<void> made = make_receives(agreed); !made) return made;
  make_tokens(depth_);
  for (std::uint32_t token = depth_; token-- > 0;) free_.push_back(token);
  if (const int error = post_receives(); error != 0)
    return std::unexpected(Failure{.code = -error,
                                   .text = fmt::format("cannot post receives: {}", std::strerror(-error)),
                                   .origin = WEFT_ORIGIN_NETWORK});
  return {};
} catch (const std::bad_alloc&) {
  return std::unexpected(Failure{.code = ENOMEM, .text = "out of memory"});
}

Made<void> ControllerSide::make_receives(const Agreed& agreed) {
  if (link_.shared_ring() != nullptr) {
    ring_ = &link_.shared_ring()->capsules();
    sqes_ = std::make_unique_for_overwrite<SqeBytes[]>(agreed.depth);
    return {};
  }
  if (link_.params().depth > kDepthBeforeConnect) return make_own_ring();
  Made<std::unique_ptr<CapsuleRing>> ring =
      CapsuleRing::make(link_.device(), 1, slot_size(std::min(agreed.in_capsule, kConnectData)),
                        {.queue_pair = link_.place(), .index = kFirstSlot});
  if (!ring) return std::unexpected(ring.error());
  first_ring_ = std::move(*ring);
  return {};
}

Made<void> ControllerSide::make_own_ring() {
  Made<std::unique_ptr<CapsuleRing>> ring =
      CapsuleRing::make(link_.device(), agreed_.receives, slot_size(agreed_.in_capsule), {.queue_pair = link_.place()});
  if (!ring) return std::unexpected(ring.error());
  own_ring_ = std::move(*ring);
  ring_ = own_ring_.get();
  return {};
}

// CQEs that are under way stay where they are; those that are yet to be posted move.
Made<void> ControllerSide::make_responses(std::uint32_t depth) {
  const std::uint64_t bytes = std::uint64_t{depth} * sizeof(nvme::Cqe);
  if (responses_ != nullptr && bytes <= responses_->size()) return {};
  Made<std::unique_ptr<Block>> block = Block::make(link_.device(), bytes, IBV_ACCESS_LOCAL_WRITE, "response capsules");
  if (!block) return std::unexpected(block.error());
  if (responses_ != nullptr) std::memcpy((*block)->base(), responses_->base(), responses_->size());
  first_responses_ = std::exchange(responses_, std::move(*block));
  return {};
}

void ControllerSide::make_tokens(std::uint32_t depth) {
  const auto before = static_cast<std::uint32_t>(commands_.size());
  if (depth <= before) return;
  auto waiting = std::make_unique<Capsule[]>(depth);
  for (std::uint32_t i = 0; i < waiting_count_; ++i) waiting[i] = waiting_[(waiting_first_ + i) % before];
  segments_.resize(std::size_t{depth} * most_segments_);
  free_.reserve(depth);
  const std::uint32_t ops = (depth - before) * WEFT_DATA_CALLS;
  link_.memory().ops().reserve(ops);
  reserved_ += ops;
  commands_.resize(depth);
  waiting_ = std::move(waiting);
  waiting_first_ = 0;
}

int ControllerSide::post_receives() {
  if (own_ring_ != nullptr) return own_ring_->post(link_.pair());
  return first_ring_ != nullptr ? first_ring_->post(link_.pair()) : 0;  // the group posts shared ones
}

// The receive for Connect has served when the others are there.
void ControllerSide::repost(std::uint32_t slot) {
  if (slot < kFirstSlot) return ring_->repost(slot);
  if (own_ring_ == nullptr) first_ring_->repost(slot - kFirstSlot);
}

weft_limits ControllerSide::limits() const {
  weft_limits limits{};
  limits.size = sizeof limits;
  limits.caps = WEFT_CAP_SGL_KEYED | WEFT_CAP_NEEDS_REGION;
  if (agreed_.in_capsule != 0) limits.caps |= WEFT_CAP_SGL_IN_CAPSULE;
  limits.max_in_capsule = limits.max_in_capsule_admin = agreed_.in_capsule;
  limits.max_iov = kMaxIov;
  const bool lists = agreed_.in_capsule <= kMostInCapsuleWithLists;
  const auto fit = agreed_.in_capsule / static_cast<std::uint32_t>(sizeof(nvme::KeyedSglDescriptor));
  limits.max_descriptors = lists ? std::clamp(fit, 1U, kMostDescriptors) : 1;
  limits.max_depth = agreed_.depth;
  limits.max_io_depth = agreed_.most_depth;
  limits.data_alignment = 1;
  limits.max_transfer = nvme::KeyedSglDescriptor::kMaxLength;
  return limits;
}

Made<void> ControllerSide::configure(const weft_qpair_params& params) try {
  if (params.depth == 0 || params.depth > agreed_.depth)
    return std::unexpected(
        Failure{.code = EINVAL,
                .text = fmt::format("a queue of {} entries on a connection for {}", params.depth, agreed_.depth)});
  if (params.in_capsule > agreed_.in_capsule)
    return std::unexpected(Failure{.code = EINVAL,
                                   .text = fmt::format("{} bytes of in-capsule data on a connection for {}",
                                                       params.in_capsule, agreed_.in_capsule)});
  if (Made<void> made = make_responses(params.depth); !made) return made;
  make_tokens(params.depth);
  if (ring_ == nullptr) {
    if (Made<void> made = make_own_ring(); !made) return made;
    link_.mark_dirty();  // they are posted ahead of the response to Connect
  }
  for (std::uint32_t token = depth_; token < params.depth; ++token) free_.push_back(token);
  depth_ = params.depth;
  std::erase_if(free_, [this](std::uint32_t token) { return token >= depth_; });
  in_order_ = (params.flags & WEFT_QP_SQ_FLOW_CONTROL) != 0;
  sgl_limits_ = {.max_in_capsule = params.in_capsule,
                 .max_descriptors = std::clamp<std::uint32_t>(params.max_descriptors, 1, most_segments_)};
  return {};
} catch (const std::bad_alloc&) {
  return std::unexpected(Failure{.code = ENOMEM, .text = "out of memory"});
}

// ---- commands as they come -----------------------------------------------------------------------------------------

void ControllerSide::completed(WorkId id, const ibv_wc& completion) {
  if (id.work == Work::kReceive) return take_capsule({id.index, completion.byte_len});
  Posted posted;
  while (link_.sends().next_done(posted)) {
    if (posted.work == Work::kSend) {
      answer_done(posted);
    } else if (posted.op != nullptr) {
      request_done(posted);
    }
  }
  // There is room again.
  if (!due_.empty() || !reads_.empty() || !writes_.empty()) link_.mark_dirty();
}

void ControllerSide::take_capsule(Capsule capsule) {
  const bool whole = capsule.bytes >= sizeof(nvme::Sqe), expected = unanswered_ < depth_;
  if (!link_.takes_commands() || !whole || !expected) repost(capsule.slot);
  if (!link_.takes_commands()) return;
  if (!whole) return violated(fmt::format("the host sent a capsule of {} bytes", capsule.bytes));
  if (!expected)
    return violated(fmt::format("the host has more commands under way than its queue of {} entries holds", depth_));
  ++unanswered_;
  if (!free_.empty() && waiting_count_ == 0) return deliver(capsule);
  // The core has yet to release a command whose response the host already has.
  waiting_[(waiting_first_ + waiting_count_++) % commands_.size()] = capsule;
}

void ControllerSide::give_waiting() {
  while (waiting_count_ != 0 && !free_.empty() && link_.takes_commands()) {
    const Capsule capsule = waiting_[waiting_first_];
    waiting_first_ = (waiting_first_ + 1) % static_cast<std::uint32_t>(commands_.size());
    --waiting_count_;
    deliver(capsule);
  }
}

void ControllerSide::give_back_waiting() {
  for (; waiting_count_ != 0; --waiting_count_) {
    repost(waiting_[waiting_first_].slot);
    waiting_first_ = (waiting_first_ + 1) % static_cast<std::uint32_t>(commands_.size());
  }
}

void ControllerSide::deliver(Capsule received) {
  const std::uint32_t token = free_.back();
  free_.pop_back();
  const std::byte* capsule = capsule_at(received.slot);
  std::array<RemoteSegment, kMostDescriptors> segments;
  const SglVerdict verdict =
      read_sgl(capsule, {capsule + sizeof(nvme::Sqe), received.bytes - sizeof(nvme::Sqe)}, sgl_limits_, segments);
  Command& command = commands_[token];
  command = Command{};
  command.slot = received.slot;
  command.data_length = verdict.length;
  command.data_offset = verdict.offset;
  command.invalidate = verdict.invalidate;
  command.invalidate_key = verdict.invalidate_key;
  command.status = verdict.status;
  command.error_offset = verdict.error_offset;
  command.place = verdict.place;
  command.segments = static_cast<std::uint8_t>(verdict.place == SglPlace::kRemote ? verdict.count : 0);
  std::copy_n(segments.begin(), command.segments, segments_of(token).begin());
  if (sqes_ != nullptr && verdict.place != SglPlace::kInCapsule) {
    std::memcpy(sqes_[token].data(), capsule, sizeof(nvme::Sqe));
    repost(std::exchange(command.slot, plugin::kNoIndex));
  }
  tell_command(token);
}

const std::byte* ControllerSide::data_of(const Command& command) const {
  if (command.place != SglPlace::kInCapsule || command.slot == plugin::kNoIndex) return nullptr;
  return capsule_at(command.slot) + sizeof(nvme::Sqe) + command.data_offset;
}

void ControllerSide::tell_command(std::uint32_t token) {
  Command& command = commands_[token];
  command.state = State::kHeld;
  ++held_;
  ++link_.counters().commands;
  weft_command told{};
  told.size = sizeof told;
  told.token = token;
  told.sqe = command.slot != plugin::kNoIndex ? capsule_at(command.slot) : sqes_[token].data();
  told.capsule_data = data_of(command);
  if (told.capsule_data != nullptr) told.flags = WEFT_DATA_IN_CAPSULE | WEFT_DATA_COMPLETE;
  told.data_len = command.data_length;
  told.status = command.status;
  told.error_offset = command.error_offset;
  link_.count_event();
  link_.events().on_command(link_.context(), &told);
}

// ---- commands as they go -------------------------------------------------------------------------------------------

ControllerSide::Command* ControllerSide::held_command(std::uint64_t token) {
  if (token >= commands_.size()) return nullptr;
  Command& command = commands_[token];
  return command.state == State::kHeld ? &command : nullptr;
}

// Its capsule is done with: the slot is posted again by the next flush, ahead of any response. A shared ring gets it back
// from a queue pair that is gone, too.
void ControllerSide::release_slot(Command& command) {
  if (command.slot == plugin::kNoIndex) return;
  repost(std::exchange(command.slot, plugin::kNoIndex));
  if (!gone_) link_.mark_dirty();
}

int ControllerSide::release_command(std::uint64_t token) {
  if (token >= commands_.size()) return -EINVAL;
  Command& command = commands_[token];
  const State before = command.state;
  if (before != State::kHeld && before != State::kAnswered && before != State::kResponded) return -EINVAL;
  if (command.calls != 0) return -EBUSY;
  --held_;
  release_slot(command);
  if (gone_) {
    command.state = State::kFree;
    if (held_ == 0) link_.nothing_held();
    return 0;
  }
  if (before == State::kAnswered) {
    command.state = State::kReleased;
    return 0;
  }
  if (before == State::kHeld) --unanswered_;
  free_token(static_cast<std::uint32_t>(token));
  return 0;
}

void ControllerSide::free_token(std::uint32_t token) {
  commands_[token].state = State::kFree;
  if (token < depth_) free_.push_back(token);
  if (waiting_count_ == 0 || turn_asked_) return;
  turn_asked_ = true;  // commands are told from inside a poll only
  link_.finish(turn_);
}

void ControllerSide::tell_finished(DataOp& op) {
  if (&op != &turn_) return tell_data(op);
  turn_asked_ = false;
  give_waiting();
}

void ControllerSide::end_operations(std::int32_t error) {
  gone_ = true;
  give_back_waiting();
  for (std::uint32_t token = 0; token < commands_.size(); ++token) {
    Command& command = commands_[token];
    if (command.hook.list == kAnswers) answers_.remove(token, hooks());
    if (command.hook.list == kDue) due_.remove(token, hooks());
    for (DataOp* op = command.ops; op != nullptr; op = op->next) link_.memory().staging().withdraw(op->claim);
  }
  for (Command& command : commands_) {
    while (DataOp* op = command.ops) {
      command.ops = op->next;
      detach(*op);
      op->error = error;
      tell_data(*op);
    }
  }
}

void ControllerSide::violated(std::string text) {
  link_.end({.code = EPROTO, .origin = WEFT_ORIGIN_PROTOCOL, .text = std::move(text)});
}

}  // namespace weft::rdma

// host_side.cpp - the queue's memory, commands as the core gives them, and how they end. What goes over the wire:
// host_side_wire.cpp.
#include "host_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "../common/arguments.hpp"
#include "memory.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint32_t kKnownFlags = WEFT_DIR_OUT | WEFT_DIR_IN;
// Of a SEND: the capsule, and what it carries. More pieces are copied: each would cost space in every entry of the queue.
constexpr std::uint32_t kMostElements = 4;
// On average, of data with several descriptors. Each costs two work requests here and one more there: for less than a
// page that is more than a copy costs.
constexpr std::uint64_t kLeastOfOnePiece = 4096;

std::uint32_t send_elements(const verbs::DeviceAttributes& device) {
  return std::clamp(device.max_sge, 1U, kMostElements);
}

}  // namespace

HostSide::~HostSide() {
  for (Command& command : commands_) forget_data(command);
  if (share_.owner != 0) link_.memory().staging().leave();
  link_.memory().ops().unreserve(reserved_);
}

verbs::QueuePairSizes HostSide::sizes(const Agreed& agreed) const {
  const verbs::DeviceAttributes& device = link_.device().attributes();
  // A command: its window bound, its capsule, its window invalidated; and a request to drain each queue with.
  // Keys beside the first of a command share what is left; a short queue makes commands wait.
  const bool windows = link_.memory().uses_windows();
  const std::uint32_t several = windows && link_.params().max_descriptors > 1 ? 2 * HostKeys::spare(agreed.depth) : 0;
  const std::uint32_t sends = agreed.depth * (windows ? 3 : 1) + 1;
  const std::uint32_t most = std::max(sends, device.max_completions / 2);
  return {.sends = std::min({sends + several, most, device.max_work_requests}),
          .receives = std::min(agreed.receives + 1, device.max_work_requests),
          .send_sge = send_elements(device),
          .receive_sge = 1,
          .inline_bytes = sizeof(nvme::Sqe)};
}

Made<void> HostSide::open(const Agreed& agreed) try {
  agreed_ = agreed;
  share_.owner = link_.memory().new_owner();
  link_.memory().staging().join();
  const std::uint32_t most = most_pieces();
  if (most > 1) slot_bytes_ += most * static_cast<std::uint32_t>(sizeof(nvme::KeyedSglDescriptor));
  Made<std::unique_ptr<Block>> block = Block::make(link_.device(), std::uint64_t{agreed.depth} * slot_bytes_,
                                                   IBV_ACCESS_LOCAL_WRITE, "command capsules");
  if (!block) return std::unexpected(block.error());
  capsules_block_ = std::move(*block);
  Made<std::unique_ptr<CapsuleRing>> ring =
      CapsuleRing::make(link_.device(), agreed.receives, sizeof(nvme::Cqe), {.queue_pair = link_.place()});
  if (!ring) return std::unexpected(ring.error());
  ring_ = std::move(*ring);
  if (Made<void> made = keys_.make(link_.device(), agreed.depth, most, link_.memory().uses_windows()); !made)
    return made;
  commands_.resize(agreed.depth);
  link_.memory().ops().reserve(agreed.depth);
  reserved_ = agreed.depth;
  if (const int error = ring_->post(link_.pair()); error != 0)
    return std::unexpected(Failure{.code = -error,
                                   .text = fmt::format("cannot post receives: {}", std::strerror(-error)),
                                   .origin = WEFT_ORIGIN_NETWORK});
  return {};
} catch (const std::bad_alloc&) {
  return std::unexpected(Failure{.code = ENOMEM, .text = "out of memory"});
}

// Descriptors that one command may have: the controller takes as many, they fit behind the SQE in its capsule, and the
// send queue holds the requests for their keys.
std::uint32_t HostSide::most_pieces() const {
  if (link_.params().icdoff != 0) return 1;
  const auto fit = agreed_.in_capsule / static_cast<std::uint32_t>(sizeof(nvme::KeyedSglDescriptor));
  const std::uint32_t most =
      std::min({std::uint32_t{link_.params().max_descriptors}, fit, link_.sends().room() - 1, HostKeys::kMostPieces});
  return std::max(most, 1U);
}

weft_limits HostSide::limits() const {
  weft_limits limits{};
  limits.size = sizeof limits;
  limits.caps = WEFT_CAP_SGL_KEYED | WEFT_CAP_SGL_IN_CAPSULE | WEFT_CAP_NEEDS_REGION;
  if (link_.memory().uses_windows()) limits.caps |= WEFT_CAP_REMOTE_INVALIDATE;
  limits.max_in_capsule = limits.max_in_capsule_admin = agreed_.in_capsule;
  limits.max_iov = kMaxIov;
  limits.max_descriptors = keys_.most();
  limits.max_depth = agreed_.depth;
  limits.data_alignment = 1;
  limits.max_transfer = link_.memory().max_transfer();
  return limits;
}

// ---- commands ------------------------------------------------------------------------------------------------------

int HostSide::send_command(const void* sqe, std::span<const weft_iov> iov, std::uint32_t flags) {
  const std::uint64_t length = plugin::total_length(iov);
  const std::uint32_t direction = flags & (WEFT_DIR_OUT | WEFT_DIR_IN);
  if ((flags & ~kKnownFlags) != 0 || iov.size() > kMaxIov || length > nvme::KeyedSglDescriptor::kMaxLength)
    return -EINVAL;
  if ((direction == 0) != (length == 0) || direction == (WEFT_DIR_OUT | WEFT_DIR_IN)) return -EINVAL;
  const std::uint16_t cid = load<nvme::Sqe>(sqe).cid;
  if (cid >= commands_.size() || commands_[cid].state != State::kFree) return -EINVAL;
  Command& command = commands_[cid];
  command = Command{};
  if (length != 0 && !place_data(cid, iov, length, direction)) return -EINVAL;
  command.state = State::kQueued;
  std::memcpy(slot(cid), sqe, sizeof(nvme::Sqe));
  ++in_flight_;
  capsules_.push_back(cid, hooks());
  link_.mark_dirty();
  return 0;
}

// Decides how the data goes. False: it cannot, since it is longer than can ever be staged.
bool HostSide::place_data(std::uint16_t cid, std::span<const weft_iov> iov, std::uint64_t length,
                          std::uint32_t direction) {
  Command& command = commands_[cid];
  Memory& memory = link_.memory();
  command.in = direction == WEFT_DIR_IN;
  DataOp& op = memory.ops().take(iov, length, link_.device(), command.in ? IBV_ACCESS_LOCAL_WRITE : 0);
  const bool fits = direction == WEFT_DIR_OUT && length <= agreed_.in_capsule && link_.params().icdoff == 0 &&
                    link_.sends().max_sge() > 1;
  command.where = fits ? Where::kInCapsule : Where::kKeyed;
  const bool gathers = op.straight && op.count < link_.sends().max_sge();
  command.staged = fits ? !gathers : !name_pieces(cid, op);
  if (command.staged && length > memory.max_transfer()) {
    memory.ops().give_back(op);
    return false;
  }
  if (!fits && keys_.count(cid) == 0) take_key(cid);
  command.op = &op;
  op.kind = DataOp::Kind::kHost;
  op.link = &link_;
  op.index = cid;
  if (!command.staged) {
    ++link_.counters().region_hits;
    return true;
  }
  ++link_.counters().region_misses;
  op.claim.bytes = length;
  op.claim.share = &share_;
  op.claim.user = this;
  op.claim.op = &op;
  if (memory.staging().claim(op.claim)) staged(op.claim);
  return true;
}

// A key for each stretch of the data, where that costs less than a copy. False: it is to be staged.
bool HostSide::name_pieces(std::uint32_t cid, const DataOp& op) {
  std::array<Stretch, HostKeys::kMostPieces> stretches;
  const std::uint32_t count = op.stretches(std::span(stretches).first(keys_.most()));
  if (count == 0 || (count > 1 && op.length < std::uint64_t{count} * kLeastOfOnePiece)) return false;
  return count == 1 || (keyless_ == 0 && keys_.take(cid, count));
}

// While windows are being made, or where the device has few, commands wait for one, in their order.
void HostSide::take_key(std::uint32_t cid) {
  if (keyless_ == 0 && keys_.take(cid, 1)) return;
  commands_[cid].keyless = true;
  ++keyless_;
}

bool HostSide::go_on() {
  const bool more = keys_.uses_windows() && keys_.grow(link_.device());
  if (!capsules_.empty()) link_.mark_dirty();
  return more;
}

void HostSide::staged(StagingClaim& claim) {
  DataOp& op = *claim.op;
  if (!commands_[op.index].in) {
    op.copy_out(0, claim.run.base, op.length);
    ++link_.counters().copies;
    link_.counters().copied_bytes += op.length;
  }
  link_.mark_dirty();
}

// ---- ends ----------------------------------------------------------------------------------------------------------

void HostSide::finish_if_over(std::uint32_t cid) {
  const Command& command = commands_[cid];
  if (command.answered && command.sent && command.retracting == 0) tell_response(cid, 0);
}

void HostSide::tell_response(std::uint32_t cid, std::int32_t error) {
  Command& command = commands_[cid];
  weft_response response{};
  response.size = sizeof response;
  response.cid = static_cast<std::uint16_t>(cid);
  std::array<std::byte, sizeof(nvme::Cqe)> cqe = command.cqe;
  if (command.answered) {
    response.flags = WEFT_SQHD_VALID;
    response.cqe = cqe.data();
  } else {
    response.error = error;
  }
  // What the controller read and wrote nobody counted here: its word is all there is.
  const bool success = command.answered && load<nvme::Cqe>(cqe.data()).status().ok();
  if (command.op != nullptr && success) {
    response.moved = command.op->length;
    (command.in ? link_.counters().bytes_in : link_.counters().bytes_out) += response.moved;
    if (command.in && command.staged) {
      command.op->copy_in(0, command.op->claim.run.base, command.op->length);
      ++link_.counters().copies;
      link_.counters().copied_bytes += response.moved;
    }
  }
  forget_data(command);
  keys_.give_back(cid);
  if (std::exchange(command.keyless, false)) --keyless_;
  command.state = State::kFree;
  --in_flight_;
  ++link_.counters().responses;
  link_.count_event();
  link_.events().on_response(link_.context(), &response);
}

void HostSide::forget_data(Command& command) {
  if (command.op == nullptr) return;
  Staging& staging = link_.memory().staging();
  DataOp& op = *command.op;
  command.op = nullptr;
  staging.withdraw(op.claim);
  staging.release(op.claim.run);
  link_.memory().ops().give_back(op);
}

void HostSide::end_operations(std::int32_t error) {
  for (std::uint32_t cid = 0; cid < commands_.size(); ++cid) {
    const Command& command = commands_[cid];
    if (command.state == State::kFree) continue;
    if (command.hook.list == kCapsules) capsules_.remove(cid, hooks());
    if (command.hook.list == kInvalidations) invalidations_.remove(cid, hooks());
    tell_response(cid, error);
  }
}

void HostSide::violated(std::string text) {
  link_.end({.code = EPROTO, .origin = WEFT_ORIGIN_PROTOCOL, .text = std::move(text)});
}

}  // namespace weft::rdma

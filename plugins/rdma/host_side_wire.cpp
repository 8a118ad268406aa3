// host_side_wire.cpp - capsules and windows as they are posted, responses as they come.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "host_side.hpp"
#include "memory.hpp"

namespace weft::rdma {

void HostSide::flush() {
  int error = ring_->post(link_.pair());
  if (error == 0) {
    post_invalidations();
    post_capsules();
    error = link_.sends().post(link_.pair());
  }
  if (error != 0)
    link_.end({.code = EIO,
               .origin = WEFT_ORIGIN_NETWORK,
               .text = fmt::format("the device took no more work: {}", std::strerror(-error))});
}

void HostSide::post_invalidations() {
  while (!invalidations_.empty() && link_.sends().make_room(link_.pair(), 1)) {
    const std::uint32_t cid = invalidations_.front();
    ibv_send_wr& request = link_.sends().add(Work::kInvalidate, cid, IBV_WR_LOCAL_INV, false);
    request.invalidate_rkey = keys_.take_back(cid);
    if (keys_.good(cid) == 0) invalidations_.remove(cid, hooks());
  }
}

void HostSide::post_capsules() {
  while (!capsules_.empty() && may_post(capsules_.front())) {
    const std::uint32_t cid = capsules_.front();
    capsules_.remove(cid, hooks());
    post_capsule(cid);
  }
}

// Work requests of its capsule: those that bind its keys, and the SEND.
std::uint32_t HostSide::requests_of(std::uint32_t cid) const {
  return 1 + (keys_.uses_windows() && commands_[cid].where == Where::kKeyed ? keys_.count(cid) : 0);
}

bool HostSide::may_post(std::uint32_t cid) {
  Command& command = commands_[cid];
  if (command.staged && !command.op->claim.run) return false;
  if (unanswered_ == agreed_.peer_receives) return false;
  if (command.keyless) {
    if (!keys_.take(cid, 1)) return false;
    command.keyless = false;
    --keyless_;
  }
  return link_.sends().make_room(link_.pair(), requests_of(cid));
}

void HostSide::post_capsule(std::uint32_t cid) {
  Command& command = commands_[cid];
  nvme::Sqe& sqe = *slot(cid);
  sqe.flags = static_cast<std::uint8_t>((sqe.flags & ~nvme::flags::kPsdtMask) | nvme::flags::kPsdtSgl);
  const std::uint32_t length = describe(cid);
  ibv_send_wr& request = link_.sends().add(Work::kSend, cid, IBV_WR_SEND, false);
  request.sg_list[0] = {
      .addr = reinterpret_cast<std::uintptr_t>(&sqe), .length = length, .lkey = capsules_block_->lkey()};
  request.num_sge = 1;
  if (command.where == Where::kInCapsule) {
    gather(command, request);
  } else if (link_.pair().inline_bytes() >= length) {
    request.send_flags |= IBV_SEND_INLINE;
  }
  command.state = State::kSent;
  ++unanswered_;
  ++link_.counters().commands;
}

// Writes SGL1, and the list behind the SQE where there are several descriptors; the requests that make their keys good
// are added ahead of the capsule. Returns the bytes of the capsule's slot that are to be sent.
std::uint32_t HostSide::describe(std::uint32_t cid) {
  const Command& command = commands_[cid];
  nvme::Sqe& sqe = *slot(cid);
  if (command.where != Where::kKeyed) {
    sqe.sgl = command.where == Where::kInCapsule
                  ? nvme::SglDescriptor::in_capsule(static_cast<std::uint32_t>(command.op->length))
                  : nvme::KeyedSglDescriptor{.identifier = nvme::sgl::kKeyed}.descriptor();
    return sizeof sqe;
  }
  std::array<Stretch, HostKeys::kMostPieces> stretches;
  const std::uint32_t count = find_stretches(command, stretches);
  std::array<nvme::KeyedSglDescriptor, HostKeys::kMostPieces> list{};
  for (std::uint32_t i = 0; i < count; ++i) {
    list[i].address = reinterpret_cast<std::uintptr_t>(stretches[i].base);
    list[i].set_length(static_cast<std::uint32_t>(stretches[i].length));
    list[i].key = keys_.give(cid, i, stretches[i], command.in, link_.sends());
    // A response can invalidate one key: the last one's, as it is the one that controllers look at.
    const bool invalidate = keys_.uses_windows() && i + 1 == count;
    list[i].identifier = invalidate ? nvme::sgl::kKeyedInvalidate : nvme::sgl::kKeyed;
  }
  if (count == 1) {
    sqe.sgl = list[0].descriptor();
    return sizeof sqe;
  }
  const auto bytes = count * static_cast<std::uint32_t>(sizeof list[0]);
  std::memcpy(reinterpret_cast<std::byte*>(&sqe) + sizeof sqe, list.data(), bytes);
  sqe.sgl = {.length = bytes, .identifier = nvme::sgl::kLastSegmentOffset};
  return static_cast<std::uint32_t>(sizeof sqe) + bytes;
}

std::uint32_t HostSide::find_stretches(const Command& command, std::span<Stretch> out) {
  if (!command.staged) return command.op->stretches(out);
  out[0] = {
      .base = command.op->claim.run.base, .length = command.op->length, .region = &link_.memory().staging_region()};
  return 1;
}

void HostSide::gather(Command& command, ibv_send_wr& request) {
  DataOp& op = *command.op;
  std::span<ibv_sge> out(&request.sg_list[1], link_.sends().max_sge() - 1);
  if (command.staged) {
    out[0] = {.addr = reinterpret_cast<std::uintptr_t>(op.claim.run.base),
              .length = static_cast<std::uint32_t>(op.length),
              .lkey = link_.memory().staging_region().lkey()};
    request.num_sge = 2;
    return;
  }
  std::uint64_t covered = 0;
  request.num_sge = 1 + static_cast<int>(op.elements(0, op.length, out, covered));
}

// ---- completions ---------------------------------------------------------------------------------------------------

void HostSide::completed(WorkId id, const ibv_wc& completion) {
  if (id.work == Work::kReceive) {
    take_response(id.index, completion);
  } else {
    sends_done();
  }
}

void HostSide::sends_done() {
  Posted posted;
  while (link_.sends().next_done(posted)) {
    if (posted.work == Work::kSend) {
      commands_[posted.index].sent = true;
    } else if (posted.work == Work::kInvalidate) {
      --commands_[posted.index].retracting;
    } else {
      continue;
    }
    finish_if_over(posted.index);
  }
  if (!capsules_.empty() || !invalidations_.empty()) link_.mark_dirty();  // there is room again
}

void HostSide::take_response(std::uint32_t ring_slot, const ibv_wc& completion) {
  if (completion.byte_len < sizeof(nvme::Cqe))
    return violated(fmt::format("the controller sent a response of {} bytes", completion.byte_len));
  const std::uint16_t cid = load<nvme::Cqe>(ring_->at(ring_slot)).cid;
  if (cid >= commands_.size() || commands_[cid].state != State::kSent || commands_[cid].answered)
    return violated(fmt::format("the controller answered CID {:#x}, which no command has", cid));
  Command& command = commands_[cid];
  std::memcpy(command.cqe.data(), ring_->at(ring_slot), sizeof(nvme::Cqe));
  ring_->repost(ring_slot);
  link_.mark_dirty();
  if (!retract_keys(cid, completion)) return;
  command.answered = true;
  --unanswered_;
  finish_if_over(cid);
}

// The controller is done with the keys: they are to be good for nothing before the command ends.
bool HostSide::retract_keys(std::uint16_t cid, const ibv_wc& completion) {
  keys_.answered(cid);
  if ((completion.wc_flags & IBV_WC_WITH_INV) != 0 && !keys_.invalidated(cid, completion.invalidated_rkey)) {
    violated(fmt::format("the controller invalidated key {:#x}, which it was not given with CID {:#x}",
                         completion.invalidated_rkey, cid));
    return false;
  }
  const std::uint32_t left = keys_.good(cid);
  commands_[cid].retracting = static_cast<std::uint8_t>(left);
  if (left != 0) invalidations_.push_back(cid, hooks());
  return true;
}

}  // namespace weft::rdma

// host_side_wire.cpp - capsules and windows as they are posted, responses as they come.
#include <fmt/format.h>

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
    invalidations_.remove(cid, hooks());
    ibv_send_wr& request = link_.sends().add(Work::kInvalidate, cid, IBV_WR_LOCAL_INV, false);
    request.invalidate_rkey = commands_[cid].key;
  }
}

void HostSide::post_capsules() {
  while (!capsules_.empty() && may_post(commands_[capsules_.front()])) {
    const std::uint32_t cid = capsules_.front();
    capsules_.remove(cid, hooks());
    post_capsule(cid);
  }
}

bool HostSide::may_post(const Command& command) {
  if (command.staged && !command.op->claim.run) return false;
  if (unanswered_ == agreed_.peer_receives) return false;
  const bool binds = command.where == Where::kKeyed && !windows_.empty();
  return link_.sends().make_room(link_.pair(), binds ? 2 : 1);
}

void HostSide::post_capsule(std::uint32_t cid) {
  Command& command = commands_[cid];
  nvme::Sqe& sqe = *slot(cid);
  sqe.flags = static_cast<std::uint8_t>((sqe.flags & ~nvme::flags::kPsdtMask) | nvme::flags::kPsdtSgl);
  sqe.sgl = describe(cid);
  ibv_send_wr& request = link_.sends().add(Work::kSend, cid, IBV_WR_SEND, false);
  request.sg_list[0] = {
      .addr = reinterpret_cast<std::uintptr_t>(&sqe), .length = sizeof sqe, .lkey = capsules_block_->lkey()};
  request.num_sge = 1;
  if (command.where == Where::kInCapsule) {
    gather(command, request);
  } else if (link_.pair().inline_bytes() >= sizeof sqe) {
    request.send_flags |= IBV_SEND_INLINE;
  }
  command.state = State::kSent;
  ++unanswered_;
  ++link_.counters().commands;
}

// SGL1 of the command; a window is bound for what it names, ahead of the capsule.
nvme::SglDescriptor HostSide::describe(std::uint32_t cid) {
  const Command& command = commands_[cid];
  if (command.where == Where::kInCapsule)
    return nvme::SglDescriptor::in_capsule(static_cast<std::uint32_t>(command.op->length));
  nvme::KeyedSglDescriptor keyed{.identifier = nvme::sgl::kKeyed};
  if (command.where == Where::kNone) return keyed.descriptor();
  Stretch stretch{.length = command.op->length};
  if (command.staged) {
    stretch.base = command.op->claim.run.base;
    stretch.region = &link_.memory().staging_region();
  } else {
    stretch.base = command.op->pieces[0].base;
    stretch.region = command.op->pieces[0].region;
  }
  keyed.address = reinterpret_cast<std::uintptr_t>(stretch.base);
  keyed.set_length(static_cast<std::uint32_t>(stretch.length));
  if (windows_.empty()) {
    keyed.key = stretch.region->rkey();
  } else {
    keyed.key = bind(cid, stretch);
    keyed.identifier = nvme::sgl::kKeyedInvalidate;
  }
  return keyed.descriptor();
}

std::uint32_t HostSide::bind(std::uint32_t cid, const Stretch& stretch) {
  Command& command = commands_[cid];
  ibv_mw* window = windows_[cid]->handle();
  command.key = ibv_inc_rkey(window->rkey);  // the window's own is the one before until the request was posted
  ibv_send_wr& request = link_.sends().add(Work::kBind, cid, IBV_WR_BIND_MW, false);
  request.bind_mw.mw = window;
  request.bind_mw.rkey = command.key;
  request.bind_mw.bind_info = {
      .mr = stretch.region->handle(),
      .addr = reinterpret_cast<std::uintptr_t>(stretch.base),
      .length = stretch.length,
      .mw_access_flags = static_cast<unsigned>(command.in ? IBV_ACCESS_REMOTE_WRITE : IBV_ACCESS_REMOTE_READ)};
  command.bound = true;
  return command.key;
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
      commands_[posted.index].invalidating = false;
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
  if (!retract_key(cid, completion)) return;
  command.answered = true;
  --unanswered_;
  finish_if_over(cid);
}

// The controller is done with the key: it is to be good for nothing before the command ends.
bool HostSide::retract_key(std::uint16_t cid, const ibv_wc& completion) {
  Command& command = commands_[cid];
  if (command.bound) windows_[cid]->handle()->rkey = command.key;  // the next one follows it
  if ((completion.wc_flags & IBV_WC_WITH_INV) == 0) {
    if (!command.bound) return true;
    command.invalidating = true;
    invalidations_.push_back(cid, hooks());
    return true;
  }
  if (!command.bound || completion.invalidated_rkey != command.key) {
    violated(fmt::format("the controller invalidated key {:#x}, which it was not given with CID {:#x}",
                         completion.invalidated_rkey, cid));
    return false;
  }
  command.bound = false;
  return true;
}

}  // namespace weft::rdma

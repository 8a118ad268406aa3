// The data path of a host's queue pair: a command out, its end in. Nothing here allocates, locks or logs, but for the
// sentence about a controller that broke the protocol.
#include <fmt/format.h>

#include <cerrno>

#include "core/qpair/host_qpair.hpp"

namespace weft {
namespace {

constexpr std::uint32_t direction_flag(DataDirection direction) {
  switch (direction) {
    case DataDirection::kOut:
      return WEFT_DIR_OUT;
    case DataDirection::kIn:
      return WEFT_DIR_IN;
    case DataDirection::kNone:
      break;
  }
  return 0;
}

}  // namespace

std::int32_t HostQueuePairImpl::submit(Command& command) {
  if (state_ != State::kOpen) return -ENOTCONN;
  if (command.done == nullptr || (command.direction == DataDirection::kNone) != (command.iov_count == 0))
    return -EINVAL;
  if (queue_.room() == 0) return -EAGAIN;
  const auto cid = static_cast<std::uint16_t>(slots_.take());
  nvme::Sqe& sqe = command.sqe;  // in place: a copy would be read in larger pieces than it was written in, and wait
  sqe.cid = cid;
  sqe.flags = sqe.fuse();
  sqe.sgl = {};
  const int rc = send_command_(handle_, &sqe, command.iov, command.iov_count, direction_flag(command.direction));
  if (rc != 0) {
    slots_.give_back(cid);
    return rc;
  }
  slots_[cid] = {command.done, command.ctx};
  queue_.submitted();
  deadlines_.set(cid, command.deadline);
  return cid;
}

void HostQueuePairImpl::on_response(void* ctx, const weft_response* response) {
  static_cast<HostQueuePairImpl*>(ctx)->respond(*response);
}

void HostQueuePairImpl::respond(const weft_response& response) {
  Completion completion;
  completion.error = response.error;
  completion.moved = response.moved;
  std::uint16_t cid = response.cid;
  if (response.cqe != nullptr) {
    const auto& cqe = *static_cast<const nvme::Cqe*>(response.cqe);
    cid = cqe.cid;
    completion.status = cqe.status();
    completion.result = cqe.result();
    completion.sqhd = cqe.sqhd;
    completion.sqhd_valid = (response.flags & WEFT_SQHD_VALID) != 0;
  } else {
    completion.error = reason_for_end(response.error);
  }
  if (!slots_.in_use(cid)) {
    protocol_error(fmt::format("a response for command {:04x}h, which is not outstanding", cid));
    return;
  }
  if (!completion.sqhd_valid) {
    queue_.ended();
  } else if (!queue_.ended(completion.sqhd)) {
    completion.error = -EPROTO;
    protocol_error(fmt::format("a response has SQHD {} on a queue of {} entries", completion.sqhd, queue_.size()));
  }
  // The transport found that the controller broke the protocol, and may give it its time to hear so. Nothing more can come of
  // the queue pair: on_closed, with the transport's sentence, is not to wait for that.
  if (response.cqe == nullptr && response.error == -EPROTO) [[unlikely]]
    close();
  finish(cid, completion);
}

// The slot is free before the callback: it may submit again.
void HostQueuePairImpl::finish(std::uint16_t cid, const Completion& completion) {
  const Slot slot = slots_[cid];
  slots_.give_back(cid);
  deadlines_.clear(cid);
  slot.done(slot.ctx, completion);
}

// A command that the transport ended without an answer, because we closed over a fault, ends with that fault.
std::int32_t HostQueuePairImpl::reason_for_end(std::int32_t error) const {
  if (reason_.code != 0 && (error == 0 || error == -ECANCELED)) return -reason_.code;
  return error != 0 ? error : -EIO;
}

}  // namespace weft

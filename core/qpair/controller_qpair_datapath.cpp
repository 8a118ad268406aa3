// The data path of a controller's queue pair: commands in, data and responses out. Nothing here allocates, locks or logs.
#include <fmt/format.h>

#include <cerrno>

#include "core/qpair/controller_qpair.hpp"
#include "core/wire/cqe.hpp"
#include "weft/fabrics.hpp"

namespace weft {
namespace {

constexpr std::uint16_t kCidAt = 2;  // byte of the submission queue entry

}  // namespace

void ControllerQueuePairImpl::on_command(void* ctx, const weft_command* command) {
  static_cast<ControllerQueuePairImpl*>(ctx)->take(*command);
}

void ControllerQueuePairImpl::take(const weft_command& command) {
  if (!in_state(command.token, Token::kFree)) {
    fault(fmt::format("transport '{}' gave token {} to two commands, or beyond the queue", table_.name, command.token));
    return;
  }
  tokens_[command.token] = Token::kHeld;
  ++held_;
  const std::uint16_t cid = load<le16>(static_cast<const std::byte*>(command.sqe) + kCidAt);
  if (!cids_.take(command.token, cid)) [[unlikely]] {
    if (!drop_in_the_way(cid) || !cids_.take(command.token, cid)) return refuse(command);
  }
  events_.on_command(command);
}

// The entry that was dropped is taken from the submission queue all the same: the head moves on over it.
bool ControllerQueuePairImpl::drop_in_the_way(std::uint16_t cid) {
  const std::uint64_t token = cids_.token_of(cid);
  if (!events_.on_cid_reused(token)) return false;
  cids_.give_back(token);
  if (flow_control_ == FlowControl::kOn) sqhd_ = next_sqhd();
  return true;
}

// Which of the two is meant could not be told from the answer: the one that came later fails.
void ControllerQueuePairImpl::refuse(const weft_command& command) {
  weft_command refused = command;
  refused.status = nvme::status::kCommandIdConflict.value();
  refused.error_offset = kCidAt;
  events_.on_command(refused);
}

void ControllerQueuePairImpl::on_data(void* ctx, std::uint64_t cookie, std::uint64_t moved, std::int32_t error,
                                      std::uint16_t status, std::uint32_t flags) {
  static_cast<ControllerQueuePairImpl*>(ctx)->events_.on_data(cookie, moved, error, NvmeStatus(status), flags);
}

std::int32_t ControllerQueuePairImpl::check(std::uint64_t token) const {
  if (state_ != State::kOpen) return -ENOTCONN;
  return in_state(token, Token::kHeld) ? 0 : -EINVAL;
}

// One entry further for each response; the Connect response says FFFFh when there is no flow control.
std::uint16_t ControllerQueuePairImpl::next_sqhd() const {
  switch (flow_control_) {
    case FlowControl::kOn:
      return static_cast<std::uint16_t>(sqhd_ + 1u == entries_ ? 0u : sqhd_ + 1u);
    case FlowControl::kOff:
      return connect_response_next_ ? fabrics::kSqhdFlowControlDisabled : std::uint16_t{0};
    case FlowControl::kUnknown:
      break;
  }
  return 0;
}

void ControllerQueuePairImpl::answered(std::uint64_t token, std::uint16_t sqhd) {
  tokens_[token] = Token::kAnswered;
  cids_.give_back(token);  // the host may use it again as soon as it has the answer
  if (flow_control_ == FlowControl::kOn) sqhd_ = sqhd;
  if (flow_control_ != FlowControl::kUnknown) connect_response_next_ = false;
}

std::int32_t ControllerQueuePairImpl::receive_data(std::uint64_t token, std::uint64_t offset,
                                                   std::span<const weft_iov> iov, std::uint64_t cookie,
                                                   std::uint32_t flags) {
  if (const std::int32_t rc = check(token); rc != 0) return rc;
  return table_.receive_data(handle_, token, offset, iov.data(), static_cast<std::uint32_t>(iov.size()), cookie, flags);
}

std::int32_t ControllerQueuePairImpl::send_data(std::uint64_t token, std::uint64_t offset,
                                                std::span<const weft_iov> iov, bool last, std::uint16_t cid,
                                                std::uint64_t result, std::uint64_t cookie, std::uint32_t flags) {
  if (const std::int32_t rc = check(token); rc != 0) return rc;
  const auto count = static_cast<std::uint32_t>(iov.size());
  if (!last) return table_.send_data(handle_, token, offset, iov.data(), count, nullptr, cookie, flags);
  const std::uint16_t sqhd = next_sqhd();
  const nvme::Cqe cqe = wire::make_cqe(cid, sqhd, NvmeStatus(), result);
  if (flow_control_ == FlowControl::kOff && !connect_response_next_ && result == 0) flags |= WEFT_ALLOW_IMPLIED;
  const int rc = table_.send_data(handle_, token, offset, iov.data(), count, &cqe, cookie, flags);
  if (rc == 0) answered(token, sqhd);
  return rc;
}

std::int32_t ControllerQueuePairImpl::respond(std::uint64_t token, std::uint16_t cid, NvmeStatus status,
                                              std::uint64_t result) {
  if (const std::int32_t rc = check(token); rc != 0) return rc;
  const std::uint16_t sqhd = next_sqhd();
  const nvme::Cqe cqe = wire::make_cqe(cid, sqhd, status, result);
  const int rc = table_.send_response(handle_, token, &cqe, 0);
  if (rc == 0) answered(token, sqhd);
  return rc;
}

void ControllerQueuePairImpl::cancel_data(std::uint64_t token) {
  if (state_ != State::kClosed && token < tokens_.size() && tokens_[token] != Token::kFree) {
    table_.cancel_data(handle_, token);
  }
}

std::int32_t ControllerQueuePairImpl::release(std::uint64_t token) {
  if (token >= tokens_.size() || tokens_[token] == Token::kFree) return -EINVAL;
  const int rc = table_.release_command(handle_, token);
  if (rc != 0) return rc;
  tokens_[token] = Token::kFree;
  cids_.give_back(token);
  --held_;
  if (finished()) handle_ = nullptr;  // freed by that call
  return 0;
}

}  // namespace weft

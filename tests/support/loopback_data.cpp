// Commands, data and responses of the loopback transport.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "support/loopback_hub.hpp"

namespace weft::test {
namespace {

constexpr std::size_t kSglOffset = 24;
constexpr std::byte kPsdtSgl{0x40};
constexpr std::byte kPsdtMask{0xc0};
constexpr std::byte kFabricsOpcode{0x7f};
constexpr std::byte kNoLongerBorrowed{0xdd};
constexpr std::byte kInCapsuleSgl{0x01};  // data block, offset
constexpr std::byte kTransportSgl{0x5a};  // transport data block

std::uint64_t length_of(std::span<const weft_iov> iov) {
  std::uint64_t length = 0;
  for (const weft_iov& part : iov) length += part.len;
  return length;
}

struct Cursor {  // a place in a list of pieces
  std::span<const weft_iov> iov;
  std::uint64_t offset;

  // What is contiguous here, at most `want`.
  std::span<std::byte> take(std::uint64_t want) {
    while (!iov.empty() && offset >= iov.front().len) {
      offset -= iov.front().len;
      iov = iov.subspan(1);
    }
    if (iov.empty()) return {};
    const std::uint64_t here = std::min(want, iov.front().len - offset);
    return {static_cast<std::byte*>(iov.front().base) + offset, here};
  }
};

void copy(Cursor to, Cursor from, std::uint64_t length) {
  while (length > 0) {
    const std::span<std::byte> source = from.take(length);
    const std::span<std::byte> target = to.take(source.size());
    if (target.empty()) return violation("data that is longer than the memory for it");
    std::memcpy(target.data(), source.data(), target.size());
    from.offset += target.size();
    to.offset += target.size();
    length -= target.size();
  }
}

std::uint16_t cid_at(const void* entry, std::size_t offset) {
  const auto* bytes = static_cast<const unsigned char*>(entry) + offset;
  return static_cast<std::uint16_t>(bytes[0] | (bytes[1] << 8));
}

void put_sgl(std::array<std::byte, 64>& sqe, std::uint64_t length, bool in_capsule) {
  sqe[1] |= kPsdtSgl;
  for (unsigned i = 0; i < 4; ++i) sqe[kSglOffset + 8 + i] = static_cast<std::byte>(length >> (8 * i));
  sqe[kSglOffset + 15] = in_capsule ? kInCapsuleSgl : kTransportSgl;
}

// The host's command that a token stands for, if the host still has it.
HostCommand* command_of(const weft_qpair& controller, const Token& token) {
  weft_qpair* host = controller.peer;
  if (host == nullptr || host->gone || token.cid >= host->commands.size()) return nullptr;
  HostCommand& command = host->commands[token.cid];
  return command.in_use && !command.ended ? &command : nullptr;
}

void post_response_locked(weft_qpair& host, std::uint16_t cid, const std::array<std::byte, 16>* cqe,
                          std::uint32_t flags, std::int32_t error) {
  host.commands[cid].ended = true;
  const bool has_cqe = cqe != nullptr;
  const std::array<std::byte, 16> entry = has_cqe ? *cqe : std::array<std::byte, 16>{};
  post_locked(*host.group, [&host, cid, has_cqe, entry, flags, error] {
    weft_response response{sizeof response, flags, has_cqe ? entry.data() : nullptr, 0, error, cid, 0};
    {
      const std::lock_guard lock(hub().mutex);
      HostCommand& command = host.commands[cid];
      command.in_use = false;
      command.iov.clear();
      response.moved = command.moved;
      --hub().counts.commands;
      ++host.stats.responses;
    }
    host.events->on_response(host.ctx, &response);
  });
}

// By the CQE's CID: the token may stand for another command by now.
void respond_locked(weft_qpair& controller, const std::array<std::byte, 16>& cqe, std::uint32_t flags) {
  if (controller.state != QueueState::kReady) return;
  if (hub().cut_locked(CutPoint::kResponse, controller)) return cut_connection_locked(controller);
  ++controller.stats.responses;
  const std::uint16_t cid = cid_at(cqe.data(), 12);
  auto deliver = [host = controller.peer, cid, cqe, flags] {
    HostCommand& command = host->commands[cid];
    if (command.in_use && !command.ended) post_response_locked(*host, cid, &cqe, flags, command.error);
  };
  if (hub().faults.hold_responses)
    hub().responses_held.emplace_back(std::move(deliver));
  else
    deliver();
}

void announce_command(weft_qpair& controller, std::uint64_t index) {
  weft_command command{};
  {
    const std::lock_guard lock(hub().mutex);
    Token& token = *controller.tokens[index];
    if (controller.state != QueueState::kReady) {  // the core never hears of it
      token.held = false;
      --hub().counts.tokens;
      return;
    }
    command.size = sizeof command;
    command.token = index;
    command.sqe = token.sqe.data();
    command.data_len = token.length;
    if (!token.capsule.empty()) {
      command.flags = WEFT_DATA_IN_CAPSULE;
      if (controller.limits.contiguous_capsules) {
        command.flags |= WEFT_DATA_COMPLETE;
        command.capsule_data = token.capsule.data();
      }
    }
    command.status = std::exchange(hub().faults.command_status, std::uint16_t{0});
    command.error_offset = std::exchange(hub().faults.command_offset, std::uint16_t{0});
    ++controller.stats.commands;
  }
  controller.events->on_command(controller.ctx, &command);
}

// Gives waiting commands to the core as far as there are free tokens.
void pump_locked(weft_qpair& controller) {
  for (std::uint64_t i = 0; !controller.waiting.empty() && i < controller.tokens.size(); ++i) {
    Token& token = *controller.tokens[i];
    if (token.held) continue;
    Capsule& capsule = controller.waiting.front();
    token = Token{};
    token.held = true;
    token.cid = cid_at(capsule.sqe.data(), 2);
    token.flags = capsule.flags;
    token.length = capsule.length;
    token.sqe = capsule.sqe;
    token.capsule = std::move(capsule.data);
    controller.waiting.pop_front();
    ++hub().counts.tokens;
    post_locked(*controller.group, [&controller, i] { announce_command(controller, i); });
  }
}

// The host must not have more unanswered commands than the queue is deep.
bool overfull_locked(const weft_qpair& controller) {
  std::size_t unanswered = controller.waiting.size();
  for (const std::unique_ptr<Token>& token : controller.tokens) unanswered += token->held && !token->answered ? 1u : 0u;
  return unanswered > controller.params.depth;
}

void carry_locked(weft_qpair& host, std::uint16_t cid) {
  HostCommand& command = host.commands[cid];
  weft_qpair* controller = host.peer;
  if (host.state != QueueState::kReady || command.ended || controller == nullptr) return;
  ++hub().carried;
  if (hub().cut_locked(CutPoint::kCommand, host)) return cut_connection_locked(host);
  if (controller->state == QueueState::kClosing || controller->state == QueueState::kClosed) return;

  Capsule capsule{command.sqe, {}, command.flags, command.length};
  const bool small_queue = (host.params.flags & WEFT_QP_ADMIN) == 0 && command.sqe[0] != kFabricsOpcode;
  const std::uint64_t room =
      small_queue ? std::min(host.limits.max_in_capsule, host.params.in_capsule) : host.limits.max_in_capsule_admin;
  const bool in_capsule = (command.flags & WEFT_DIR_OUT) != 0 && command.length > 0 && command.length <= room;
  put_sgl(capsule.sqe, command.length, in_capsule);
  if (in_capsule) {
    capsule.data.resize(command.length);
    const weft_iov whole{capsule.data.data(), capsule.data.size(), nullptr};
    copy({{&whole, 1}, 0}, {command.iov, 0}, command.length);
    command.moved = command.length;
  }
  controller->waiting.push_back(std::move(capsule));
  if (overfull_locked(*controller)) {
    const weft_error error = make_error(-EPROTO, WEFT_ORIGIN_PROTOCOL, "", "more commands than the queue is deep");
    end_side_locked(*controller, -EPROTO, error);
    end_side_locked(host, -ECONNRESET, make_error(0, WEFT_ORIGIN_PEER, "", "the peer closed the connection"));
    return;
  }
  pump_locked(*controller);
}

void run_transfer_locked(const std::shared_ptr<Transfer>& transfer) {
  if (transfer->ended) return;
  weft_qpair& controller = *transfer->qpair;
  Token& token = *controller.tokens[transfer->token];
  HostCommand* command = command_of(controller, token);
  if (command == nullptr) return end_transfer_locked(transfer, 0, -ECONNRESET, 0, 0);

  const bool cut = hub().cut_locked(transfer->to_host ? CutPoint::kSendData : CutPoint::kReceiveData, controller);
  const std::uint64_t whole = length_of(transfer->iov);
  const std::uint64_t reported = std::exchange(hub().faults.moved, std::nullopt).value_or(whole);
  const std::uint64_t length = cut ? whole / 2 : std::min(whole, reported);
  const Cursor own{transfer->iov, 0};
  const weft_iov capsule{token.capsule.data(), token.capsule.size(), nullptr};
  const Cursor theirs =
      token.capsule.empty() ? Cursor{command->iov, transfer->offset} : Cursor{{&capsule, 1}, transfer->offset};
  transfer->to_host ? copy(theirs, own, length) : copy(own, theirs, length);
  (transfer->to_host ? controller.stats.bytes_out : controller.stats.bytes_in) += length;
  if (token.capsule.empty()) command->moved += length;
  if (cut) {
    end_transfer_locked(transfer, length, -ECONNRESET, 0, 0);
    return cut_connection_locked(controller);
  }
  if (!transfer->to_host) {
    const std::int32_t error = std::exchange(hub().faults.receive_error, 0);
    return end_transfer_locked(transfer, reported, error, std::exchange(hub().faults.receive_status, std::uint16_t{0}),
                               0);
  }
  command->error = std::exchange(hub().faults.response_error, command->error);
  if (!transfer->has_cqe) return end_transfer_locked(transfer, reported, 0, 0, 0);
  const bool folded =
      (transfer->flags & WEFT_ALLOW_IMPLIED) != 0 && (controller.limits.caps & WEFT_CAP_IMPLIED_SUCCESS) != 0;
  end_transfer_locked(transfer, reported, 0, 0, WEFT_RESPONSE_SENT | (folded ? WEFT_RESPONSE_IMPLIED : 0u));
  respond_locked(controller, transfer->cqe, folded ? 0 : WEFT_SQHD_VALID);
}

// The token of an open command on a ready controller queue pair; null and `rc` when the call cannot go on.
Token* open_token_locked(weft_qpair* qpair, std::uint64_t index, const char* call, int& rc) {
  rc = -ENOTCONN;
  if (!is_usable(qpair, call) || qpair->state != QueueState::kReady) return nullptr;
  rc = -EINVAL;
  if (qpair->host || index >= qpair->tokens.size() || !qpair->tokens[index]->held) {
    violation(std::string(call) + " with token " + std::to_string(index) + ", which stands for no command");
    return nullptr;
  }
  if (qpair->tokens[index]->answered) {
    violation(std::string(call) + " with token " + std::to_string(index) + ", which was answered already");
    return nullptr;
  }
  rc = 0;
  return qpair->tokens[index].get();
}

int check_cqe_locked(const Token& token, const void* cqe, const char* call) {
  if (cid_at(cqe, 12) == token.cid) return 0;
  violation(std::string(call) + ": the completion is for CID " + std::to_string(cid_at(cqe, 12)) +
            ", the command has " + std::to_string(token.cid));
  return -EINVAL;
}

int start_transfer_locked(Token& token, std::shared_ptr<Transfer> transfer, std::uint32_t direction, const char* call) {
  const std::uint64_t length = length_of(transfer->iov);
  if ((token.flags & direction) == 0 || transfer->offset > token.length || length > token.length - transfer->offset ||
      transfer->iov.size() > transfer->qpair->limits.max_iov) {
    violation(std::string(call) + " of " + std::to_string(length) + " bytes at " + std::to_string(transfer->offset) +
              ", but the command's data has " + std::to_string(token.length) + " bytes, or goes the other way");
    return -EINVAL;
  }
  ++token.transfers;
  ++hub().counts.transfers;
  transfer->qpair->transfers.push_back(transfer);
  transfer->qpair->group->outbox.emplace_back([transfer] {
    if (transfer->ended) return;
    if (hub().faults.hold_data)
      hub().data_held.emplace_back([transfer] { run_transfer_locked(transfer); });
    else
      run_transfer_locked(transfer);
  });
  return 0;
}

// The SQE and the capsule's data are the plugin's again.
void end_borrowing(Token& token) { token.sqe.fill(kNoLongerBorrowed); }

}  // namespace

void end_command_locked(weft_qpair& host, std::uint16_t cid, std::int32_t error) {
  if (!host.commands[cid].ended) post_response_locked(host, cid, nullptr, 0, error);
}

void end_transfer_locked(const std::shared_ptr<Transfer>& transfer, std::uint64_t moved, std::int32_t error,
                         std::uint16_t status, std::uint32_t flags) {
  if (std::exchange(transfer->ended, true)) return;
  weft_qpair& controller = *transfer->qpair;
  std::erase(controller.transfers, transfer);
  Token& token = *controller.tokens[transfer->token];
  if (transfer->has_cqe && (flags & WEFT_RESPONSE_SENT) == 0) token.answered = false;
  post_locked(*controller.group, [transfer, moved, error, status, flags] {
    weft_qpair& qpair = *transfer->qpair;
    {
      const std::lock_guard lock(hub().mutex);
      --qpair.tokens[transfer->token]->transfers;
      --hub().counts.transfers;
    }
    qpair.events->on_data(qpair.ctx, transfer->cookie, moved, error, status, flags);
  });
}

int loop_send_command(weft_qpair* qpair, const void* sqe, const weft_iov* iov, std::uint32_t iovcnt,
                      std::uint32_t flags) {
  const std::lock_guard lock(hub().mutex);
  if (!is_usable(qpair, "send_command") || qpair->state != QueueState::kReady) return -ENOTCONN;
  if ((flags & ~(WEFT_DIR_IN | WEFT_DIR_OUT)) != 0) return -ENOTSUP;
  const std::span<const weft_iov> parts(iov, iovcnt);
  const std::uint64_t length = length_of(parts);
  const std::uint16_t cid = cid_at(sqe, 2);
  HostCommand next;
  std::memcpy(next.sqe.data(), sqe, next.sqe.size());

  std::string wrong;
  if (!qpair->host)
    wrong = "on a controller's queue pair";
  else if (cid >= qpair->commands.size())
    wrong = "with CID " + std::to_string(cid) + ", which is not below the depth";
  else if (qpair->commands[cid].in_use)
    wrong = "with CID " + std::to_string(cid) + ", which is in use";
  else if ((next.sqe[1] & kPsdtMask) != std::byte{0} ||
           std::any_of(next.sqe.begin() + kSglOffset, next.sqe.begin() + kSglOffset + 16,
                       [](std::byte b) { return b != std::byte{0}; }))
    wrong = "with PSDT or SGL1 set, which are the plugin's";
  else if (iovcnt > qpair->limits.max_iov)
    wrong = "with more pieces than max_iov";
  else if (qpair->limits.max_transfer != 0 && length > qpair->limits.max_transfer)
    wrong = "with more than max_transfer";
  else if (length > 0 && (flags & (WEFT_DIR_IN | WEFT_DIR_OUT)) == 0)
    wrong = "with data that goes neither way";
  if (!wrong.empty()) {
    violation("send_command " + wrong);
    return -EINVAL;
  }
  next.in_use = true;
  next.iov.assign(parts.begin(), parts.end());
  next.flags = flags;
  next.length = length;
  qpair->commands[cid] = std::move(next);
  ++hub().counts.commands;
  ++qpair->stats.commands;
  qpair->group->outbox.emplace_back([qpair, cid] { carry_locked(*qpair, cid); });
  return 0;
}

int loop_receive_data(weft_qpair* qpair, std::uint64_t token, std::uint64_t offset, const weft_iov* iov,
                      std::uint32_t iovcnt, std::uint64_t cookie, std::uint32_t flags) {
  const std::lock_guard lock(hub().mutex);
  int rc;
  Token* open = open_token_locked(qpair, token, "receive_data", rc);
  if (open == nullptr) return rc;
  if (flags != 0) return -ENOTSUP;
  auto transfer = std::make_shared<Transfer>(Transfer{qpair, token, offset, cookie, {iov, iov + iovcnt}, false, flags});
  return start_transfer_locked(*open, std::move(transfer), WEFT_DIR_OUT, "receive_data");
}

int loop_send_data(weft_qpair* qpair, std::uint64_t token, std::uint64_t offset, const weft_iov* iov,
                   std::uint32_t iovcnt, const void* final_cqe, std::uint64_t cookie, std::uint32_t flags) {
  const std::lock_guard lock(hub().mutex);
  int rc;
  Token* open = open_token_locked(qpair, token, "send_data", rc);
  if (open == nullptr) return rc;
  if ((flags & ~(WEFT_ALLOW_IMPLIED)) != 0) return -ENOTSUP;
  auto transfer = std::make_shared<Transfer>(Transfer{qpair, token, offset, cookie, {iov, iov + iovcnt}, true, flags});
  if (final_cqe != nullptr) {
    if (rc = check_cqe_locked(*open, final_cqe, "send_data"); rc != 0) return rc;
    transfer->has_cqe = true;
    std::memcpy(transfer->cqe.data(), final_cqe, transfer->cqe.size());
  }
  if (rc = start_transfer_locked(*open, transfer, WEFT_DIR_IN, "send_data"); rc != 0) return rc;
  if (transfer->has_cqe) {
    open->answered = true;
    end_borrowing(*open);
  }
  return 0;
}

int loop_send_response(weft_qpair* qpair, std::uint64_t token, const void* cqe, std::uint32_t flags) {
  const std::lock_guard lock(hub().mutex);
  int rc;
  Token* open = open_token_locked(qpair, token, "send_response", rc);
  if (open == nullptr) return rc;
  if (flags != 0) return -ENOTSUP;
  if (rc = check_cqe_locked(*open, cqe, "send_response"); rc != 0) return rc;
  if (open->transfers != 0 && !open->cancelled) {
    violation("send_response with token " + std::to_string(token) + " while its data is outstanding and not cancelled");
    return -EINVAL;
  }
  open->answered = true;
  end_borrowing(*open);
  std::fill(open->capsule.begin(), open->capsule.end(), kNoLongerBorrowed);
  std::array<std::byte, 16> entry;
  std::memcpy(entry.data(), cqe, entry.size());
  qpair->group->outbox.emplace_back([qpair, entry] { respond_locked(*qpair, entry, WEFT_SQHD_VALID); });
  return 0;
}

void loop_cancel_data(weft_qpair* qpair, std::uint64_t token) {
  const std::lock_guard lock(hub().mutex);
  if (!is_usable(qpair, "cancel_data")) return;
  if (qpair->host || token >= qpair->tokens.size() || !qpair->tokens[token]->held)
    return violation("cancel_data with token " + std::to_string(token) + ", which stands for no command");
  qpair->tokens[token]->cancelled = true;
  for (const std::shared_ptr<Transfer>& transfer : std::vector(qpair->transfers))
    if (transfer->token == token) end_transfer_locked(transfer, 0, -ECANCELED, 0, 0);
}

int loop_release_command(weft_qpair* qpair, std::uint64_t token) {
  const std::lock_guard lock(hub().mutex);
  if (qpair->gone || qpair->host || token >= qpair->tokens.size() || !qpair->tokens[token]->held) {
    violation("release_command with token " + std::to_string(token) + ", which stands for no command");
    return -EINVAL;
  }
  Token& released = *qpair->tokens[token];
  if (released.transfers != 0) return -EBUSY;
  released.held = false;
  end_borrowing(released);
  --hub().counts.tokens;
  if (qpair->state == QueueState::kClosed) finish_if_done_locked(*qpair);
  if (qpair->state == QueueState::kReady) pump_locked(*qpair);
  return 0;
}

}  // namespace weft::test

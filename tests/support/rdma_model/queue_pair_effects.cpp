// queue_pair_effects.cpp - what may happen to a queue pair next, and what its requests do.
#include <algorithm>

#include "machine.hpp"
#include "queue_pair.hpp"

namespace weft::rdma::model {

// ---- what may happen next ------------------------------------------------------------------------------------------

bool QueuePair::alive() const { return !machine_.dead && !device_.silent(); }

QueuePair* QueuePair::peer() const {
  if (machine_.fabric().cut) return nullptr;
  const auto& all = machine_.fabric().queue_pairs;
  const auto found = all.find(joining_.peer);
  if (found == all.end() || !found->second->alive() || found->second->state_ != State::kReady) return nullptr;
  return found->second;
}

// The peer has accepted but has not heard yet that it is connected.
bool QueuePair::peer_may_come() const {
  const auto& all = machine_.fabric().queue_pairs;
  const auto found = all.find(joining_.peer);
  return found != all.end() && found->second->alive() && found->second->state_ == State::kFresh;
}

std::size_t QueuePair::receives_waiting() const {
  return shared_ != nullptr ? shared_->waiting.size() : receives_.size();
}

std::uint32_t QueuePair::reads_under_way() const {
  return static_cast<std::uint32_t>(
      std::ranges::count(sends_, IBV_WR_RDMA_READ, [](const Send& send) { return send.request.opcode; }));
}

bool QueuePair::can_leave() const {
  if (state_ != State::kReady || left_ == sends_.size()) return false;
  if (left_ != 0 && sends_[left_ - 1].status != IBV_WC_SUCCESS) return false;  // it failed: nothing behind it leaves
  const Send& next = sends_[left_];
  if (is_local(next.request)) return true;
  const QueuePair* to = peer();
  if (to == nullptr) return false;
  const bool is_send = next.request.opcode == IBV_WR_SEND || next.request.opcode == IBV_WR_SEND_WITH_INV;
  return !is_send || to->receives_waiting() != 0 || !next.found_no_receive;
}

bool QueuePair::can_be_answered() const {
  if (state_ != State::kReady || left_ == 0) return false;
  const Send& oldest = sends_.front();
  return oldest.status != IBV_WC_SUCCESS || oldest.request.opcode != IBV_WR_RDMA_READ || peer() != nullptr;
}

std::size_t QueuePair::choices() const {
  if (!alive()) return 0;
  if (state_ == State::kError) return std::size_t{!sends_.empty()} + std::size_t{!receives_.empty()};
  return std::size_t{can_leave()} + std::size_t{can_be_answered()};
}

void QueuePair::take(std::size_t choice) {
  if (state_ == State::kError) {
    if (choice == 0 && !sends_.empty()) return flush_send();
    return flush_receive();
  }
  if (choice == 0 && can_leave()) return leave();
  answer();
}

bool QueuePair::waits_for_time() const {
  if (!alive() || state_ != State::kReady || sends_.empty() || choices() != 0) return false;
  if (peer() == nullptr) return !peer_may_come();
  return joining_.rnr_retries < 7 && left_ < sends_.size() && sends_[left_].found_no_receive;
}

void QueuePair::time_out() {
  const bool unreachable = peer() == nullptr;
  complete_send(sends_.front(), unreachable ? IBV_WC_RETRY_EXC_ERR : IBV_WC_RNR_RETRY_EXC_ERR);
  sends_.pop_front();
  to_error();
}

// ---- requests ------------------------------------------------------------------------------------------------------

void QueuePair::leave() {
  Send& send = sends_[left_];
  const ibv_wc_status status = perform(send);
  if (status == IBV_WC_RNR_RETRY_EXC_ERR) return;  // it is tried again when there is a receive
  send.status = status;
  ++left_;
}

void QueuePair::answer() {
  Send& oldest = sends_.front();
  if (oldest.status == IBV_WC_SUCCESS && oldest.request.opcode == IBV_WR_RDMA_READ) {
    oldest.status = perform_read(oldest, *peer());
  } else if (oldest.status == IBV_WC_SUCCESS) {
    check_unchanged(oldest);
  }
  const Send send = std::move(sends_.front());
  sends_.pop_front();
  if (left_ != 0) --left_;
  complete_send(send, send.status);
  if (send.status != IBV_WC_SUCCESS) to_error();
}

ibv_wc_status QueuePair::perform(Send& send) {
  if (is_local(send.request)) return perform_local(send);
  if (length_of(send.pieces) > device_.traits().attributes.max_message) {
    machine_.record.fault("a message of " + std::to_string(length_of(send.pieces)) + " bytes");
    return IBV_WC_LOC_LEN_ERR;
  }
  if (send.request.opcode == IBV_WR_RDMA_READ) return IBV_WC_SUCCESS;  // when it is answered
  if (!gather_bytes(send)) return IBV_WC_LOC_PROT_ERR;
  if (send.request.opcode == IBV_WR_RDMA_WRITE) return perform_write(send, *peer());
  return perform_send(send, *peer());
}

ibv_wc_status QueuePair::perform_local(Send& send) {
  const bool bind = send.request.opcode == IBV_WR_BIND_MW;
  const Memory::Wrong why = bind ? device_.memory().bind(send.request, number_)
                                 : device_.memory().invalidate(send.request.invalidate_rkey, number_);
  if (!why.empty()) {
    machine_.record.fault((bind ? "" : "LOCAL_INV: ") + why);
    return bind ? IBV_WC_MW_BIND_ERR : IBV_WC_LOC_QP_OP_ERR;
  }
  ++(bind ? machine_.record.counts.binds : machine_.record.counts.local_invalidations);
  return IBV_WC_SUCCESS;
}

bool QueuePair::gather_bytes(Send& send) {
  if (send.is_inline) return true;
  const Memory::Wrong why = device_.memory().check_local(send.pieces, false);
  if (!why.empty()) {
    machine_.record.fault("to be sent: " + why);
    return false;
  }
  send.bytes = gather(send.pieces);
  return true;
}

// Until its completion a device may read the memory of a request again.
void QueuePair::check_unchanged(const Send& send) {
  if (send.is_inline || is_local(send.request)) return;
  const Memory::Wrong why = device_.memory().check_local(send.pieces, false);
  if (!why.empty()) {
    machine_.record.fault("sent, and not completed: " + why);
  } else if (gather(send.pieces) != send.bytes) {
    machine_.record.fault("memory was changed before the request that sends it had completed");
  }
}

ibv_wc_status QueuePair::perform_send(Send& send, QueuePair& to) {
  const bool invalidates = send.request.opcode == IBV_WR_SEND_WITH_INV;
  if (invalidates && device_.traits().invalidate_fails) return IBV_WC_LOC_QP_OP_ERR;
  const auto receives = static_cast<std::uint32_t>(to.receives_waiting());
  if (!send.found_no_receive)
    to.machine_.record.counts.fewest_receives = std::min(to.machine_.record.counts.fewest_receives, receives);
  if (receives == 0) {
    send.found_no_receive = true;
    ++machine_.record.counts.rnr;
    return IBV_WC_RNR_RETRY_EXC_ERR;
  }
  if (Observer* observer = machine_.fabric().observer) observer->sent(*this, send.bytes);
  ++machine_.record.counts.sends;
  if (!invalidates) return to.deliver(send.bytes, std::nullopt);
  ++machine_.record.counts.remote_invalidations;
  const ibv_wc_status status = to.deliver(send.bytes, send.request.invalidate_rkey);
  if (status == IBV_WC_REM_ACCESS_ERR)
    machine_.record.fault("SEND with invalidate: a key that is not the peer's to give");
  return status;
}

Receive QueuePair::take_receive() {
  if (shared_ != nullptr) return shared_->take();
  Receive first = std::move(receives_.front());
  receives_.pop_front();
  return first;
}

ibv_wc_status QueuePair::deliver(const std::vector<std::byte>& message, std::optional<std::uint32_t> invalidate) {
  const Receive receive = take_receive();
  ibv_wc told{};
  told.opcode = IBV_WC_RECV;
  told.byte_len = static_cast<std::uint32_t>(message.size());
  ibv_wc_status peers = IBV_WC_SUCCESS;
  if (message.size() > length_of(receive.pieces)) {
    told.status = IBV_WC_LOC_LEN_ERR;
    peers = IBV_WC_REM_INV_REQ_ERR;
  } else if (const Memory::Wrong why = device_.memory().check_local(receive.pieces, true); !why.empty()) {
    machine_.record.fault("to be received: " + why);
    told.status = IBV_WC_LOC_PROT_ERR;
    peers = IBV_WC_REM_OP_ERR;
  } else if (invalidate && !device_.memory().invalidate(*invalidate, number_).empty()) {
    told.status = IBV_WC_REM_INV_REQ_ERR;
    peers = IBV_WC_REM_ACCESS_ERR;
  } else {
    scatter(receive.pieces, message);
    if (invalidate) told.wc_flags = IBV_WC_WITH_INV, told.invalidated_rkey = *invalidate;
  }
  complete_receive(receive, told);
  if (told.status != IBV_WC_SUCCESS) to_error();
  return peers;
}

ibv_wc_status QueuePair::wrong_remote(QueuePair& to, const std::string& why) {
  machine_.record.fault(why);
  to.to_error();
  return IBV_WC_REM_ACCESS_ERR;
}

ibv_wc_status QueuePair::perform_write(Send& send, QueuePair& to) {
  if (send.bytes.empty()) return IBV_WC_SUCCESS;
  const auto& [address, rkey] = send.request.wr.rdma;
  const Memory::Wrong why =
      to.device_.memory().check_remote(rkey, address, send.bytes.size(), IBV_ACCESS_REMOTE_WRITE, to.number_);
  if (!why.empty()) return wrong_remote(to, "WRITE: " + why);
  if (Observer* observer = machine_.fabric().observer) observer->touched(*this, true, rkey, address, send.bytes.size());
  std::ranges::copy(send.bytes, reinterpret_cast<std::byte*>(address));
  ++machine_.record.counts.writes;
  machine_.record.counts.bytes_written += send.bytes.size();
  return IBV_WC_SUCCESS;
}

ibv_wc_status QueuePair::perform_read(Send& send, QueuePair& from) {
  const std::uint64_t length = length_of(send.pieces);
  if (const Memory::Wrong why = device_.memory().check_local(send.pieces, true); !why.empty()) {
    machine_.record.fault("to be read into: " + why);
    return IBV_WC_LOC_PROT_ERR;
  }
  if (length == 0) return IBV_WC_SUCCESS;
  if (device_.traits().attributes.iwarp && !device_.memory().all_have(send.pieces, IBV_ACCESS_REMOTE_WRITE)) {
    machine_.record.fault("iWARP: memory that a READ fills has no right to be written remotely");
    return IBV_WC_LOC_PROT_ERR;
  }
  const auto& [address, rkey] = send.request.wr.rdma;
  const Memory::Wrong why =
      from.device_.memory().check_remote(rkey, address, length, IBV_ACCESS_REMOTE_READ, from.number_);
  if (!why.empty()) return wrong_remote(from, "READ: " + why);
  if (Observer* observer = machine_.fabric().observer) observer->touched(*this, false, rkey, address, length);
  scatter(send.pieces, {reinterpret_cast<const std::byte*>(address), length});
  ++machine_.record.counts.reads;
  machine_.record.counts.bytes_read += length;
  return IBV_WC_SUCCESS;
}

}  // namespace weft::rdma::model

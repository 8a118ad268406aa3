// connection_end.cpp - how a connection ends: what the peer, the socket or the protocol did, and who is told.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "connection.hpp"
#include "connector.hpp"
#include "controller_side.hpp"
#include "group.hpp"
#include "host_side.hpp"

namespace weft::tcp {

namespace {

// For the peer to close after a handshake that failed.
constexpr std::uint64_t kHandshakeFarewell = 1'000'000'000;

}  // namespace

void Connection::on_end_of_stream() {
  const bool inside = receiver_.is_inside_pdu();
  if (state_ == State::kHandshake) {
    end({.code = ECONNRESET,
         .origin = WEFT_ORIGIN_PEER,
         .stage = stage(),
         .text = fmt::format("{} closed the connection during the handshake", peer_.text())});
  } else if (inside) {
    end({.code = ECONNRESET,
         .origin = WEFT_ORIGIN_NETWORK,
         .text = fmt::format("the {} closed the connection in the middle of a PDU", peer_word())});
  } else {
    end({.origin = WEFT_ORIGIN_PEER, .text = fmt::format("the {} closed the connection", peer_word())});
  }
}

void Connection::on_io_error(int error, const char* what) {
  // Hosts that are done often reset right after they closed: with nothing under way that is a clean end.
  const bool reset = error == ECONNRESET || error == EPIPE;
  if (reset && state_ == State::kReady && idle() && !receiver_.is_inside_pdu()) {
    end({.origin = WEFT_ORIGIN_PEER, .text = fmt::format("the {} closed the connection", peer_word())});
    return;
  }
  end({.code = error,
       .origin = WEFT_ORIGIN_NETWORK,
       .stage = stage(),
       .text = fmt::format("{} {} failed: {}", what, peer_.text(), std::strerror(error))});
}

// The peer broke the protocol: operations end, a TermReq says why, and the peer has its time to close.
void Connection::violate() {
  const Violation& violation = receiver_.violation();
  reason_ = {.code = EPROTO,
             .origin = WEFT_ORIGIN_PROTOCOL,
             .detail = violation.detail(),
             .stage = stage(),
             .text = explain(violation, role_)};
  const bool can_say = sender_.forget() && violation.rule->term_req && send_error_ == 0;
  if (!can_say) {
    end(std::move(reason_));
    return;
  }
  // Who cannot even shake hands is likely no NVMe/TCP peer at all, and somebody waits to hear of it.
  const std::uint64_t patience =
      state_ == State::kHandshake ? std::min(options_.close_timeout, kHandshakeFarewell) : options_.close_timeout;
  queue_control(write_term_req(HeaderBuffer(control_), role_, violation, receiver_.offender()));
  linger();
  flush();  // at once: who hears that its operations ended may close before the next turn
  set_deadline(group_.now() + patience);
}

// From here on nothing that comes is looked at, and no operation goes on; the ends are told from the group's turn.
void Connection::linger() {
  state_ = State::kLingering;
  receiver_.stop(group_.slabs(role_));
  blocked_ = starved_ = false;
  group_.mark_ending(*this);
  update_interest();
}

void Connection::finish_flush() {
  socket_->shutdown_write();
  linger();
}

// Ends the connection now. Operations and on_closed are told from the group's turn.
void Connection::end(Reason reason) {
  if (state_ == State::kEnded || state_ == State::kGone) return;
  Reason kept = std::move(reason);  // it may be reason_ itself
  reason_ = std::move(kept);
  state_ = State::kEnded;
  shut();
  group_.mark_ending(*this);
}

void Connection::shut() {
  if (socket_ != nullptr) group_.watch(*this, socket_->fd(), interest_, 0);
  interest_ = 0;
  set_deadline(0);
  receiver_.stop(group_.slabs(role_));
  sender_.forget();
  control_waits_ = false;
  socket_.reset();
  group_.hot().remove(*this);
  heat.hot = false;
}

void Connection::tell_end() {
  if (!operations_ended_ && (state_ == State::kEnded || state_ == State::kLingering)) {
    operations_ended_ = true;
    end_operations(reason_.operation_error());
  }
  if (state_ != State::kEnded) return;
  state_ = State::kGone;
  connector_.reset();
  const weft_error error = reason_.error();
  group_.count_event();
  events_.on_closed(ctx_, &error);
  if (controller_ == nullptr || controller_->held() == 0) nothing_held();
}

void Connection::nothing_held() { group_.bury(*this); }

const char* Connection::stage() const {
  if (state_ == State::kConnecting) return connector_ != nullptr ? connector_->stage() : "connect";
  return state_ == State::kHandshake ? "icreq" : "";
}

}  // namespace weft::tcp

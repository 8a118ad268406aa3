// connection.cpp - calls, reading, writing and deadlines of a connection; its beginning is in connection_handshake.cpp,
// its end in connection_end.cpp.
#include "connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <sys/epoll.h>

#include "connector.hpp"
#include "controller_side.hpp"
#include "group.hpp"
#include "host_side.hpp"

namespace weft::tcp {

namespace {

// Payload that has to arrive to push the deadline of a PDU out again: a slow line is no attack, one byte a minute is.
constexpr std::uint64_t kProgress = 64u << 10;

}  // namespace

Connection::~Connection() {
  connector_.reset();
  if (state_ != State::kGone) shut();
  controller_.reset();
  host_.reset();
  group_.retire(stats_);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

void Connection::close(std::uint32_t flags, std::uint64_t deadline_ns) {
  if (state_ == State::kEnded || state_ == State::kGone) return;
  if (state_ == State::kFlushing || state_ == State::kLingering) {
    if ((flags & WEFT_CLOSE_FLUSH) == 0) end(std::move(reason_));
    return;
  }
  const bool established = state_ == State::kReady;
  if ((flags & WEFT_CLOSE_FLUSH) == 0 || !established || send_error_ != 0) {
    end({.text = "closed on this side"});
    return;
  }
  reason_ = {.text = "closed on this side"};
  state_ = State::kFlushing;
  receiver_.stop(group_.slabs(role_));
  blocked_ = starved_ = false;
  update_interest();
  set_deadline(deadline_ns != 0 ? deadline_ns : group_.services().now() + options_.close_timeout);
  group_.mark_dirty(*this);
}

void Connection::info(weft_qpair_info& out) const {
  out.caps = WEFT_CAP_SGL_IN_CAPSULE | WEFT_CAP_SGL_TRANSPORT | WEFT_CAP_IMPLIED_SUCCESS;
  plugin::put_ends(out, local_, peer_);
}

void Connection::stats(weft_stats& out) const { plugin::add_up(out, stats_); }

// ---- the group's turn ----------------------------------------------------------------------------------------------

void Connection::on_events(std::uint32_t events) {
  if (state_ == State::kConnecting) {
    connector_->on_ready();
    return;
  }
  if ((events & EPOLLOUT) != 0 && send_full_) {
    send_full_ = false;
    flush();
  }
  if (state_ == State::kEnded || state_ == State::kGone) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  group_.hot().was_read(*this);
  read_turn();
}

bool Connection::read_hot() {
  if (blocked_ || starved_) return false;
  const std::uint64_t before = stats_.bytes_in;
  read_turn();
  return stats_.bytes_in != before;
}

void Connection::set_hot(bool hot) {
  heat.hot = hot;
  update_interest();
}

void Connection::on_resume() {
  if (state_ == State::kConnecting) {
    connector_->go_on();
    return;
  }
  if (state_ == State::kEnded || state_ == State::kGone) return;
  read_turn();
}

void Connection::flush() {
  if (socket_ == nullptr || send_full_ || send_error_ != 0) return;
  switch (sender_.pump(*this, *socket_, group_.send_buffer(), stats_)) {
    case Sender::Result::kDrained:
      if (state_ == State::kFlushing) finish_flush();
      break;
    case Sender::Result::kSocketFull:
      send_full_ = true;
      break;
    case Sender::Result::kMore:
      group_.mark_dirty(*this);
      break;
    case Sender::Result::kError:
      // The peer may have said why before it closed: that is read first.
      send_error_ = sender_.error();
      group_.resume(*this);
      break;
  }
  update_interest();
}

void Connection::read_turn() {
  if (socket_ == nullptr) return;
  if (state_ == State::kFlushing || state_ == State::kLingering) {
    linger_turn();
    return;
  }
  if (starved_) return;
  if (group_.slabs(role_).is_low()) group_.say_memory_is_low();
  after_read(receiver_.run(*this, *socket_, group_.slabs(role_), stats_, kReadShare));
  if (send_error_ != 0 && state_ != State::kEnded && state_ != State::kGone) on_io_error(send_error_, "writing");
}

void Connection::after_read(Receiver::Result result) {
  switch (result) {
    case Receiver::Result::kDrained:
      break;
    case Receiver::Result::kMore:
      group_.resume(*this);
      break;
    case Receiver::Result::kBlocked:
      blocked_ = true;
      break;
    case Receiver::Result::kNoMemory:
      starved_ = true;
      group_.wait_for_memory(*this);
      break;
    case Receiver::Result::kEnd:
      on_end_of_stream();
      return;
    case Receiver::Result::kError:
      on_io_error(receiver_.error(), "reading");
      return;
    case Receiver::Result::kViolation:
      violate();
      return;
    case Receiver::Result::kStopped:
      return;
  }
  update_pdu_deadline();
  update_interest();
}

// What still comes is of no interest: it is read so that the peer's close is seen, and so that ours does not reset the
// connection before the peer has read what we sent.
void Connection::linger_turn() {
  const Receiver::Result result = receiver_.discard(*socket_, group_.slabs(role_), stats_);
  if (result == Receiver::Result::kMore) group_.resume(*this);
  const bool over = result == Receiver::Result::kEnd || result == Receiver::Result::kError || send_error_ != 0;
  if (over && (state_ == State::kLingering || result == Receiver::Result::kError || send_error_ != 0)) {
    end(std::move(reason_));
  } else if (over) {
    blocked_ = true;  // half closed by the peer: nothing more to read, what is queued still goes
    update_interest();
  }
}

void Connection::tell_finished(DataOp& op) {
  if (op.kind == DataOp::Kind::kHost) {
    host_->tell_finished(op);
  } else {
    controller_->tell_finished(op);
  }
}

void Connection::memory_is_free() {
  group_.waits_no_more(*this);
  if (!starved_) return;
  starved_ = false;
  group_.resume(*this);
}

void Connection::unblock() {
  if (!blocked_) return;
  blocked_ = false;
  group_.resume(*this);
}

void Connection::update_interest() {
  if (socket_ == nullptr) return;
  std::uint32_t wanted = 0;
  if (heat.hot) {
    wanted |= EPOLLHUP;  // reported anyway: the descriptor stays known
  } else if (!blocked_ && !starved_) {
    wanted |= EPOLLIN;
  }
  if (send_full_) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  group_.watch(*this, socket_->fd(), interest_, wanted);
  interest_ = wanted;
}

// ---- deadlines -----------------------------------------------------------------------------------------------------

void Connection::set_deadline(std::uint64_t deadline_ns) { group_.set_deadline(*this, deadline_ns); }

// A part of a PDU has come: the rest is to follow. Time that the connection waits for us does not count.
void Connection::update_pdu_deadline() {
  if (state_ != State::kReady) return;
  if (!receiver_.is_inside_pdu() || blocked_ || starved_ || receiver_.is_parked()) {
    if (deadline != 0) set_deadline(0);
    return;
  }
  if (deadline != 0 && stats_.bytes_in - progress_mark_ < kProgress) return;
  progress_mark_ = stats_.bytes_in;
  set_deadline(group_.now() + options_.pdu_timeout);
}

void Connection::on_deadline() {
  switch (state_) {
    case State::kConnecting:
      if (connector_ != nullptr && connector_->on_deadline()) return;
      end({.code = ETIMEDOUT,
           .stage = stage(),
           .text = connector_ != nullptr ? connector_->describe_timeout() : "timed out"});
      return;
    case State::kHandshake:
      end({.code = ETIMEDOUT,
           .stage = stage(),
           .text = fmt::format("no {} from {} in time", role_ == Role::kHost ? "ICResp" : "ICReq", peer_.text())});
      return;
    case State::kReady:
      end({.code = ETIMEDOUT,
           .origin = WEFT_ORIGIN_PEER,
           .text = fmt::format("the {} sent part of a PDU and no more", peer_word())});
      return;
    case State::kFlushing:
    case State::kLingering:
      end(std::move(reason_));
      return;
    case State::kEnded:
    case State::kGone:
      return;
  }
}

}  // namespace weft::tcp

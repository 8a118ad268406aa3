// connection_end.cpp - how a connection ends: deadlines, draining, what is told.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "connection.hpp"
#include "connector.hpp"
#include "controller_side.hpp"
#include "domain.hpp"
#include "group.hpp"
#include "host_side.hpp"
#include "reasons.hpp"

namespace weft::rdma {

namespace {

constexpr std::uint32_t kBothQueues = 3;

}  // namespace

void Connection::close(std::uint32_t flags, std::uint64_t deadline_ns) {
  if (is_over()) return;
  Reason reason{.text = "closed on this side"};
  if ((flags & WEFT_CLOSE_FLUSH) == 0 || !is_established()) {
    end(std::move(reason));
  } else if (state_ == State::kReady) {
    reason_ = std::move(reason);
    state_ = State::kFlushing;
    group_.set_deadline(*this, deadline_ns != 0 ? deadline_ns : group_.services().now() + options_.close_timeout);
    group_.mark_dirty(*this);
  }
}

void Connection::on_deadline() {
  switch (state_) {
    case State::kConnecting:
      if (!connector_->on_deadline())
        end({.code = ETIMEDOUT, .stage = connector_->stage(), .text = connector_->describe_timeout()});
      return;
    case State::kAccepting:
      end({.code = ETIMEDOUT,
           .origin = WEFT_ORIGIN_PEER,
           .stage = "connect",
           .text = fmt::format("{} did not finish connecting in time", peer_.text())});
      return;
    case State::kReady:
      return judge_progress();
    case State::kFlushing:
      end(std::move(reason_));
      return;
    case State::kDraining:
      group_.services().log(WEFT_LOG_WARNING,
                            fmt::format("the device {} did not give back what a queue had posted; the "
                                        "queue pair is deleted",
                                        device().attributes().name));
      state_ = State::kEnded;
      group_.mark_ending(*this);
      return;
    default:
      return;
  }
}

void Connection::device_gone(const verbs::Device& gone) {
  if (is_over() || share_ == nullptr || &share_->device() != &gone) return;
  end({.code = ENODEV,
       .origin = WEFT_ORIGIN_NETWORK,
       .text = fmt::format("the RDMA device {} went away", gone.attributes().name)});
}

// It gives nothing back any more: to wait for that would be in vain.
void Connection::device_failed(const verbs::AsyncEvent& event) {
  drains_ = false;
  if (state_ == State::kDraining) {
    state_ = State::kEnded;
    group_.mark_ending(*this);
  }
  end({.code = EIO,
       .origin = WEFT_ORIGIN_NETWORK,
       .text = fmt::format("the RDMA device {} failed: {}", device().attributes().name, explain_event(event.type))});
}

// Of this queue pair. One that takes from a shared ring tells when it has filled its last receive, also in the end.
void Connection::on_device_event(const DeviceEvents::Event& event) {
  if (pair_ == nullptr || &share_->device() != event.device || event.number <= events_before_) return;
  const ibv_event_type type = event.told.type;
  if (type == IBV_EVENT_DEVICE_FATAL) return device_failed(event.told);
  if (pair_->number() != event.told.queue_pair) return;
  if (type == IBV_EVENT_QP_LAST_WQE_REACHED) lost_none_ = true;
  const bool ends = type == IBV_EVENT_QP_FATAL || type == IBV_EVENT_QP_REQ_ERR || type == IBV_EVENT_QP_ACCESS_ERR ||
                    type == IBV_EVENT_QP_LAST_WQE_REACHED;
  if (!ends || state_ == State::kConnecting) return;
  end({.code = ECONNRESET,
       .origin = WEFT_ORIGIN_NETWORK,
       .text = fmt::format("the connection to the {} broke: {}", peer_word(), explain_event(type))});
}

void Connection::ring_gone() {
  if (ring_ == nullptr || ring_->error() == 0) return;
  end({.code = EIO,
       .origin = WEFT_ORIGIN_NETWORK,
       .text = fmt::format("the device took no more shared receives: {}", std::strerror(-ring_->error()))});
}

// From here on nothing that comes is looked at. What was under way is told from the group's turn.
void Connection::end(Reason reason) {
  if (is_over()) return;
  const bool posted = is_established() || state_ == State::kAccepting;
  Reason kept = std::move(reason);  // it may be reason_ itself
  reason_ = std::move(kept);
  if (posted && start_draining()) {
    state_ = State::kDraining;
    group_.set_deadline(*this, group_.services().now() + options_.close_timeout);
  } else {
    state_ = State::kEnded;
    group_.mark_ending(*this);
  }
}

// One more request on each queue, behind all others: when it comes back, so has everything. Receives that others take
// too do not come back, and are nobody's alone. False: the device takes none.
bool Connection::start_draining() {
  if (pair_ == nullptr || id_ == nullptr || !drains_) return false;
  static_cast<void>(id_->disconnect());  // the peer may be gone already, and with it the connection
  if (pair_->fail() != 0) return false;
  if (ring_ != nullptr) {
    drained_ |= 1U << kReceiveDrain;
  } else {
    ibv_recv_wr last{};
    last.wr_id = WorkId{.queue_pair = place_, .work = Work::kDrain, .index = kReceiveDrain}.pack();
    ibv_recv_wr* refused = nullptr;
    if (pair_->post_receives(last, refused) != 0) return false;
  }
  if (sends_->drain(*pair_, kSendDrain) != 0) return false;
  // Soft-RoCE looks at receives only when something happens to the queue pair.
  return pair_->fail() == 0;
}

void Connection::drained(std::uint32_t queue) {
  drained_ |= 1U << queue;
  if (drained_ != kBothQueues || state_ != State::kDraining) return;
  state_ = State::kEnded;
  group_.mark_ending(*this);
}

// What the device did before it stopped: the bytes that an operation moved are told with its end.
void Connection::count_moved(WorkId id, const ibv_wc& completion) {
  if (completion.status != IBV_WC_SUCCESS || id.work == Work::kReceive || sends_ == nullptr) return;
  if (sends_->completed(completion.wr_id)) side_->count_done();
}

// When it returns, the device touches no memory of this connection.
void Connection::leave_device() {
  if (pair_ != nullptr) {
    if (host_ != nullptr) host_->drop_windows();  // a bound one holds its queue pair: soft-RoCE waits for it
    const std::uint32_t number = pair_->number();
    pair_.reset();
    if (ring_ != nullptr) share_->leave(room_, number);
    share_->release(room_, drained_ == kBothQueues);
  }
  if (id_ != nullptr) group_.unhear(*id_);
  id_.reset();
}

// Their memory is registered with the device, and staged in what the group has there.
void Connection::forget_sides() {
  side_ = nullptr;
  controller_.reset();
  host_.reset();
  if (ring_ != nullptr) share_->leave_ring(*std::exchange(ring_, nullptr), std::exchange(lost_none_, false));
  group_.domain().take_own_receives(std::exchange(own_receives_, 0));
  memory_ = nullptr;
  if (share_ != nullptr) --share_->users;
  share_ = nullptr;
}

void Connection::tell_end() {
  if (state_ == State::kEnded) {
    group_.set_deadline(*this, 0);
    connector_.reset();
    if (ring_ != nullptr) group_.look_at_device_events();  // it may be told that it lost no receive
    leave_device();
    state_ = State::kTelling;
    if (side_ != nullptr) side_->end_operations(reason_.operation_error());
    group_.mark_ending(*this);  // behind the operations that have just been finished
  } else if (state_ == State::kTelling) {
    tell_closed();
  }
}

void Connection::tell_closed() {
  state_ = State::kGone;
  const weft_error error = reason_.error();
  count_event();
  events_.on_closed(ctx_, &error);
  if (controller_ == nullptr || controller_->held() == 0) nothing_held();
}

// ---- Link ----------------------------------------------------------------------------------------------------------

void Connection::count_event() { group_.count_event(); }
void Connection::mark_dirty() { group_.mark_dirty(*this); }
void Connection::finish(DataOp& op) { group_.finish(op); }

void Connection::nothing_held() {
  if (state_ == State::kGone) group_.bury(*this);
}

}  // namespace weft::rdma

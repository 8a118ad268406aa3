// connection.cpp - how a connection begins, and what happens while it lives; its end is in connection_end.cpp.
#include "connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agree.hpp"
#include "connector.hpp"
#include "controller_side.hpp"
#include "domain.hpp"
#include "group.hpp"
#include "host_side.hpp"
#include "pending.hpp"
#include "reasons.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

plugin::NetAddress address_of(const sockaddr_storage& storage) {
  plugin::NetAddress address;
  plugin::NetAddress::from_bytes(&storage, sizeof storage, address);
  return address;
}

}  // namespace

Connection::Connection(Group& group, Role role, const Options& options, const weft_qpair_params& params,
                       const weft_qpair_events& events, void* ctx)
    : group_(group),
      role_(role),
      options_(options),
      params_(params),
      events_(events),
      ctx_(ctx),
      state_(role == Role::kHost ? State::kConnecting : State::kAccepting),
      place_(group.places().enter(*this)) {
  params_.hostnqn = params_.subnqn = nullptr;  // borrowed for the call only
  group_.add(*this);
}

Connection::~Connection() {
  connector_.reset();
  leave_device();
  forget_sides();
  group_.places().leave(place_);
  group_.retire(stats_);
}

// ---- beginning -----------------------------------------------------------------------------------------------------

Made<void> Connection::connect(const weft_address& address) {
  connector_ = std::make_unique<Connector>(group_, *this, address, options_, params_.deadline_ns);
  return connector_->begin();
}

// The pending keeps its id until nothing can fail any more.
Made<void> Connection::accept(Pending& pending) {
  const Agreed& agreed = pending.agreed();
  if (Made<void> opened = open_pair(pending.id(), agreed); !opened) return opened;
  const ReplyBytes reply = write_reply(static_cast<std::uint16_t>(agreed.receives));
  group_.hear(pending.id(), *this);
  if (Made<void> tuned = pending.id().tune(options_.tuning()); !tuned) {
    group_.unhear(pending.id());
    drop_attempt();
    return tuned;
  }
  Made<void> accepted = &pending.channel() == &group_.channel() ? Made<void>() : pending.id().migrate(group_.channel());
  if (accepted)
    accepted = pending.id().accept({.private_data = reply,
                                    .reads_in = 0,
                                    .reads_out = static_cast<std::uint8_t>(agreed.reads_out),
                                    .retries = options_.retries,
                                    .rnr_retries = 7});
  if (!accepted) {
    group_.unhear(pending.id());
    drop_attempt();
    return accepted;
  }
  id_ = pending.take_id();
  local_ = address_of(id_->local());
  peer_ = address_of(id_->peer());
  const std::uint64_t own = group_.services().now() + options_.connect_timeout;
  group_.set_deadline(*this, params_.deadline_ns != 0 ? std::min(params_.deadline_ns, own) : own);
  return {};
}

void Connection::take_id(std::unique_ptr<verbs::CmId> id) {
  id_ = std::move(id);
  group_.hear(*id_, *this);
}

Made<void> Connection::open_pair(verbs::CmId& id, const Agreed& agreed) {
  verbs::Device* const device = id.device();
  if (device == nullptr)
    return std::unexpected(Failure{.code = ENODEV, .text = "the RDMA device went away", .stage = "connect"});
  const Made<DeviceShare*> share = group_.share(*device);
  if (!share) return std::unexpected(share.error());
  share_ = *share;
  ++share_->users;
  const Made<Memory*> memory = share_->memory(role_ == Role::kHost);
  if (!memory) return std::unexpected(memory.error());
  memory_ = *memory;
  if (role_ == Role::kHost) {
    host_ = std::make_unique<HostSide>(*this);
    side_ = host_.get();
  } else {
    if (Made<void> found = find_receives(agreed); !found) return found;
    controller_ = std::make_unique<ControllerSide>(*this);
    side_ = controller_.get();
  }
  if (Made<void> made = make_pair(id, agreed); !made) return made;
  return side_->open(agreed);
}

// Of a ring, or memory of its own, which counts.
Made<void> Connection::find_receives(const Agreed& agreed) {
  Domain& domain = group_.domain();
  const std::uint32_t slot = ControllerSide::slot_size(agreed.in_capsule);
  const std::uint64_t own = std::uint64_t{agreed.receives} * slot;
  if (shares_receives(options_.srq, device().attributes(), domain.own_receives(), own, domain.lockable())) {
    const Made<SharedRing*> ring = share_->join_ring(slot, domain.lockable());
    if (ring) {
      ring_ = *ring;
      return {};
    }
    if (options_.srq == ShareReceives::kOn) return std::unexpected(ring.error());
  }
  own_receives_ = own;
  domain.add_own_receives(own);
  return {};
}

// What a queue takes depends on how a provider lays out its entries, which no attribute tells: so less is asked for until
// the device has it. A shorter send queue makes work wait; the first refusal is the one that is told.
Made<std::unique_ptr<verbs::QueuePair>> Connection::make_as_large_as_can_be(verbs::CmId& id,
                                                                            verbs::CompletionQueue& completions,
                                                                            verbs::QueuePairSizes& sizes) {
  verbs::SharedReceives* const shared = ring_ != nullptr ? &ring_->queue() : nullptr;
  Made<std::unique_ptr<verbs::QueuePair>> first = id.make_queue_pair(completions, shared, sizes);
  for (int code = first ? 0 : first.error().code; code == EINVAL || code == ENOMEM;) {
    if (!make_smaller(sizes)) break;
    Made<std::unique_ptr<verbs::QueuePair>> next = id.make_queue_pair(completions, shared, sizes);
    if (next) return next;
    code = next.error().code;
  }
  return first;
}

Made<void> Connection::make_pair(verbs::CmId& id, const Agreed& agreed) {
  verbs::QueuePairSizes sizes = side_->sizes(agreed);
  const Made<DeviceShare::Room> room = share_->reserve(sizes.sends + sizes.receives, ring_);
  if (!room) return std::unexpected(room.error());
  Made<std::unique_ptr<verbs::QueuePair>> pair = make_as_large_as_can_be(id, share_->queue(*room), sizes);
  if (pair && ring_ != nullptr && !share_->enter(*room, (*pair)->number(), place_)) {
    pair->reset();
    pair = std::unexpected(Failure{.code = EAGAIN,
                                   .text = "the device gave a queue pair the number of one that has just ended",
                                   .stage = "connect"});
  }
  if (!pair) {
    share_->release(*room, true);
    return std::unexpected(pair.error());
  }
  room_ = *room;
  pair_ = std::move(*pair);
  events_before_ = group_.domain().events_read();
  sends_ = std::make_unique<SendQueue>(sizes.sends, sizes.send_sge, place_);
  return {};
}

// The next attempt starts with nothing, and under another number: the device may still tell of this one.
void Connection::drop_attempt() {
  leave_device();
  forget_sides();
  group_.places().leave(place_);
  place_ = group_.places().enter(*this);
}

void Connection::established(std::uint32_t peer_receives) {
  local_ = address_of(id_->local());
  peer_ = address_of(id_->peer());
  side_->peer_receives(peer_receives);
  become_ready();
}

void Connection::become_ready() {
  state_ = State::kReady;
  connector_.reset();
  group_.set_deadline(*this, 0);
  const weft_limits limits = side_->limits();
  group_.resume(*this);
  count_event();
  events_.on_ready(ctx_, &limits);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

void Connection::info(weft_qpair_info& out) const {
  if (side_ != nullptr) out.caps = side_->limits().caps;
  plugin::put_ends(out, local_, peer_);
}

// ---- the group's turn ----------------------------------------------------------------------------------------------

void Connection::on_resume() {
  if (state_ == State::kConnecting) {
    connector_->go_on();
  } else if (is_ready() && side_->go_on()) {
    group_.resume(*this);
  }
}

bool Connection::completed(WorkId id, const ibv_wc& completion) {
  if (id.work == Work::kDrain) {
    drained(id.index);
  } else if (is_over()) {
    count_moved(id, completion);
  } else if (completion.status == IBV_WC_SUCCESS) {
    return completed_well(id, completion);
  } else if (state_ != State::kConnecting) {  // there the connection manager says why
    side_->failed(id, completion);
    end(explain_completion(completion, peer_word()));
  }
  return false;
}

bool Connection::completed_well(WorkId id, const ibv_wc& completion) {
  // A host that sends has seen our answer: its word for that may still be on the way, or lost.
  if (state_ == State::kAccepting) become_ready();
  if (!is_established()) return false;
  const bool awaited = id.work == Work::kReceive || sends_->completed(completion.wr_id);
  if (awaited) side_->completed(id, completion);
  if (watched_ && sends_->empty() && is_ready()) {
    watched_ = false;
    group_.set_deadline(*this, 0);
  }
  if (state_ == State::kFlushing) group_.mark_dirty(*this);  // it may have been the last
  return awaited;
}

void Connection::flush() {
  if (!is_established()) return;
  side_->flush();
  watch_progress();
  if (state_ == State::kFlushing && side_->idle() && sends_->empty()) end(std::move(reason_));
}

// A host may post no receives: then responses are never done, nor what is posted behind them. The device tries for ever
// when the host asked for that, so the bound is here. A link that is out for some seconds is no reason to end.
void Connection::watch_progress() {
  if (watched_ || !is_ready() || role_ == Role::kHost || options_.send_timeout == 0 || sends_->empty()) return;
  watched_ = true;
  stalled_ = false;
  done_then_ = sends_->done();
  group_.set_deadline(*this, group_.now() + options_.send_timeout / 2);
}

void Connection::judge_progress() {
  const bool stands = sends_->done() == done_then_;
  if (stands && std::exchange(stalled_, true)) {
    end({.code = ETIMEDOUT,
         .origin = WEFT_ORIGIN_PEER,
         .text = fmt::format("the host took nothing of what was sent to it for {} ms: it posts no receives, or is not "
                             "reachable",
                             options_.send_timeout / plugin::kMillisecond)});
    return;
  }
  watched_ = stands;
  if (!stands) return watch_progress();
  group_.set_deadline(*this, group_.now() + options_.send_timeout / 2);
}

void Connection::tell_finished(DataOp& op) { side_->tell_finished(op); }

void Connection::on_cm_event(verbs::CmEvent& event) {
  if (is_over()) return;
  if (state_ == State::kConnecting) {
    connector_->on_cm_event(event);
  } else if (event.type == RDMA_CM_EVENT_ESTABLISHED) {
    if (state_ == State::kAccepting) become_ready();
  } else {
    on_peer_gone(event);
  }
}

void Connection::on_peer_gone(const verbs::CmEvent& event) {
  switch (event.type) {
    case RDMA_CM_EVENT_DISCONNECTED:
      end({.origin = WEFT_ORIGIN_PEER, .text = fmt::format("the {} closed the connection", peer_word())});
      return;
    case RDMA_CM_EVENT_DEVICE_REMOVAL:
      group_.device_goes_away(device());
      return;
    case RDMA_CM_EVENT_ADDR_CHANGE:
      end({.code = EADDRNOTAVAIL,
           .origin = WEFT_ORIGIN_NETWORK,
           .text = fmt::format("the network device of {} changed", local_.host())});
      return;
    case RDMA_CM_EVENT_TIMEWAIT_EXIT:
      end({.code = ECONNRESET,
           .origin = WEFT_ORIGIN_NETWORK,
           .text = fmt::format("the connection to the {} is over", peer_word())});
      return;
    default:
      if (state_ != State::kAccepting) return;
      end({.code = ECONNRESET,
           .origin = WEFT_ORIGIN_PEER,
           .stage = "connect",
           .text = fmt::format("{} gave up while it connected", peer_.text())});
  }
}

}  // namespace weft::rdma

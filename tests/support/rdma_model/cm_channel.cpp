#include <algorithm>
#include <cerrno>

#include "cm.hpp"

namespace weft::rdma::model {
namespace {

// The bytes of private data that InfiniBand has room for, of which the receiver is told.
std::size_t room_in(rdma_cm_event_type type) {
  switch (type) {
    case RDMA_CM_EVENT_CONNECT_REQUEST:
      return 56;
    case RDMA_CM_EVENT_ESTABLISHED:
      return 196;
    case RDMA_CM_EVENT_REJECTED:
      return 148;
    default:
      return 0;
  }
}

}  // namespace

CmChannel::CmChannel(Machine& machine) : machine_(machine), birth_(machine.record, Kind::kCmChannel) {
  machine.channels.push_back(this);  // make_cm_channel() holds the lock
}

CmChannel::~CmChannel() {
  const auto guard = machine_.fabric().lock();
  std::erase(machine_.channels, this);
  {
    const std::deque<Event> untaken = std::move(events_);  // their ids go with it
    events_.clear();
  }
  for (const auto& [number, id] : machine_.fabric().ids) {
    if (id->channel_ != this) continue;
    machine_.record.fault("a connection channel is deleted before an id on it");
    id->channel_ = nullptr;
  }
}

verbs::Made<std::unique_ptr<verbs::CmId>> CmChannel::make_id() {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kMakeId); !allowed) return std::unexpected(allowed.error());
  return std::make_unique<CmId>(*this, machine_);
}

verbs::Made<bool> CmChannel::next(verbs::CmEvent& out) {
  const auto guard = machine_.fabric().lock();
  if (const auto allowed = machine_.script.allow(Call::kNext); !allowed) return std::unexpected(allowed.error());
  if (events_.empty()) return false;
  Event event = std::move(events_.front());
  events_.pop_front();
  if (events_.empty()) signal_.lower();
  fill(out, event);
  if (event.id != nullptr) event.id->on_taken(event.message);
  return true;
}

void CmChannel::fill(verbs::CmEvent& out, Event& event) const {
  out = {};
  out.type = event.message.type;
  out.status = event.message.status;
  out.id = event.id;
  out.device = event.device;
  out.reads_in = event.message.reads_in;
  out.reads_out = event.message.reads_out;
  const auto& data = event.message.data;
  out.private_data.fill(std::byte{0});
  std::ranges::copy(data, out.private_data.begin());
  const std::size_t room = machine_.fabric().pads_private_data ? room_in(out.type) : 0;
  out.private_length = static_cast<std::uint32_t>(std::max(data.size(), room));
  if (event.fresh != nullptr) event.fresh->let_events_come();
  out.fresh = std::move(event.fresh);
}

void CmChannel::push(Event event) {
  events_.push_back(std::move(event));
  signal_.raise();
}

void CmChannel::forget(const CmId& id) {
  // Requests that nobody took go with their listener: their ids say so to the peers.
  std::vector<std::unique_ptr<CmId>> refused;
  for (Event& event : events_) {
    if (event.id == &id) refused.push_back(std::move(event.fresh));
  }
  std::erase_if(events_, [&](const Event& event) { return event.id == &id; });
  if (events_.empty()) signal_.lower();
}

void CmChannel::move(const CmId& id, CmChannel& to) {
  std::deque<Event> kept;
  for (Event& event : events_) {
    if (event.id == &id) {
      to.push(std::move(event));
    } else {
      kept.push_back(std::move(event));
    }
  }
  events_ = std::move(kept);
  if (events_.empty()) signal_.lower();
}

}  // namespace weft::rdma::model

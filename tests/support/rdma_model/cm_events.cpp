// cm_events.cpp - what an id hears, when it arrives, and what it means.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "addresses.hpp"
#include "cm.hpp"
#include "queue_pair.hpp"

namespace weft::rdma::model {

void CmId::say(Message message) const {
  const auto& ids = machine_.fabric().ids;
  const auto found = ids.find(peer_id_);
  if (found == ids.end() || machine_.fabric().cut || machine_.dead) return;
  message.from = number_;
  found->second->hear(std::move(message));
}

void CmId::hear(Message message) { messages_.push_back(std::move(message)); }

std::size_t CmId::choices() const {
  if (messages_.empty() || machine_.dead || !told_of_ || channel_ == nullptr) return 0;
  return machine_.script.holds(messages_.front().type) ? 0 : 1;
}

void CmId::take(std::size_t) {
  Message message = std::move(messages_.front());
  messages_.pop_front();
  if (!machine_.script.pass(message.type, message.status)) return;
  CmChannel::Event event{.id = this, .message = std::move(message), .fresh = nullptr};
  if (event.message.type == RDMA_CM_EVENT_CONNECT_REQUEST) {
    if (!machine_.fabric().ids.contains(event.message.from)) return;  // it has given up
    event.fresh = std::make_unique<CmId>(*channel_, machine_, event.message);
    machine_.fabric().ids[event.message.from]->peer_id_ = event.fresh->number_;
  }
  channel_->push(std::move(event));
}

void CmId::on_taken(const Message& message) {
  switch (message.type) {
    case RDMA_CM_EVENT_ADDR_RESOLVED:
    case RDMA_CM_EVENT_ROUTE_RESOLVED:
      state_ = State::kResolved;
      return;
    case RDMA_CM_EVENT_ESTABLISHED:
      if (state_ == State::kConnecting) {
        const std::uint8_t reads = std::min(given_.reads_out, message.reads_out);
        if (QueuePair* pair = queue_pair()) pair->join({message.queue_pair, reads, message.rnr_retries});
        say({.type = RDMA_CM_EVENT_ESTABLISHED});
      }
      if (state_ == State::kConnecting || state_ == State::kAccepted) state_ = State::kConnected;
      return;
    case RDMA_CM_EVENT_DISCONNECTED:
      answered_ = answered_ || state_ == State::kLeaving;
      state_ = State::kLeft;
      return;
    case RDMA_CM_EVENT_REJECTED:
    case RDMA_CM_EVENT_UNREACHABLE:
    case RDMA_CM_EVENT_CONNECT_ERROR:
    case RDMA_CM_EVENT_TIMEWAIT_EXIT:
      state_ = State::kOver;
      return;
    default:
      return;
  }
}

// A request whose peer is silent, a goodbye that is not answered, and the time-wait state.
bool CmId::waits_for_time() const {
  if (machine_.dead || !told_of_ || !messages_.empty()) return false;
  if (state_ == State::kAccepted) return peer_gave_up();
  return state_ == State::kConnecting || state_ == State::kLeaving || state_ == State::kLeft;
}

// It will not say that it is ready.
bool CmId::peer_gave_up() const {
  const auto found = machine_.fabric().ids.find(peer_id_);
  if (found == machine_.fabric().ids.end() || machine_.fabric().cut) return true;
  return found->second->state_ != State::kConnecting || found->second->machine_.dead;
}

void CmId::time_out() {
  switch (state_) {
    case State::kConnecting:
    case State::kAccepted:
      state_ = State::kOver;
      return hear({.type = RDMA_CM_EVENT_UNREACHABLE, .status = -ETIMEDOUT});
    case State::kLeaving:
      return hear({.type = RDMA_CM_EVENT_DISCONNECTED, .status = -ETIMEDOUT});
    case State::kLeft:
      state_ = State::kOver;
      return hear({.type = RDMA_CM_EVENT_TIMEWAIT_EXIT});
    default:
      return;
  }
}

}  // namespace weft::rdma::model

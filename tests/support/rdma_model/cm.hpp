// cm.hpp - the connection manager of the model: ids, their channels, and what goes between two ids.
//
// An id hears of things in order: each is a message in its queue, becomes an event on its channel when the fabric lets
// it arrive, and takes effect when the channel's owner takes the event (as in librdmacm, where the queue pair of a host
// is connected by the call that fetches the event). The script of the machine may hold, lose or change each event.
//
//   host                         controller
//   connect()  --- request --->  CONNECT_REQUEST (a fresh id)
//   ESTABLISHED <-- reply -----  accept(): its queue pair sends and receives from now on
//       when taken -- ready -->  ESTABLISHED
//   disconnect() --- bye ----->  DISCONNECTED; disconnect() answers --> DISCONNECTED; TIMEWAIT_EXIT comes with time
//
// Thread: under the fabric's lock.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_CM_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_CM_HPP

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "completion.hpp"
#include "fabric.hpp"
#include "machine.hpp"
#include "plugins/rdma/verbs.hpp"
#include "record.hpp"

namespace weft::rdma::model {

class CmChannel;
class QueuePair;

// Reject reasons of the InfiniBand connection manager that the model itself gives.
constexpr int kRejectTimeout = 4, kRejectNobodyListens = 8, kRejectByConsumer = 28;

struct Message {
  rdma_cm_event_type type = RDMA_CM_EVENT_ADDR_RESOLVED;
  int status = 0;
  std::uint8_t reads_in = 0, reads_out = 0;  // as the receiver is told
  std::uint8_t rnr_retries = 7;              // for the receiver's queue pair
  std::uint32_t from = 0, queue_pair = 0;    // of the sender
  sockaddr_storage local{}, peer{};          // of a connect request, as the receiver sees them
  std::vector<std::byte> data{};
};

class CmId final : public verbs::CmId, public Actor {
 public:
  CmId(CmChannel& channel, Machine& machine);
  CmId(CmChannel& channel, Machine& machine, const Message& request);  // what a connect request brings
  ~CmId() override;

  verbs::Made<void> tune(const verbs::ConnectionTuning& tuning) override;
  verbs::Made<void> bind(const sockaddr& local, bool one_family) override;
  verbs::Made<void> listen(int backlog) override;
  verbs::Made<void> resolve_address(const sockaddr* source, const sockaddr& peer, int timeout_ms) override;
  verbs::Made<void> resolve_route(int timeout_ms) override;
  [[nodiscard]] verbs::Device* device() const override { return device_; }
  verbs::Made<std::unique_ptr<verbs::QueuePair>> make_queue_pair(verbs::CompletionQueue& completions,
                                                                 verbs::SharedReceives* shared,
                                                                 const verbs::QueuePairSizes& sizes) override;
  verbs::Made<void> connect(const verbs::ConnectionParameters& parameters) override;
  verbs::Made<void> accept(const verbs::ConnectionParameters& parameters) override;
  verbs::Made<void> reject(std::span<const std::byte> private_data) override;
  verbs::Made<void> disconnect() override;
  verbs::Made<void> migrate(verbs::CmChannel& channel) override;
  [[nodiscard]] sockaddr_storage local() const override { return local_; }
  [[nodiscard]] sockaddr_storage peer() const override { return peer_; }

  [[nodiscard]] std::size_t choices() const override;
  void take(std::size_t choice) override;
  [[nodiscard]] bool waits_for_time() const override;
  void time_out() override;

  // For the model and for tests that make events out of nothing (ADDR_CHANGE).
  void hear(Message message);
  void on_taken(const Message& message);  // the owner of the channel has got the event
  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] Machine& machine() const { return machine_; }
  [[nodiscard]] bool listens_at(const sockaddr_storage& address) const;
  void let_events_come() { told_of_ = true; }

 private:
  enum class State : std::uint8_t {
    kFresh,
    kResolving,
    kResolved,  // address or route
    kListening,
    kConnecting,  // a request is under way
    kRequested,   // by a peer, and neither accepted nor rejected
    kAccepted,    // a reply is under way
    kConnected,
    kLeaving,  // disconnect() was called, and the peer has not answered
    kLeft,     // by both, in time-wait
    kOver,
  };
  void say(Message message) const;  // to the peer
  [[nodiscard]] QueuePair* queue_pair() const;
  [[nodiscard]] verbs::Made<void> take_port(sockaddr_storage address);
  [[nodiscard]] bool covers(const sockaddr_storage& address) const;  // as the local address
  [[nodiscard]] Device* device_for(const sockaddr* source, const sockaddr& peer) const;
  [[nodiscard]] CmId* listener_of_peer() const;
  void leave();           // tells the peer, if there is one
  void refuse_untaken();  // requests that never became events
  [[nodiscard]] bool peer_gave_up() const;

  Machine& machine_;
  const Birth birth_;
  const std::uint32_t number_;
  CmChannel* channel_;  // nullptr: it was deleted, too early
  Device* device_ = nullptr;
  State state_ = State::kFresh;
  bool one_family_ = true;  // false: :: is every IPv4 address too
  sockaddr_storage local_{}, peer_{};
  std::uint32_t peer_id_ = 0, peer_queue_pair_ = 0, queue_pair_ = 0;
  verbs::ConnectionParameters given_;  // without its private data
  std::uint8_t rnr_retries_ = 7;       // that the peer asked for
  std::uint8_t peer_answers_ = 0;      // READs at a time, as its request said
  bool answered_ = false;              // the peer's goodbye
  std::deque<Message> messages_;
  bool told_of_ = true;  // false: the connect request that brought it was not taken yet
  friend class CmChannel;
};

class CmChannel final : public verbs::CmChannel {
 public:
  explicit CmChannel(Machine& machine);
  ~CmChannel() override;
  [[nodiscard]] int fd() const override { return signal_.fd(); }
  verbs::Made<bool> next(verbs::CmEvent& out) override;
  verbs::Made<std::unique_ptr<verbs::CmId>> make_id() override;

  // For the model.
  struct Event {
    CmId* id = nullptr;  // nullptr: of a device, whoever has an id there
    Device* device = nullptr;
    Message message;
    std::unique_ptr<CmId> fresh;
  };
  void push(Event event);
  void forget(const CmId& id);
  void move(const CmId& id, CmChannel& to);

 private:
  void fill(verbs::CmEvent& out, Event& event) const;
  Machine& machine_;
  const Birth birth_;
  const Signal signal_;
  std::deque<Event> events_;
};

}  // namespace weft::rdma::model

#endif

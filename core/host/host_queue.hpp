// One queue pair of a host: connects it, turns requests into commands, and gives each back when its commands have ended.
//
// Per-command state (slots) is made with the queue, sized by its depth. A request larger than one command is sent in pieces;
// what does not fit waits here (requests bound to this queue) or with the owner (requests for any queue).
// Thread rule: the reactor's. Ownership: belongs to a Host; the owner keeps it until queue_closed() came.
#ifndef WEFT_CORE_HOST_HOST_QUEUE_HPP
#define WEFT_CORE_HOST_HOST_QUEUE_HPP

#include <coroutine>
#include <memory>
#include <vector>

#include "core/host/request_list.hpp"
#include "weft/host.hpp"

namespace weft {

// What one command may carry at most.
struct PieceLimits {
  std::uint64_t bytes = 0;  // 0: no bound
  std::uint32_t iov = 1;
};

class HostQueue final : private HostQueuePair::Events {
 public:
  // What ends unsent is given to the owner as well: it knows whether the request may wait for another queue.
  class Owner {
   public:
    virtual void queue_closed(HostQueue& queue, const Error& reason) = 0;
    virtual void command_timed_out(HostQueue& queue, std::uint16_t cid) = 0;
    virtual void queue_has_room(HostQueue& queue) = 0;
    virtual void answered() = 0;  // any completion of the controller: it is alive

   protected:
    ~Owner() = default;
  };

  HostQueue(Reactor& reactor, Owner& owner, std::uint16_t qid) : reactor_(reactor), owner_(owner), qid_(qid) {}

  [[nodiscard]] Status open(Transport& transport, const Address& address, const HostQueuePairParams& params);
  void close();
  [[nodiscard]] bool open() const { return pair_ != nullptr; }
  [[nodiscard]] bool failing() const { return failing_; }  // a command ended with the connection: on_closed follows
  [[nodiscard]] bool usable() const { return pair_ != nullptr && connected_; }
  // The Connect command succeeded. max_transfer: of the controller, 0: no bound.
  void connected(std::uint16_t sqhd, bool flow_control, std::uint64_t max_transfer);
  [[nodiscard]] const Error& reason() const { return reason_; }  // why it closed last; code 0: by our will

  // Waits until the transport is connected, or says why it is not.
  struct Ready {
    HostQueue& queue;
    bool await_ready() const { return queue.ready_ || queue.pair_ == nullptr; }
    void await_suspend(std::coroutine_handle<> awaiting) const { queue.awaiting_ready_ = awaiting; }
    Status await_resume() const { return queue.ready_ ? Status() : Status(queue.closing_error()); }
  };
  Ready ready() { return Ready{*this}; }

  // Sends what there is room for; false: some is left, and it waits for room.
  bool send(IoRequest& request, Nanoseconds timeout);
  // 0, -EAGAIN (no room) or another negative errno. `reserved`: room that is kept for others.
  std::int32_t send(PassthroughRequest& request, Nanoseconds timeout, std::uint32_t reserved = 0);
  [[nodiscard]] std::uint32_t room() const { return pair_ != nullptr && ready_ ? pair_->room() : 0; }

  [[nodiscard]] std::uint16_t qid() const { return qid_; }
  [[nodiscard]] const weft_limits& limits() const { return limits_; }
  [[nodiscard]] weft_qpair_info info() const { return pair_ != nullptr ? pair_->info() : weft_qpair_info{}; }
  // The command that `cid` named when it timed out is still the same one, and under way.
  [[nodiscard]] bool still_waits_for(std::uint16_t cid) const {
    return cid < by_cid_.size() && by_cid_[cid] != nullptr && by_cid_[cid]->timed_out;
  }
  [[nodiscard]] std::string describe(std::uint16_t cid) const;

  RequestList<IoRequest> waiting;
  RequestList<PassthroughRequest> passthrough_waiting;

 private:
  struct Slot {
    HostQueue* queue = nullptr;
    IoRequest* io = nullptr;
    PassthroughRequest* passthrough = nullptr;
    Slot* next_free = nullptr;
    std::uint16_t cid = 0;
    bool timed_out = false;
    std::uint8_t opcode = 0;
    std::uint64_t length = 0;  // of its data
    nvme::DsmRange range;
  };

  void on_ready(const weft_limits& limits) override;
  void on_closed(const Error& reason) override;
  void on_timeout(std::uint16_t cid) override;

  static void command_done(void* ctx, const Completion& completion);
  void end(Slot& slot, const Completion& completion);
  std::int32_t submit(Slot& slot, HostQueuePair::Command& command, Nanoseconds timeout);
  Slot* take_slot();
  void give_slot(Slot& slot);
  bool send_piece(IoRequest& request, Nanoseconds timeout);
  bool send_pair(IoRequest& request, Nanoseconds timeout);
  void wake_ready();
  [[nodiscard]] Error closing_error() const;
  [[nodiscard]] bool fits(const weft_iov* iov, std::uint32_t count) const;

  Reactor& reactor_;
  Owner& owner_;
  const std::uint16_t qid_;
  std::unique_ptr<HostQueuePair> pair_;
  std::vector<Slot> slots_;
  std::vector<Slot*> by_cid_;
  Slot* free_ = nullptr;
  weft_limits limits_{};
  PieceLimits piece_limits_;
  std::uint32_t capacity_ = 0;  // commands that fit at once
  bool ready_ = false;
  bool failing_ = false;
  bool connected_ = false;
  Error reason_;
  std::coroutine_handle<> awaiting_ready_;
};

// A piece of the request ended, with `error` in place of the completion's: its outcome is added to the whole's. True: that was
// the last one.
[[nodiscard]] bool piece_ended(IoRequest& request, const Completion& completion, std::int32_t error);
// Ends a request that has no command under way.
void finish(IoRequest& request);
void finish(PassthroughRequest& request, const Completion& completion, std::int32_t error);

}  // namespace weft

#endif

// Host::Impl - one association: an admin queue, I/O queues, and the control flows over them (coroutines, weft/task.hpp).
//
// States: connecting -> ready <-> resetting -> closing -> closed. Two ways lead to closing: close(), by the caller's will, and
// lose(). Both are run_close(): queues are closed, each ends its commands, what still waited ends, background flows end, and
// only then is anybody told. While connecting, lose() only closes the queues: run_connect() sees what it waits for fail.
// Lifetime: control flows keep the object alive by a shared_ptr in their frame, open queues by self_, requests that are to
// end on the next turn by finishing_.
// Thread rule: the reactor's. Errors: Status of each step, with stage and target.
#ifndef WEFT_CORE_HOST_IMPL_HPP
#define WEFT_CORE_HOST_IMPL_HPP

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/host/host_queue.hpp"
#include "core/util/intrusive_list.hpp"
#include "core/wire/sqe.hpp"
#include "core/wire/uuid.hpp"
#include "weft/host.hpp"
#include "weft/task.hpp"

namespace weft {

class Pause;

struct Host::Impl final : HostQueue::Owner, std::enable_shared_from_this<Host::Impl> {
  enum class State : std::uint8_t { kConnecting, kReady, kResetting, kClosing, kClosed };

  Impl(Reactor& reactor, const HostOptions& options);
  ~Impl();

  // ---- connect.cpp
  static Detached run_connect(std::shared_ptr<Impl> self, TransportRegistry& registry, Address address, Connected done);
  Status choose_target(TransportRegistry& registry, Address address);
  Task<Status> connect_admin();
  Task<Status> connect_io_queues();
  Task<Status> connect_queue(HostQueue& queue, HostQueuePairParams params);
  Task<Status> send_connect(HostQueue& queue, std::uint32_t entries);
  void pin_address();
  Status judge_connect(HostQueue& queue, std::uint32_t entries, const Completion& completion);
  [[nodiscard]] Error because_of_loss(Error error) const;
  [[nodiscard]] Error with_reason_of_queues(Error error) const;
  void say_clamped(std::string_view option, std::uint64_t wanted, std::uint64_t taken, std::string_view why,
                   std::string_view unit = "") const;

  // ---- enable.cpp
  Task<Status> enable();
  Task<Status> disable();
  // One step of connecting or resetting: bounded by what the controller asks for (CAP.TO, CRTO) and by the time-out.
  struct Step {
    Nanoseconds deadline;  // for the controller to become ready
    std::string bound;     // ... in words
    Nanoseconds end;       // for the answers: the time-out of the whole step
  };
  [[nodiscard]] Nanoseconds left(Nanoseconds deadline) const;
  [[nodiscard]] Step step(std::uint32_t units, Nanoseconds end) const;
  Task<Status> wait_for(bool ready, Step step, std::string_view what);
  Task<Status> identify_controller();
  Status judge_identity();
  void settle_keep_alive();
  [[nodiscard]] bool wants_io_queues() const { return !discovery_ && options_.queues != 0; }
  Task<Status> ask_for_queues();
  // `limit`: of the wait for the answer; 0: the time-out of a command.
  Task<Result<std::uint64_t>> property_get(std::uint32_t offset, bool eight_bytes, Nanoseconds limit = 0);
  Task<Status> property_set(std::uint32_t offset, std::uint64_t value, bool eight_bytes, Nanoseconds limit = 0);

  // ---- commands of the control path
  struct Answer {
    Completion completion;
    std::vector<std::byte> data;
  };
  Task<Answer> admin(nvme::Sqe sqe, Nanoseconds timeout = 0);
  // The answer's data is what came: with fewer than `least` bytes a success is -ENODATA.
  Task<Answer> admin_read(nvme::Sqe sqe, std::uint64_t length, std::uint64_t least);
  Task<Answer> identify_page(wire::IdentifyFields fields);
  Task<Result<std::vector<std::byte>>> log_page(std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset,
                                                std::uint32_t length);
  Task<Result<std::vector<fabrics::DiscoveryLogEntry>>> discovery_log();
  Task<Result<std::vector<std::byte>>> discovery_part(std::uint64_t offset, std::uint32_t length);
  Task<Result<std::vector<fabrics::DiscoveryLogEntry>>> discovery_entries(std::uint64_t count);
  void add_scopes(std::vector<fabrics::DiscoveryLogEntry>& entries) const;

  // ---- io.cpp
  void submit(IoRequest& request);
  void submit(PassthroughRequest& request);
  bool send_somewhere(IoRequest& request);
  HostQueue* io_queue(std::uint16_t qid);
  void finish_later(IoRequest& request, std::int32_t error);
  void finish_later(PassthroughRequest& request, std::int32_t error);
  void finish_now();
  void pump(HostQueue& queue);
  bool drain(RequestList<IoRequest>& list, HostQueue& queue);
  void fail_waiting(std::int32_t error);

  // ---- keep_alive.cpp, async_events.cpp, time_outs.cpp
  void start_keep_alive();
  void stop_keep_alive();
  [[nodiscard]] Nanoseconds keep_alive_interval() const;
  void keep_alive_due();
  void keep_alive_answered();
  static Detached run_async_events(std::shared_ptr<Impl> self);
  Task<bool> take_async_event(const Completion& completion);
  static Detached run_abort(std::shared_ptr<Impl> self, HostQueue& queue, std::uint16_t cid);
  static Detached send_abort(std::shared_ptr<Impl> self, std::uint16_t qid, std::uint16_t cid);
  // `timed_out`: what led to it, for on_reset; empty when the caller asked for it.
  static Detached run_reset(std::shared_ptr<Impl> self, std::string timed_out, Reply<bool> done);
  Task<Status> reset_controller();

  // ---- teardown.cpp
  void lose(Error reason);
  void close(std::move_only_function<void()> done);
  static Detached run_close(std::shared_ptr<Impl> self, bool polite);
  static Detached run_ask_loss(std::shared_ptr<Impl> self, std::move_only_function<void(const Error&)> done);
  [[nodiscard]] bool a_queue_fails() const;
  static Detached run_later(std::shared_ptr<Impl> self, std::move_only_function<void()> call);
  Task<bool> shut_down();
  void tell_closed();
  void wake_pauses();
  void close_queues();
  void close_io_queues();
  [[nodiscard]] std::uint32_t open_queues() const;
  [[nodiscard]] std::uint32_t open_io_queues() const;
  void ended();

  // Waits until no queue (of the kind) is open; resumes from a turn of its own.
  struct Closed {
    Impl& impl;
    bool io_only;
    bool await_ready() const { return (io_only ? impl.open_io_queues() : impl.open_queues()) == 0; }
    void await_suspend(std::coroutine_handle<> awaiting) const { impl.awaiting_closed_.push_back({awaiting, io_only}); }
    void await_resume() const {}
  };
  Closed all_closed() { return {*this, false}; }
  Closed io_closed() { return {*this, true}; }

  // ---- HostQueue::Owner
  void queue_closed(HostQueue& queue, const Error& reason) override;
  void command_timed_out(HostQueue& queue, std::uint16_t cid) override;
  void queue_has_room(HostQueue& queue) override;
  void answered() override { traffic_ = true; }

  [[nodiscard]] Nanoseconds timeout() const;
  [[nodiscard]] bool alive() const {
    return state_ == State::kReady || state_ == State::kConnecting || state_ == State::kResetting;
  }
  [[nodiscard]] std::string target_words() const;  // "nqn... at name://host:port"
  [[nodiscard]] Error at(std::string_view stage, std::string text, int code = EIO) const;

  Reactor& reactor_;
  HostOptions options_;
  Transport* transport_ = nullptr;
  Address address_;
  Address reached_;  // the address that the admin queue reached, without a name: I/O queues go there
  std::string hostnqn_, subnqn_;
  wire::Uuid hostid_{};
  bool discovery_ = false;

  State state_ = State::kConnecting;
  Error lost_;                                           // why it ended; code 0: closed by us
  std::shared_ptr<Impl> self_;                           // while a queue is open
  std::vector<std::move_only_function<void()>> closed_;  // who waits for the end
  std::unique_ptr<HostQueue> admin_;
  std::vector<std::unique_ptr<HostQueue>> io_;
  std::uint32_t granted_ = 0;  // I/O queues
  struct AwaitingClosed {
    std::coroutine_handle<> handle;
    bool io_only;
  };
  std::vector<AwaitingClosed> awaiting_closed_;
  IntrusiveList<Pause> pauses_;
  std::uint32_t flows_ = 0;   // background flows under way: aborts, resets, asynchronous events
  std::uint32_t aborts_ = 0;  // Abort commands under way
  bool event_request_out_ = false;

  nvme::Cap cap_;
  nvme::Vs vs_;
  nvme::Cc cc_;
  nvme::IdentifyController identity_{};
  std::uint16_t cntlid_ = fabrics::kCntlidAny;
  std::uint64_t max_transfer_ = 0;

  RequestList<IoRequest> waiting_;  // for any queue
  RequestList<IoRequest> ended_io_;
  RequestList<PassthroughRequest> ended_passthrough_;
  Timer finish_timer_;
  std::shared_ptr<Impl> finishing_;  // while those lists are not empty
  std::size_t next_queue_ = 0;

  Timer keep_alive_timer_;
  PassthroughRequest keep_alive_request_;
  bool keep_alive_on_ = false;  // the controller is enabled, and the host said that it would send them
  bool keep_alive_sent_ = false;
  bool traffic_ = false;
  std::shared_ptr<Events> events_;  // shared: a callback may replace them, or destroy the Host
};

// The admin queue keeps room for Keep Alive and Abort.
inline constexpr std::uint32_t kAdminReserve = 2;

// A command that a coroutine waits for; lives in the coroutine's frame. `send` says whether it is under way; if not, its
// completion says why.
template <class Send>
struct Call : PassthroughRequest {
  Send send;
  std::coroutine_handle<> awaiting;
  explicit Call(Send how) : send(std::move(how)) {}
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    awaiting = handle;
    done = [](PassthroughRequest& request) { static_cast<Call&>(request).awaiting.resume(); };
    return send(static_cast<PassthroughRequest&>(*this));
  }
  void await_resume() const {}
};

// Counts a background flow for as long as it is in scope.
class Flow {
 public:
  explicit Flow(Host::Impl& impl) : impl_(impl) { ++impl_.flows_; }
  ~Flow() { --impl_.flows_; }
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

 private:
  Host::Impl& impl_;
};

// Waits for a moment on the reactor, or until the association ends: look at the state afterwards.
class Pause : public IntrusiveHook {
 public:
  explicit Pause(Host::Impl& impl, Nanoseconds length = 0)  // 0: the next turn
      : impl_(impl), timer_(impl.reactor_, &Pause::due, this), length_(length) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    impl_.pauses_.push_back(*this);
    timer_.set(impl_.reactor_.now() + length_);
  }
  void await_resume() const {}
  void wake() { timer_.set(impl_.reactor_.now()); }

 private:
  static void due(void* ctx) {
    auto& pause = *static_cast<Pause*>(ctx);
    pause.unlink();
    pause.awaiting_.resume();
  }
  Host::Impl& impl_;
  Timer timer_;
  Nanoseconds length_;
  std::coroutine_handle<> awaiting_;
};

// "Identify Controller: Invalid Field in Command (002h)", or the errno in words.
[[nodiscard]] std::string outcome_words(const Completion& completion, bool fabrics = false);

}  // namespace weft

#endif

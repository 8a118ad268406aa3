// queue.hpp - one queue pair of a host: from the accepted connection through Connect to its end.
//
//   opening -> waiting for Connect -> admin or I/O -> closing -> closed -> (nothing held, control has forgotten it) -> gone
//
// Thread rule: the worker's thread; the control thread knows it by address, from the grant of its Connect until forget().
// Ownership: the Worker; it destroys the queue some time after retire().
#ifndef WEFT_CORE_CONTROLLER_QUEUE_HPP
#define WEFT_CORE_CONTROLLER_QUEUE_HPP

#include <cstdint>
#include <memory>
#include <string>

#include "core/controller/admin_queue.hpp"
#include "core/controller/host_shares.hpp"
#include "core/controller/io_queue.hpp"
#include "core/controller/listener_facts.hpp"
#include "weft/queue_pair.hpp"

namespace weft::controller {

class Worker;

inline constexpr Nanoseconds kCloseTime = 2'000'000'000;  // for what is queued to go out before a queue pair closes

class Queue final : public ControllerQueuePair::Events {
 public:
  Queue(Worker& worker, Origin origin, Tickets tickets);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Takes the pending on success.
  [[nodiscard]] Status open(Transport& transport, weft_pending* pending);
  void close(std::uint32_t flags, Nanoseconds deadline);
  // Ends what is under way and turns away what comes, then closes; by `deadline` at the latest. An admin queue stays,
  // until that deadline, for the control thread to drain when the controller's I/O queues have gone.
  void drain(Nanoseconds deadline);
  void drain_admin(Nanoseconds deadline);
  void make_room();  // for a newer connection, unless it has connected
  void forget();     // by the control thread's word: it knows this queue no more

  // For the commands.
  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] ControllerQueuePair& pair() { return *pair_; }
  [[nodiscard]] AdminQueue& admin() { return admin_; }
  [[nodiscard]] IoQueue* io() { return io_.get(); }
  [[nodiscard]] QueueShared& shared() { return *shared_; }
  [[nodiscard]] std::uint32_t max_iov() const { return limits_.max_iov; }
  [[nodiscard]] std::uint32_t max_transfer() const { return max_transfer_; }  // bytes of data of one command
  [[nodiscard]] bool registered() const { return registered_; }
  [[nodiscard]] HostShares& shares() { return *shares_; }  // once connected
  [[nodiscard]] bool closing() const { return closing_; }  // commands may not be answered any more
  // A command begins to wait for the host: one that waits too long ends the queue pair. Costs nothing while another waits.
  void watch_transfers() {
    if (!watching_) [[unlikely]]
      begin_watch();
  }
  void respond(std::uint64_t token, const nvme::Sqe& sqe, const Answer& answer, std::uint64_t lba);
  void release(std::uint64_t token);
  void connected(const ConnectGrant& grant, Answer& answer);
  // A data call ended with other bytes than it asked for and no error: how its command is to take that.
  [[nodiscard]] DataEnd wrong_count(std::uint64_t moved, std::uint64_t asked);
  void fabrics_on_io_queue(const weft_command& command);

  [[nodiscard]] bool is_open() const { return !closing_ && !closed_; }
  // Others wait for what it holds and does not move. `told` queue pairs ended so, this one among them: 0 says nothing.
  void end_for_memory(std::uint32_t told);

  // Constant while the control thread has a request of this queue, or knows it.
  [[nodiscard]] const Origin& origin() const { return origin_; }
  [[nodiscard]] const weft_limits& limits() const { return limits_; }
  [[nodiscard]] const weft_qpair_info& info() const { return *info_; }

  void on_ready(const weft_limits& limits) override;
  void on_command(const weft_command& command) override;
  [[nodiscard]] bool on_cid_reused(std::uint64_t token) override;
  void on_data(std::uint64_t cookie, std::uint64_t moved, std::int32_t error, NvmeStatus status,
               std::uint32_t flags) override;
  void on_closed(const Error& reason) override;

 private:
  enum class State : std::uint8_t { kOpening, kUnconnected, kAdmin, kIo };

  void no_newcomer();
  void disconnect(std::uint64_t token, const nvme::Sqe& sqe);
  void before_connect(const weft_command& command);
  [[nodiscard]] Status configure(const ConnectGrant& grant);
  [[nodiscard]] bool record_error(const nvme::Sqe& sqe, const Answer& answer, std::uint64_t lba);
  void begin_watch();
  void watch_until(Nanoseconds deadline);
  void judge_transfers();
  void begin_drain(Nanoseconds deadline);
  void maybe_drained();
  void maybe_gone();
  [[nodiscard]] std::string title() const;  // for people: which queue pair, of whom

  Worker& worker_;
  const Origin origin_;
  Tickets tickets_;
  std::unique_ptr<ControllerQueuePair> pair_;
  weft_limits limits_{};
  std::unique_ptr<weft_qpair_info> info_;  // read once ready
  std::uint32_t max_transfer_ = 0;
  State state_ = State::kOpening;
  bool registered_ = false;  // the control thread knows this queue
  bool closing_ = false;
  bool closed_ = false;
  bool draining_ = false;
  bool transport_fault_ = false;  // closes after what is being told
  bool refused_ = false;          // granted, but the transport does not take it: closes after its answer
  bool retired_ = false;
  std::uint16_t qid_ = 0, cntlid_ = 0;
  std::string hostnqn_;  // once connected; "": a host without a name
  Nanoseconds drain_deadline_ = 0;
  Timer deadline_;   // for Connect, then for draining
  Timer transfers_;  // armed at least until the oldest of what is under way is due
  bool watching_ = false;
  std::shared_ptr<QueueShared> shared_;
  std::shared_ptr<HostShares> shares_;
  AdminQueue admin_;
  std::unique_ptr<IoQueue> io_;
  std::uint64_t disconnect_token_ = UINT64_MAX;
  nvme::Sqe disconnect_sqe_;
};

}  // namespace weft::controller

#endif

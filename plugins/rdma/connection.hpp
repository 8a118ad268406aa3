// connection.hpp - one queue pair: joins the connection manager's id, the verbs queue pair and the role's side, and is the
// weft_qpair of the table. Here: states, deadlines, errors, the end. What a capsule means is the side's business.
//
//   connecting | accepting -> ready -> (flushing ->) draining -> ended -> telling -> gone (held only by commands)
//
// An end goes in three steps, since the device may write to memory until it says otherwise: the queue pair is put in its
// error state and a last request goes to each of its queues (draining); when both have come back, or at the deadline, the
// queue pair is deleted; then operations are told, and then on_closed.
//
// Thread: the group's. Events come only from inside Group::poll. The object deletes itself through Group::bury when its
// on_closed was told and no command is held.
#ifndef WEFT_RDMA_CONNECTION_HPP
#define WEFT_RDMA_CONNECTION_HPP

#include <cstdint>
#include <memory>
#include <span>

#include "../common/list.hpp"
#include "../common/net_address.hpp"
#include "../common/pollable.hpp"
#include "../common/role_calls.hpp"
#include "../common/stats.hpp"
#include "cm_user.hpp"
#include "device_events.hpp"
#include "device_share.hpp"
#include "link.hpp"
#include "options.hpp"
#include "send_queue.hpp"
#include "side.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Connector;
class ControllerSide;
class Group;
class HostSide;
class Pending;

enum class Role : std::uint8_t { kHost, kController };

class Connection final : public plugin::Pollable, public plugin::RoleCalls<Connection>, public Link, public CmUser {
 public:
  Connection(Group& group, Role role, const Options& options, const weft_qpair_params& params,
             const weft_qpair_events& events, void* ctx);
  ~Connection() override;

  // The table's operations that are not one role's.
  void close(std::uint32_t flags, std::uint64_t deadline_ns);
  void info(weft_qpair_info& out) const;
  void stats(weft_stats& out) const { plugin::add_up(out, stats_); }

  // How it comes to life. A failure had no effect.
  plugin::Made<void> connect(const weft_address& address);
  plugin::Made<void> accept(Pending& pending);

  // For the connector: one attempt after the other, each with an id of its own.
  void take_id(std::unique_ptr<verbs::CmId> id);
  [[nodiscard]] verbs::CmId& id() { return *id_; }
  plugin::Made<void> open_pair(verbs::CmId& id, const Agreed& agreed);
  void drop_attempt();
  void established(std::uint32_t peer_receives);

  // For the group.
  void on_cm_event(verbs::CmEvent& event) override;
  // False: nobody was told of it.
  bool completed(WorkId id, const ibv_wc& completion);
  void on_deadline() override;
  void on_resume() override;
  void tell_end() override;
  void add_stats(weft_stats& sum) const override { plugin::add_up(sum, stats_); }
  void flush();
  void tell_finished(DataOp& op);
  void device_gone(const verbs::Device& device);
  void on_device_event(const DeviceEvents::Event& event);
  void ring_gone();  // ends when it is this one's that takes no more

  // Link, for the sides.
  [[nodiscard]] verbs::Device& device() override { return share_->device(); }
  [[nodiscard]] verbs::QueuePair& pair() override { return *pair_; }
  [[nodiscard]] SendQueue& sends() override { return *sends_; }
  [[nodiscard]] Memory& memory() override { return *memory_; }
  [[nodiscard]] SharedRing* shared_ring() override { return ring_; }
  [[nodiscard]] std::uint32_t place() const override { return place_; }
  [[nodiscard]] const weft_qpair_params& params() const override { return params_; }
  [[nodiscard]] const weft_qpair_events& events() const override { return events_; }
  [[nodiscard]] void* context() const override { return ctx_; }
  [[nodiscard]] weft_stats& counters() override { return stats_; }
  [[nodiscard]] bool takes_commands() const override { return is_ready(); }
  void count_event() override;
  void mark_dirty() override;
  void finish(DataOp& op) override;
  void end(Reason reason) override;
  void nothing_held() override;

  plugin::Hook dirty_hook;

 private:
  friend class plugin::RoleCalls<Connection>;
  enum class State : std::uint8_t {
    kConnecting,
    kAccepting,
    kReady,
    kFlushing,  // closed by us: what is queued still goes
    kDraining,  // over: the device gives back what it has
    kEnded,     // ... and has: operations are to be told
    kTelling,   // they were told: on_closed is
    kGone,
  };
  static constexpr std::uint32_t kSendDrain = 0, kReceiveDrain = 1;  // WorkId::index of the last requests

  [[nodiscard]] bool is_ready() const { return state_ == State::kReady; }
  [[nodiscard]] bool is_over() const { return state_ >= State::kDraining; }
  [[nodiscard]] bool is_established() const { return state_ == State::kReady || state_ == State::kFlushing; }
  [[nodiscard]] const char* peer_word() const { return role_ == Role::kHost ? "controller" : "host"; }
  plugin::Made<void> find_receives(const Agreed& agreed);
  plugin::Made<void> make_pair(verbs::CmId& id, const Agreed& agreed);
  plugin::Made<std::unique_ptr<verbs::QueuePair>> make_as_large_as_can_be(verbs::CmId& id,
                                                                          verbs::CompletionQueue& queue,
                                                                          verbs::QueuePairSizes& sizes);
  void become_ready();
  bool completed_well(WorkId id, const ibv_wc& completion);
  void count_moved(WorkId id, const ibv_wc& completion);
  void on_peer_gone(const verbs::CmEvent& event);
  void device_failed(const verbs::AsyncEvent& event);
  void watch_progress();
  void judge_progress();
  bool start_draining();
  void drained(std::uint32_t queue);
  void forget_sides();
  void leave_device();
  void tell_closed();

  Group& group_;
  const Role role_;
  const Options options_;
  weft_qpair_params params_;
  const weft_qpair_events& events_;
  void* const ctx_;

  State state_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<verbs::CmId> id_;
  std::uint32_t place_;
  DeviceShare* share_ = nullptr;  // with pair_
  Memory* memory_ = nullptr;
  SharedRing* ring_ = nullptr;      // that receives come from; nullptr: its own
  std::uint64_t own_receives_ = 0;  // bytes of those, of a controller's
  DeviceShare::Room room_;
  std::unique_ptr<verbs::QueuePair> pair_;
  std::unique_ptr<SendQueue> sends_;
  std::unique_ptr<HostSide> host_;
  std::unique_ptr<ControllerSide> controller_;
  Side* side_ = nullptr;             // one of the two, with pair_
  bool drains_ = true;               // false: the device failed, and gives nothing back
  std::uint64_t events_before_ = 0;  // that were read before its queue pair was made
  bool lost_none_ = false;           // of a shared ring, as the device said
  std::uint32_t drained_ = 0;        // a bit for each queue whose last request came back
  bool watched_ = false;             // requests are under way, and their progress has a deadline
  bool stalled_ = false;             // ... of which half has passed without any
  std::uint64_t done_then_ = 0;      // requests that were done when it was set
  Reason reason_;
  plugin::NetAddress local_, peer_;
  weft_stats stats_{};
};

}  // namespace weft::rdma

#endif

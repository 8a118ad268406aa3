// worker.hpp - what one reactor of the target owns: queue pairs, ways into namespaces, memory for data under way.
//
// Thread rule: constructed before anything is posted to it; then everything on its reactor's thread but the posting functions,
// which say so. Workers share nothing with each other; with the control thread they exchange messages.
#ifndef WEFT_CORE_CONTROLLER_WORKER_HPP
#define WEFT_CORE_CONTROLLER_WORKER_HPP

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/controller/admin_turns.hpp"
#include "core/controller/arrivals.hpp"
#include "core/controller/control_port.hpp"
#include "core/controller/host_shares.hpp"
#include "core/controller/long_commands.hpp"
#include "core/controller/namespace_view.hpp"
#include "core/controller/queue.hpp"
#include "core/controller/resources.hpp"
#include "core/controller/shortage.hpp"
#include "weft/controller.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class Namespace;
class Subsystem;

class Worker {
 public:
  Worker(Reactor& reactor, Reactor& control_reactor, ControlPort& control, const TargetOptions& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] Reactor& reactor() { return reactor_; }
  [[nodiscard]] Resources& resources() { return resources_; }
  [[nodiscard]] Arrivals& arrivals() { return arrivals_; }
  [[nodiscard]] AdminTurns& admin_turns() { return admin_turns_; }
  [[nodiscard]] LongCommands& long_commands() { return long_commands_; }
  [[nodiscard]] const TargetOptions& options() const { return options_; }
  // Of admin and discovery data, apart from that of I/O.
  [[nodiscard]] Resources& admin_memory() { return admin_memory_; }
  // What a host holds of both, on all its queue pairs here.
  [[nodiscard]] std::shared_ptr<HostShares> shares(const std::string& machine, const std::string& hostnqn,
                                                   bool listed) {
    return shares_.find(machine, hostnqn, listed);
  }
  void set_reserve(bool reserve);  // for hosts on an access list
  [[nodiscard]] ShareTable& share_table() { return shares_; }

  // ---- Queue pairs.
  void accept(Transport& transport, weft_pending* pending, Origin origin, Tickets tickets);
  void retire(Queue& queue);
  void stop(Nanoseconds deadline);  // ends in ControlPort::worker_empty
  [[nodiscard]] std::uint32_t queue_pairs() const { return static_cast<std::uint32_t>(queues_.size()); }
  [[nodiscard]] std::uint64_t commands();  // taken and not released

  // ---- To the control thread.
  void to_control(AdminRequest& request);
  void drop(AdminRequest& request);
  void tell_closed(Queue& queue);
  void tell_errors(Queue& queue);
  void storage_failed(IoSlot& slot);  // counted, and told when it is the first of its kind
  void want_exclusive(Namespace& ns, BlockRange range, IoSlot& slot);
  void end_exclusive(Namespace& ns, BlockRange range, Effect effect);

  // ---- From the control thread: any thread may call these; they post.
  void post(std::function<void(Worker&)> task);
  void answer(AdminRequest& request);
  void close_queue(Queue& queue, std::uint32_t flags, Nanoseconds deadline);
  void forget(Queue& queue);
  void grant(IoSlot& slot);

  // ---- Namespaces, on the worker's thread.
  [[nodiscard]] SubsystemView& subsystem(const Subsystem& key) { return subsystems_[&key]; }
  void remove_subsystem(const Subsystem& key) { subsystems_.erase(&key); }
  [[nodiscard]] Status open_namespace(const Subsystem& key, Namespace& ns, std::uint32_t nsid, Backend& backend);
  // No command finds it any more; `gone` is called when none uses it and its context is destroyed.
  void close_namespace(const Subsystem& key, Namespace& ns, std::function<void()> gone);
  [[nodiscard]] NamespaceView* view(const Namespace& ns) { return view(&ns); }
  [[nodiscard]] NamespaceView* view(const Namespace* key);  // which may have gone

 private:
  [[nodiscard]] bool is_control() const { return &reactor_ == &control_reactor_; }
  void maybe_empty();

  Reactor& reactor_;
  Reactor& control_reactor_;
  ControlPort& control_;
  const TargetOptions options_;
  Resources resources_, admin_memory_;
  // Polled while there are queues.
  Arrivals arrivals_;
  AdminTurns admin_turns_;
  LongCommands long_commands_;
  ShareTable shares_;
  Shortage shortage_;
  std::map<const Queue*, std::unique_ptr<Queue>> queues_;
  bool stopping_ = false;
  std::map<const Subsystem*, SubsystemView> subsystems_;
  std::map<const Namespace*, std::unique_ptr<NamespaceView>> views_;
};

}  // namespace weft::controller

#endif

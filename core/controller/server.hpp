// server.hpp - the control plane of a target: subsystems, controllers, listeners, and what its workers ask of it.
//
// A Target runs one over its threads; a test runs one over reactors of its own. What may take a while ends in `done`, from
// a later turn or at once; such calls are made one at a time (Target sees to it).
// Thread rule: everything on the thread of the first reactor.
#ifndef WEFT_CORE_CONTROLLER_SERVER_HPP
#define WEFT_CORE_CONTROLLER_SERVER_HPP

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/controller/admission.hpp"
#include "core/controller/cntlids.hpp"
#include "core/controller/control_port.hpp"
#include "core/controller/controller.hpp"
#include "core/controller/discovery_service.hpp"
#include "core/controller/disk_identity.hpp"
#include "core/controller/listener.hpp"
#include "core/controller/queue_entries.hpp"
#include "core/controller/storage_watch.hpp"
#include "core/controller/subsystem.hpp"
#include "core/controller/worker.hpp"
#include "weft/controller.hpp"

namespace weft::controller {

class Server final : private ControlPort, private Controller::Owner, private Listener::Owner {
 public:
  using Done = std::function<void(Status)>;

  // The first reactor is the control thread's, and where this is called, unless the reactors do not run yet. They outlive the
  // server.
  Server(TransportRegistry& registry, const TargetOptions& options, std::span<Reactor* const> reactors);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] static Status check_options(const TargetOptions& options);

  [[nodiscard]] Status add_subsystem(const SubsystemOptions& options);
  void remove_subsystem(std::string_view nqn, Done done);
  [[nodiscard]] Status allow_host(std::string_view nqn, std::string_view hostnqn);
  [[nodiscard]] Status disallow_host(std::string_view nqn, std::string_view hostnqn);

  void add_namespace(std::string_view nqn, NamespaceOptions options, std::function<void(Result<std::uint32_t>)> done);
  void remove_namespace(std::string_view nqn, std::uint32_t nsid, Done done);
  void resize_namespace(std::string_view nqn, std::uint32_t nsid, std::uint64_t blocks, Done done);

  [[nodiscard]] Result<Address> listen(const Address& address, bool discovery_only);
  void unlisten(const Address& bound, Done done);

  [[nodiscard]] std::vector<ControllerInfo> controllers();
  void counts(std::function<void(TargetCounts)> done);
  // Afterwards nothing is left but the server itself.
  void stop(Nanoseconds deadline, std::function<void()> done);

  std::function<void(std::string_view)> notice_to;

 private:
  struct QueueKey {
    Controller* controller = nullptr;
    std::uint16_t qid = 0;
    QueueEntries::Grant entries;
  };

  // ControlPort.
  void take(AdminRequest& request) override;
  void drop(AdminRequest& request) override;
  void queue_closed(Queue& queue) override;
  void errors_recorded(Queue& queue) override;
  void exclusive_wanted(Namespace& ns, Worker& worker, IoSlot& slot, BlockRange range) override;
  void exclusive_ended(Namespace& ns, BlockRange range, Effect effect) override;
  void storage_failed(Namespace& ns) override;
  void worker_empty(Worker& worker) override;
  // Controller::Owner, Listener::Owner.
  void flush_for_shutdown(Controller& controller) override;
  void controller_gone(Controller& controller) override;
  void notice(std::string_view sentence) override;
  void connection(Listener& listener, weft_pending* pending, std::string peer) override;
  void listener_closed(Listener& listener, const Error& reason) override;
  // Sentences that peers bring about as often as they like: one for all of them, now and then.
  struct Summary {
    std::uint64_t untold = 0;
    Nanoseconds tell_at = 0;
  };
  [[nodiscard]] std::uint64_t count(Summary& summary);  // how often since the last sentence; 0: none is due
  void refused(const std::string& sentence);
  void close_for_room(const std::shared_ptr<Newcomer>& newcomer);

  // server_connect.cpp
  void connect(AdminRequest& request);
  [[nodiscard]] Answer connect_admin(AdminRequest& request, const fabrics::ConnectCommand& command,
                                     const fabrics::ConnectData& data);
  [[nodiscard]] Answer connect_io(AdminRequest& request, const fabrics::ConnectCommand& command,
                                  const fabrics::ConnectData& data);
  // Sets the subsystem where the host may use it; else says what such a host is to hear.
  [[nodiscard]] Answer admit(std::string_view subnqn, std::string_view hostnqn, const ListenerFacts& by,
                             Subsystem*& subsystem);
  [[nodiscard]] bool has_room_for(const Controller::Identity& identity);
  [[nodiscard]] bool has_room_for(const QueueEntries::Grant& entries, const Origin& origin);
  [[nodiscard]] bool is_listed(std::string_view hostnqn) const;
  [[nodiscard]] bool has_reserve() const;
  void tell_reserve();                                            // to the workers, when access lists have changed
  [[nodiscard]] std::uint16_t free_cntlid(Subsystem* subsystem);  // 0: none
  void say_clamped(const ListenerFacts& listener, const weft_limits& limits);
  void grant(AdminRequest& request, Controller& controller, const fabrics::ConnectCommand& command);

  // server_namespaces.cpp
  [[nodiscard]] Result<Subsystem*> find_subsystem(std::string_view nqn);
  [[nodiscard]] Result<DiskIdentity> settle_identity(std::string_view nqn, std::uint32_t nsid,
                                                     NamespaceOptions& options);
  void close_namespace(Subsystem& subsystem, std::uint32_t nsid, std::function<void()> done);
  void close_namespaces(Subsystem& subsystem, std::function<void()> done);
  void end_those_told_more(const Subsystem& subsystem);
  void tell_controllers(const Subsystem& subsystem, std::uint32_t nsid);
  void sum_up_faults();
  void shrink(Namespace& ns, std::uint64_t blocks, Done done);
  void grow(Namespace& ns, std::uint64_t blocks, Done done);
  void storage_changed(Subsystem& subsystem, Namespace& ns, std::uint64_t blocks);
  // Runs `each` on every worker's thread, then `done` here.
  void on_workers(std::function<void(Worker&)> each, std::function<void()> done);

  void discovery_changed();
  void end_controllers(const std::function<bool(const Controller&)>& which);
  [[nodiscard]] Status check_access_rules(const ListenerFacts& facts) const;
  void listeners_gone();
  void close_everything();

  TransportRegistry& registry_;
  const TargetOptions options_;
  Reactor& control_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> worker_list_;  // the same, borrowed
  std::size_t next_worker_ = 0;
  Cntlids cntlids_;
  Cntlids discovery_cntlids_{CntlidRange{}};

  DiscoveryService::Subsystems subsystems_;
  DiscoveryService::Listeners listener_facts_;
  DiscoveryService discovery_;
  Identities identities_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::uint16_t next_port_id_ = 1;
  std::map<std::uint16_t, std::unique_ptr<Controller>> controllers_;
  std::uint64_t controllers_made_ = 0;
  Admission admission_;
  QueueEntries queue_entries_;
  bool reserve_ = false;  // what the workers know
  StorageWatch storage_watch_;
  Summary refusals_, closed_for_room_;
  std::set<std::uint16_t> said_clamped_;             // listeners
  std::set<std::shared_ptr<StorageFaults>> faults_;  // of the namespaces whose storage failed lately
  Timer faults_timer_;
  std::map<const Queue*, QueueKey> queues_;
  const Nanoseconds started_;

  // What waits for something to end.
  std::vector<std::pair<const Listener*, Done>> unlistening_;
  std::vector<std::pair<const Subsystem*, std::function<void()>>> emptying_;  // until it has no controller
  bool stopping_ = false;
  bool workers_told_ = false;
  Nanoseconds stop_deadline_ = 0;
  std::size_t workers_empty_ = 0;
  std::function<void()> stopped_;
};

}  // namespace weft::controller

#endif

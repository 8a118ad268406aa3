// controller.hpp - one controller: a host's association with a subsystem, or with the discovery service.
//
// It lives from the Connect of its admin queue until its last queue pair is gone. What ends it: the admin connection, the
// keep alive timer, two minutes disabled, an access rule taken away, the target's stop.
// Thread rule: the control thread. Queues are known by address until forgotten.
#ifndef WEFT_CORE_CONTROLLER_CONTROLLER_HPP
#define WEFT_CORE_CONTROLLER_CONTROLLER_HPP

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/controller/admin_request.hpp"
#include "core/controller/async_events.hpp"
#include "core/controller/changed_namespaces.hpp"
#include "core/controller/error_log.hpp"
#include "core/controller/feature_values.hpp"
#include "core/controller/keep_alive.hpp"
#include "core/controller/listener_facts.hpp"
#include "core/controller/registers.hpp"
#include "core/controller/smart.hpp"
#include "core/wire/uuid.hpp"
#include "weft/controller.hpp"

namespace weft::controller {

class Subsystem;

class Controller final : private KeepAlive::Owner {
 public:
  class Owner {
   public:
    // Everything of the subsystem that was written is to be durable, then controller.shutdown_flushed().
    virtual void flush_for_shutdown(Controller& controller) = 0;
    virtual void controller_gone(Controller& controller) = 0;  // destroys it, later
    virtual void notice(std::string_view sentence) = 0;

   protected:
    ~Owner() = default;
  };
  struct Identity {
    std::uint16_t cntlid = 0;
    std::uint64_t number = 0;  // of all controllers that the target has made; unlike a CNTLID it does not come back
    Subsystem* subsystem = nullptr;  // null: discovery
    std::string subnqn, hostnqn;
    wire::Uuid hostid{};
    Origin origin;
    bool listed = false;  // an access list names the host
  };

  Controller(Owner& owner, Reactor& reactor, const TargetOptions& options, std::uint32_t max_queue_size,
             Identity identity);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] std::string title() const;  // for people: which controller, of whom
  [[nodiscard]] bool discovery() const { return identity_.subsystem == nullptr; }
  [[nodiscard]] bool ending() const { return ending_; }
  [[nodiscard]] Registers& registers() { return registers_; }
  [[nodiscard]] KeepAlive& keep_alive() { return keep_alive_; }
  [[nodiscard]] AsyncEvents& events() { return events_; }
  [[nodiscard]] ChangedNamespaces& changed_namespaces() { return changed_; }
  [[nodiscard]] FeatureValues& features() { return features_; }
  [[nodiscard]] ErrorLog& error_log();  // with what lies in the queues' rings
  [[nodiscard]] Totals totals() const;

  // Queue pairs.
  [[nodiscard]] std::shared_ptr<QueueShared> add_queue(std::uint16_t qid, Queue& queue);
  void queue_closed(std::uint16_t qid);
  [[nodiscard]] bool has_queue(std::uint16_t qid) const { return queues_.contains(qid); }
  [[nodiscard]] Queue* queue(std::uint16_t qid);
  [[nodiscard]] std::uint16_t io_queues() const;

  void write_cc(std::uint32_t value);
  void shutdown_flushed(bool durable);
  void namespace_changed(std::uint32_t nsid);
  // The target stops: what is held is answered, nothing is timed any more; workers drain the I/O queues, and when they
  // have gone the admin queue goes too.
  void stop(Nanoseconds deadline);
  // Closes every queue pair; what they have queued goes out first when `flush`.
  void end(bool flush);

  // What the discovery log looked like when this host last read it, or was told of a change.
  std::uint64_t discovery_view = 0;
  // Abort commands that a worker has. Workers count down; the last ones may outlive the controller.
  const std::shared_ptr<std::atomic<std::uint32_t>> aborts = std::make_shared<std::atomic<std::uint32_t>>(0);
  std::uint8_t told_size_limit = 0;  // the greatest WZSL that its host may have read

 private:
  struct QueueRecord {
    Queue* queue = nullptr;
    std::shared_ptr<QueueShared> shared;
  };
  void act(CcAction action);
  void close_io_queues();
  void io_queues_gone();
  void linger();
  void drain_admin();
  [[nodiscard]] std::uint8_t trtype() const { return identity_.origin.listener->info.trtype; }
  std::uint64_t traffic() override;
  void keep_alive_expired() override;

  Owner& owner_;
  Reactor& reactor_;
  const TargetOptions& options_;
  const Identity identity_;
  Registers registers_;
  KeepAlive keep_alive_;
  AsyncEvents events_;
  ErrorLog error_log_;
  ChangedNamespaces changed_;
  FeatureValues features_;
  Timer linger_;
  std::map<std::uint16_t, QueueRecord> queues_;  // 0: admin
  Totals past_;                                  // of queues that are gone
  bool ending_ = false;
  bool resetting_ = false;
  bool shutting_down_ = false;
  bool stopping_ = false;
  Nanoseconds stop_deadline_ = 0;
};

}  // namespace weft::controller

#endif

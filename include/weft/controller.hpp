// controller.hpp - embed a target: subsystems, namespaces, listeners, access rules, discovery.
//
//   auto target = weft::Target::start(registry, {.threads = 2});
//   auto added = (*target)->add_subsystem({.nqn = "nqn.2026-01.org.example:disk", .allow_any_host = true});
//   auto nsid = (*target)->add_namespace("nqn.2026-01.org.example:disk", {.backend = std::move(*backend)});
//   auto where = (*target)->listen(*weft::Address::parse("tcp://127.0.0.1:0"));
//
// A Target runs its own reactor threads. Thread 0 also owns the control plane (subsystems, controllers, admin commands, AERs,
// keep-alive); I/O queues are spread over all threads and share nothing on the I/O path.
// Thread rule: every function from any thread but the target's own; each blocks until the target has done it. What hosts
// must be told (namespaces changed, discovery log changed) they are told by asynchronous events.
#ifndef WEFT_CONTROLLER_HPP
#define WEFT_CONTROLLER_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/address.hpp"
#include "weft/backend.hpp"
#include "weft/reactor.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"

namespace weft {

// The controller identifiers that a target hands out. Targets that serve one subsystem together need ranges that do not
// overlap: a host refuses a second controller with the same identifier.
struct CntlidRange {
  std::uint16_t first = 1;
  std::uint16_t last = 0xFFEF;
  friend bool operator==(const CntlidRange&, const CntlidRange&) = default;
};
[[nodiscard]] Result<CntlidRange> parse_cntlid_range(std::string_view text);  // "1-999"

struct TargetOptions {
  std::uint32_t threads = 1;
  WaitPolicy wait = WaitPolicy::kAdaptive;
  Nanoseconds spin_ns = 50'000;
  std::vector<int> cpus{};                         // pin thread i to cpus[i]; empty: not pinned
  std::uint32_t max_queue_size = 1024;             // CAP.MQES + 1
  std::uint32_t max_io_queues = 128;               // a controller; 1..128
  std::uint32_t max_connections = 8192;            // those that have not sent Connect count too
  std::uint32_t max_unconnected = 512;             // of one machine: connections whose Connect has not come, or failed
  std::uint32_t max_queue_entries = 1u << 20;      // of all queues; one machine, or one host, has a part of them
  std::uint32_t max_controllers = 1024;            // of subsystems; one machine, or one host, has a part of them
  std::uint32_t max_discovery_controllers = 1024;  // counted apart, and divided in the same way
  std::uint32_t max_controllers_per_host = 256;    // of one host name on one machine
  std::uint32_t in_capsule = 8192;        // bytes of in-capsule data on I/O queues: IOCCSZ, bounded by the transport's
  std::uint32_t max_transfer = 1u << 20;  // MDTS: a power of two times 4 KiB
  std::uint64_t data_memory = 64u << 20;  // bound of the memory lent to data under way, per thread
  Nanoseconds data_timeout = 30'000'000'000;     // for the data of one command to move; then its queue pair ends
  Nanoseconds connect_timeout = 10'000'000'000;  // a queue pair that sends no Connect
  Nanoseconds linger = 120'000'000'000;          // a disabled controller whose host does not come back
  CntlidRange cntlids{};                         // of subsystems without a range of their own
};

struct SubsystemOptions {
  std::string nqn;
  bool allow_any_host = false;  // else only allow_hosts; empty and false: hosts on loopback listeners only
  std::vector<std::string> allow_hosts{};
  // "": derived from the NQN and the namespace with the lowest NSID when a controller first tells it; random without one.
  std::string serial{};
  std::string model = "Weft";
  std::optional<CntlidRange> cntlids{};  // else the target's
};

// Whether an IP address is reached from this machine only: 127.0.0.0/8, ::1, and these as ::ffff:127.0.0.1. Pure; any thread.
[[nodiscard]] bool is_loopback(std::string_view traddr);

struct NamespaceOptions {
  std::uint32_t nsid = 0;  // 0: the lowest free one
  std::unique_ptr<Backend> backend{};
  // One that is not given is derived from the NQN and the other one; without either, from the NQN and the storage's identity.
  // One disk behind two targets has the same NQN, NSID, UUID, NGUID and serial number in both, and CntlidRanges apart.
  std::optional<std::array<std::uint8_t, 16>> uuid{};
  std::optional<std::array<std::uint8_t, 16>> nguid{};
  std::optional<StorageIdentity> identity{};  // else what the backend says
};

// Who is connected: one row a controller.
struct ControllerInfo {
  std::uint16_t cntlid = 0;
  std::string subnqn, hostnqn, peer;  // hostnqn "": the host gave no name
  std::uint16_t io_queues = 0;
};

// For tests and monitoring: what is alive now.
struct TargetCounts {
  std::uint32_t listeners = 0, queue_pairs = 0, controllers = 0;
  std::uint64_t borrowed_buffers = 0;  // lent to data under way, all threads
  std::uint64_t commands = 0;          // taken and not yet released
};

class Target {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Target>> start(TransportRegistry& registry,
                                                             const TargetOptions& options = {});
  ~Target();  // stop(now) if still running
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  [[nodiscard]] Status add_subsystem(const SubsystemOptions& options);
  [[nodiscard]] Status remove_subsystem(std::string_view nqn);  // its controllers are closed
  [[nodiscard]] Status allow_host(std::string_view nqn, std::string_view hostnqn);
  [[nodiscard]] Status disallow_host(std::string_view nqn, std::string_view hostnqn);  // and closes its controllers

  [[nodiscard]] Result<std::uint32_t> add_namespace(std::string_view nqn, NamespaceOptions options);  // the NSID
  [[nodiscard]] Status remove_namespace(std::string_view nqn, std::uint32_t nsid);  // I/O under way ends first
  [[nodiscard]] Status resize_namespace(std::string_view nqn, std::uint32_t nsid, std::uint64_t blocks);

  // The address with the port really bound. discovery_only: no I/O subsystem is reached through it.
  [[nodiscard]] Result<Address> listen(const Address& address, bool discovery_only = false);
  [[nodiscard]] Status unlisten(const Address& bound);  // in any spelling; options do not matter

  [[nodiscard]] std::vector<ControllerInfo> controllers();
  [[nodiscard]] TargetCounts counts();

  // Stops listening, tells hosts, answers the I/O in flight, closes every queue pair; by `deadline` at the latest the hard way.
  void stop(Nanoseconds deadline);

  // Called on the control thread for what an operator wants to see (one sentence each): set before listen(). It must not
  // call the Target, whose functions would wait for the thread that they stand on.
  void set_notice(std::function<void(std::string_view)> notice);

 private:
  struct Impl;
  explicit Target(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft

#endif

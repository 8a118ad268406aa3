// connector.hpp - from an address to a connection: resolves a name, and tries its addresses. An attempt goes: device, route,
// queue pair, connect request, answer.
//
// One attempt is in flight at a time, because it owns the connection's queue pair. Where a name has several addresses, each
// has a slice of 250 ms and then the next one its turn, round and round with slices that double, until one answers, all
// have failed, or the deadline of the queue pair is over.
//
// Belongs to a connection, to which it says established() or, after the last address, end(). A peer that still holds an old
// connection of the same queue pair number is asked again a few times. Thread: the group's.
#ifndef WEFT_RDMA_CONNECTOR_HPP
#define WEFT_RDMA_CONNECTOR_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../common/lookup.hpp"
#include "../common/net_address.hpp"
#include "link.hpp"
#include "options.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Connection;
class Group;

class Connector final : private plugin::Lookup::Owner {
 public:
  // `deadline_ns`: of the whole, 0: none.
  Connector(Group& group, Connection& connection, const weft_address& address, const Options& options,
            std::uint64_t deadline_ns);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // A numeric address goes to work in the next turn, a name to the resolver. Fails at once where that is certain to fail.
  plugin::Made<void> begin();
  // From a turn. The connector may be gone when these return.
  void go_on();
  void on_cm_event(verbs::CmEvent& event);
  bool on_deadline();  // false: the time of the whole is over
  [[nodiscard]] const char* stage() const;
  [[nodiscard]] std::string describe_timeout() const;

 private:
  enum class Step : std::uint8_t { kName, kDevice, kRoute, kAnswer, kPause };
  void looked_up() override;
  void try_next();
  [[nodiscard]] bool has_other() const;  // an address that has not failed, beside the one at hand
  plugin::Made<void> start();            // an attempt on the address at hand
  plugin::Made<void> ask();              // the route is known: the queue pair, and the connect request
  void step(Step step, std::uint64_t time);
  void attempt_failed(Reason reason);
  void settle(const plugin::Made<void>& done);  // goes to the next address if that failed
  void rejected(const verbs::CmEvent& event);
  void failed_by(const verbs::CmEvent& event);
  void answered(const verbs::CmEvent& event);
  [[nodiscard]] plugin::Failure name_devices(const plugin::Failure& said, const std::string& wanted) const;
  [[nodiscard]] std::string route() const;
  [[nodiscard]] Reason explain_event(const verbs::CmEvent& event) const;
  [[nodiscard]] const plugin::NetAddress& address() const { return lookup_.addresses()[next_ - 1]; }

  Group& group_;
  Connection& connection_;
  const Options options_;
  const std::uint64_t deadline_ns_;
  plugin::Lookup lookup_;
  const std::string source_traddr_, source_interface_;
  std::optional<plugin::NetAddress> source_;
  std::size_t next_ = 0;  // the address at hand is the one before
  std::vector<bool> failed_;
  std::size_t left_ = 0;     // addresses that have not failed
  std::uint64_t slice_ = 0;  // of one address in this round
  std::uint64_t slice_end_ = 0;
  std::uint64_t step_end_ = 0;  // when the step at hand has taken too long
  std::uint32_t stale_ = 0;     // times that this address called the connection stale
  Step step_ = Step::kName;
  Reason last_;  // why the latest address failed
};

}  // namespace weft::rdma

#endif

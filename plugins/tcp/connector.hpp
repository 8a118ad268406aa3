// connector.hpp - from an address to a connected socket: resolves a name, tries its addresses one after the other, each
// with its share of the time, from the source address and interface that were asked for.
//
// Belongs to a connection, to which it says start() or, after the last address, end(). Thread: the group's; the
// resolver's answer comes between two turns and is acted upon in the next one.
#ifndef WEFT_TCP_CONNECTOR_HPP
#define WEFT_TCP_CONNECTOR_HPP

#include <cstdint>
#include <string>

#include "../common/lookup.hpp"
#include "../common/net_address.hpp"
#include "../common/unique_fd.hpp"
#include "options.hpp"
#include "pollable.hpp"
#include "socket.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

class Connection;
class Group;

class Connector final : private plugin::Lookup::Owner {
 public:
  // `deadline_ns`: of the whole, 0: none.
  Connector(Group& group, Connection& connection, const weft_address& address, const Options& options,
            std::uint64_t deadline_ns);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // A numeric address goes to work in the next turn, a name to the resolver. Fails at once where that is certain to
  // fail.
  plugin::Made<void> begin();
  void go_on();        // from a turn: the next step
  void on_writable();  // from a turn: the attempt under way was decided
  bool on_deadline();  // true: the time was one address's, and the next is tried
  [[nodiscard]] const char* stage() const { return lookup_.pending() ? "resolve" : "connect"; }
  [[nodiscard]] std::string describe_timeout() const;

 private:
  void looked_up() override;
  void try_next();
  plugin::Made<bool> attempt(const plugin::NetAddress& address);  // true: connected already
  void attempt_failed(const plugin::NetAddress& address, int error);
  void succeed();
  void drop_attempt();

  Group& group_;
  Connection& connection_;
  const Options options_;
  const std::uint64_t deadline_ns_;
  plugin::Lookup lookup_;
  const std::string source_traddr_, source_interface_;
  std::size_t next_ = 0;
  plugin::UniqueFd fd_;  // the attempt under way
  bool watched_ = false;
  plugin::Failure last_;  // why the latest address failed
};

}  // namespace weft::tcp

#endif

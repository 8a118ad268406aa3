// connector.hpp - from an address to a connected socket: resolves a name, tries its addresses one after the other, each
// with its share of the time, from the source address and interface that were asked for.
//
// Belongs to a connection, to which it says start() or, after the last address, end(). Thread: the group's; the
// resolver's answer comes between two turns and is acted upon in the next one.
#ifndef WEFT_TCP_CONNECTOR_HPP
#define WEFT_TCP_CONNECTOR_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "net_address.hpp"
#include "options.hpp"
#include "pollable.hpp"
#include "socket.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

class Connection;
class Group;

class Connector final {
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
  [[nodiscard]] const char* stage() const { return resolving_ ? "resolve" : "connect"; }
  [[nodiscard]] std::string describe_timeout() const;

 private:
  static void resolved(void* self, std::int32_t error, const void* addresses, std::uint32_t length);
  void try_next();
  plugin::Made<bool> attempt(const NetAddress& address);  // true: connected already
  void attempt_failed(const NetAddress& address, int error);
  void succeed();
  void drop_attempt();

  Group& group_;
  Connection& connection_;
  const Options options_;
  const std::uint64_t deadline_ns_;
  const std::string host_, service_, source_traddr_, source_interface_;
  bool resolving_ = false;
  std::int32_t resolve_error_ = 0;
  std::vector<NetAddress> addresses_;
  std::size_t next_ = 0;
  UniqueFd fd_;  // the attempt under way
  bool watched_ = false;
  plugin::Failure last_;  // why the latest address failed
};

}  // namespace weft::tcp

#endif

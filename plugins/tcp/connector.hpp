// connector.hpp - from an address to a socket on which a controller answers, from the source address and interface that were
// asked for.
//
// A name's addresses are tried in the resolver's order, side by side: the next one starts when the latest attempt failed,
// or has not been decided for an interval (RFC 8305). An attempt sends its ICReq as soon as it is connected, for who accepts
// may still be silent: the first whose peer says something is used, and the others are closed. Each attempt has
// connect_timeout and then handshake_timeout, all of them together the deadline of the queue pair; the interval shrinks
// where that is needed for every address to have its turn.
//
// Belongs to a connection, to which it says start() or, after the last address, end(). Thread: the group's; the
// resolver's answer comes between two turns and is acted upon in the next one.
#ifndef WEFT_TCP_CONNECTOR_HPP
#define WEFT_TCP_CONNECTOR_HPP

#include <cstdint>
#include <string>
#include <vector>

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
  void go_on();        // from a turn: the name is known
  void on_ready();     // from a turn: an attempt has come further
  bool on_deadline();  // false: the time of the whole is over
  [[nodiscard]] const char* stage() const;
  [[nodiscard]] std::string describe_timeout() const;

 private:
  struct Attempt {
    std::size_t address = 0;  // its index
    plugin::UniqueFd fd;
    std::uint64_t expires = 0;
    bool asked = false;  // it is connected, and its ICReq is sent
  };

  void looked_up() override;
  void advance();  // starts what is due; ends with attempts in flight, a connection, or the end of the list
  plugin::Made<void> start(std::size_t address);
  [[nodiscard]] int ask(Attempt& attempt);
  void fail(std::size_t attempt, int error);
  [[nodiscard]] bool is_last(std::size_t attempt) const {
    return attempts_.size() == 1 && attempt == 0 && next_ == lookup_.addresses().size();
  }
  [[nodiscard]] static std::uint32_t waits_for(const Attempt& attempt);
  void fail_to_start(const plugin::Failure& why);
  void succeed(std::size_t attempt);
  void drop(Attempt& attempt);
  void set_timer();
  [[nodiscard]] std::uint64_t interval() const;
  [[nodiscard]] std::string place(std::size_t address) const;  // " (address 1 of 2 of 'name')", or ""

  Group& group_;
  Connection& connection_;
  const Options options_;
  const std::uint64_t deadline_ns_;
  plugin::Lookup lookup_;
  const std::string source_traddr_, source_interface_;
  std::size_t next_ = 0;          // the address that is tried next
  std::uint64_t next_start_ = 0;  // when, whatever becomes of those in flight
  std::uint64_t interval_ = 0;
  std::vector<Attempt> attempts_;  // in flight
  plugin::Failure last_;           // why the latest address failed
};

}  // namespace weft::tcp

#endif

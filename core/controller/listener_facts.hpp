// listener_facts.hpp - what is known of a listener and of a connection that came in by it. Values; any thread.
#ifndef WEFT_CORE_CONTROLLER_LISTENER_FACTS_HPP
#define WEFT_CORE_CONTROLLER_LISTENER_FACTS_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "weft/transport_abi.h"

namespace weft::controller {

struct ListenerFacts {
  std::uint16_t port_id = 0;  // its number: PORTID of the discovery log
  bool discovery_only = false;
  bool loopback = false;  // reached from this machine only
  bool wildcard = false;  // bound to every local address
  weft_listener_info info{};
};

// Counts a connection while it lives: from its arrival until its queue is gone, or whatever else becomes of it.
class Ticket {
 public:
  using Count = std::shared_ptr<std::atomic<std::uint32_t>>;
  explicit Ticket(Count count) : count_(std::move(count)) { ++*count_; }
  ~Ticket() { --*count_; }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

 private:
  const Count count_;
};

class Newcomer;

// What a connection holds: its place among all of them, and among its machine's; and, until it has connected, among its
// machine's that have not.
struct Tickets {
  std::shared_ptr<const Ticket> connection, of_machine;
  std::shared_ptr<Newcomer> newcomer;
};

struct Origin {
  std::shared_ptr<const ListenerFacts> listener;
  std::string peer;     // address and service as the transport writes them: for people
  std::string machine;  // what the peer counts for (machine_of): limits and shares are divided by it
};

// A host in a sentence for people: "host nqn...", escaped, or "a host without a name".
[[nodiscard]] std::string host_words(std::string_view hostnqn);

}  // namespace weft::controller

#endif

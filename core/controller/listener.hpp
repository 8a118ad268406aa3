// listener.hpp - one listening address of the target. Thread rule: the control thread, on whose reactor it listens.
#ifndef WEFT_CORE_CONTROLLER_LISTENER_HPP
#define WEFT_CORE_CONTROLLER_LISTENER_HPP

#include <functional>
#include <memory>
#include <string>

#include "core/controller/listener_facts.hpp"
#include "weft/address.hpp"
#include "weft/reactor.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"

namespace weft::controller {

class Listener {
 public:
  class Owner {
   public:
    // The pending is the owner's to end.
    virtual void connection(Listener& listener, weft_pending* pending, std::string peer) = 0;
    virtual void listener_closed(Listener& listener, const Error& reason) = 0;  // destroys it, later

   protected:
    ~Owner() = default;
  };

  Listener(Owner& owner, Transport& transport) : owner_(owner), transport_(transport) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] Status open(Reactor& reactor, const Address& address, bool discovery_only, std::uint16_t port_id);
  void close();  // ends in listener_closed

  [[nodiscard]] Transport& transport() { return transport_; }
  [[nodiscard]] const std::shared_ptr<const ListenerFacts>& facts() const { return facts_; }
  [[nodiscard]] const Address& bound() const { return bound_; }
  // Whatever the spelling; options do not matter, for no two listeners share an address and a port.
  [[nodiscard]] bool is_at(Address address) const;

 private:
  static const weft_listener_events kEvents;
  static void on_connect(void* ctx, weft_pending* pending, const weft_connect_info* info);
  static void on_closed(void* ctx, const weft_error* error);

  Owner& owner_;
  Transport& transport_;
  weft_listener* handle_ = nullptr;
  std::shared_ptr<const ListenerFacts> facts_;
  Address asked_, bound_;
};

}  // namespace weft::controller

#endif

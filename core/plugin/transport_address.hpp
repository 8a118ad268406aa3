// transport_address.hpp - an Address in the form in which the plugin boundary takes it.
//
// Owns what the weft_address points to; passed to claim(), connect() or listen(), which copy. host:port is split here for
// transports that name a default service, unless it was before, and the values of declared options become canonical.
// Thread rule: a value; it does not move, for it points into itself.
#ifndef WEFT_CORE_PLUGIN_TRANSPORT_ADDRESS_HPP
#define WEFT_CORE_PLUGIN_TRANSPORT_ADDRESS_HPP

#include <string>
#include <vector>

#include "weft/address.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"
#include "weft/transport_abi.h"

namespace weft {

class TransportAddress {
 public:
  TransportAddress() = default;
  TransportAddress(const TransportAddress&) = delete;
  TransportAddress& operator=(const TransportAddress&) = delete;

  [[nodiscard]] Status set(const Address& address, const Transport& transport);
  // Where to connect from; "" leaves it to the system. Borrowed until the call that takes get() has returned.
  void set_source(const std::string& traddr, const std::string& interface);
  [[nodiscard]] const weft_address* get() const { return &abi_; }

 private:
  Address address_;
  std::vector<weft_option> options_;
  weft_address abi_{};
};

}  // namespace weft

#endif

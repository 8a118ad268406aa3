// discovered.hpp - an entry of the discovery log in words, with the URL to connect to.
#ifndef WEFT_TOOLS_DISCOVERED_HPP
#define WEFT_TOOLS_DISCOVERED_HPP

#include <cstdint>
#include <string>

#include "weft/fabrics.hpp"
#include "weft/transport.hpp"

namespace weft::tools {

struct Discovered {
  std::string type;       // "subsystem", "referral", "this service"
  std::string transport;  // the scheme of a transport that is installed, else what the specification calls it
  std::string family, traddr, trsvcid, subnqn, requirements;
  std::string url;  // to connect to it
  std::string bad;  // why it names nothing to connect to; "": it does
  std::uint16_t portid = 0, admin_queue = 0;
};

// Loads all transports, to learn which scheme an entry's transport type has here.
[[nodiscard]] Discovered read_entry(TransportRegistry& registry, const fabrics::DiscoveryLogEntry& entry);

}  // namespace weft::tools

#endif

// plugin.cpp - the TCP transport as a table: names the classes, says who it is.
#include "weft/plugin.hpp"

#include "connection.hpp"
#include "controller_side.hpp"
#include "domain.hpp"
#include "group.hpp"
#include "host_side.hpp"
#include "listener.hpp"
#include "options.hpp"

namespace weft::tcp {
namespace {

struct Tcp {
  using Domain = tcp::Domain;
  using Group = tcp::Group;
  using QueuePair = tcp::Connection;
  using Listener = tcp::Listener;
  using Pending = tcp::Pending;

  static constexpr std::uint8_t kTrtype = 3;
  static constexpr plugin::Identity kIdentity = {
      .name = "tcp",
      .version = "1.0",
      .options = kOptionInfo,
      .roles = WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER,
      .priority = 0,
      .trtype = kTrtype,
      .default_trsvcid = "4420",
      .discovery_trsvcid = "8009",
  };
};

}  // namespace
}  // namespace weft::tcp

WEFT_EXPORT_TRANSPORT(weft::tcp::Tcp)

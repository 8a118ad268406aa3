// plugin.cpp - the RDMA transport as a table: names the classes, says who it is.
#include "weft/plugin.hpp"

#include "connection.hpp"
#include "controller_side.hpp"
#include "domain.hpp"
#include "group.hpp"
#include "host_side.hpp"
#include "listener.hpp"
#include "options.hpp"
#include "pending.hpp"
#include "region.hpp"

namespace weft::rdma {
namespace {

struct Rdma {
  using Domain = rdma::Domain;
  using Group = rdma::Group;
  using QueuePair = rdma::Connection;
  using Listener = rdma::Listener;
  using Pending = rdma::Pending;
  using Region = rdma::Region;

  static constexpr std::uint8_t kTrtype = 1;
  static constexpr plugin::Identity kIdentity = {
      .name = "rdma",
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
}  // namespace weft::rdma

WEFT_EXPORT_TRANSPORT(weft::rdma::Rdma)

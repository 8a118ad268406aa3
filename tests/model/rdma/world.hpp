// world.hpp - the real RDMA transport on machines of the model (tests/support/rdma_model), through the C table, without
// the core: a host's and a controller's machine, a domain and a group on each, and a clock that tests move. Only domains
// are made past the table, each with its machine's devices in place of this process's.
//
//   World world({.seed = seed});
//   Server server(world, params(32, true));                    queues.hpp
//   HostQueue host(world, Where(), params(32, true));
//   world.run_until([&] { return host.limits.has_value(); });
//
// A turn lets the fabric do a few things and the clock go on a little, and polls the groups, in an order that the seed chooses.
// Nothing is told that only time brings unless `time_passes`. When a World ends, nothing may be left of its queue pairs,
// no request may be lost, and neither machine may have a fault that the test has not forgiven.
// Everything is on the test's thread, unless it makes groups and threads of its own; clock and log may be used by any.
#ifndef WEFT_TESTS_MODEL_RDMA_WORLD_HPP
#define WEFT_TESTS_MODEL_RDMA_WORLD_HPP

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plugins/rdma/options.hpp"
#include "support/rdma_model/capsule_watch.hpp"
#include "support/rdma_model/capsules.hpp"
#include "support/rdma_model/fabric.hpp"
#include "support/rdma_model/machine.hpp"
#include "support/rdma_model/raw_peer.hpp"
#include "weft/transport_abi.h"

namespace weft::rdma::model {

inline const std::string kHostAddress = "192.0.2.1", kControllerAddress = "192.0.2.2";
constexpr std::uint16_t kPort = 4420;

// What a World is made with.
struct Setting {
  std::uint64_t seed = 1;
  Traits host, controller;
  Options options = {};                 // of both domains
  std::uint64_t lockable = UINT64_MAX;  // bytes that each process may lock, as it believes
};

class World {
 public:
  explicit World(const Setting& setting = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Turns until `done`; fails the test when that does not come.
  void run_until(const std::function<bool()>& done, const char* what = "the event");
  void turn();
  void settle();  // turns until nothing more happens
  void advance(std::uint64_t ns) { now += ns; }

  [[nodiscard]] weft_group* open_group(weft_domain* domain) const;
  [[nodiscard]] std::string logged_text() const;

  Fabric fabric;
  Machine &host, &controller;
  CapsuleWatch watch;
  const weft_transport& table;
  std::atomic<std::uint64_t> now = 1'000'000'000;
  bool time_passes = false;  // when nothing else happens
  bool forgives = false;     // faults and lost requests at the end: what the test was about
  weft_domain *host_domain = nullptr, *controller_domain = nullptr;
  weft_group *host_group = nullptr, *controller_group = nullptr;
  std::vector<std::string> logged;
  std::vector<std::string> warned;               // of those, what people are shown
  std::vector<std::function<void()>> each_turn;  // what raw peers do
  std::map<std::string, std::vector<sockaddr_in>> names;

 private:
  static std::uint64_t now_ns(void* ctx) { return static_cast<World*>(ctx)->now; }
  static void log(void* ctx, std::uint32_t, const char* text);
  static int resolve(void* ctx, weft_group*, const char* host, const char* service, void* user,
                     void (*done)(void*, std::int32_t, const void*, std::uint32_t));
  static void resolve_cancel(void* ctx, weft_group*, void* user) { static_cast<World*>(ctx)->asked_.erase(user); }
  std::map<void*, std::function<void()>> asked_;  // by the user
  weft_services services_{};
  std::uint64_t events_ = 0;
};

// Traits with some attribute changed.
template <class Change>
Traits traits_with(Change change) {
  Traits traits;
  change(traits);
  return traits;
}

}  // namespace weft::rdma::model

#endif

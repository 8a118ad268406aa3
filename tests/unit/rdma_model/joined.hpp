// joined.hpp - two machines of the model with a raw peer on each, for tests of the model itself.
#ifndef WEFT_TESTS_UNIT_RDMA_MODEL_JOINED_HPP
#define WEFT_TESTS_UNIT_RDMA_MODEL_JOINED_HPP

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "support/rdma_model/fabric.hpp"
#include "support/rdma_model/machine.hpp"
#include "support/rdma_model/raw_peer.hpp"

namespace weft::rdma::model {

constexpr std::uint16_t kPort = 4420;
inline const std::string kHostAddress = "192.0.2.1", kControllerAddress = "192.0.2.2";

struct TwoMachines {
  explicit TwoMachines(const Traits& host_traits = {}, const Traits& controller_traits = {}, std::uint64_t seed = 1)
      : fabric(seed), host(fabric.add_machine("host")), controller(fabric.add_machine("controller")) {
    host.add_device(host_traits, {kHostAddress, "2001:db8::1"});
    controller.add_device(controller_traits, {kControllerAddress, "2001:db8::2"});
  }
  Fabric fabric;
  Machine &host, &controller;
};

struct Joined : TwoMachines {
  explicit Joined(const Traits& host_traits = {}, const Traits& controller_traits = {}, std::uint64_t seed = 1)
      : TwoMachines(host_traits, controller_traits, seed), h(host), c(controller) {}
  void connect() {
    c.listen(kControllerAddress, kPort);
    h.connect(kControllerAddress, kPort);
    run_until([&] { return (h.established && c.established) || h.refused; });
  }
  void poll() {
    h.poll();
    c.poll();
  }
  void run_until(const std::function<bool()>& done) {
    EXPECT_TRUE(fabric.run_until([&] {
      poll();
      return done();
    })) << "seed "
        << fabric.seed();
  }
  void settle() {
    do poll();
    while (fabric.settle() != 0);
    poll();
  }
  RawPeer h, c;
};

}  // namespace weft::rdma::model

#endif

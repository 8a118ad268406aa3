// Ends, at every moment: whoever ends a connection, and however, each operation ends exactly once, on_closed comes last,
// and the device has met no fault.
#include <utility>

#include "queues.hpp"
#include "support/rdma_model/cm.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;

enum class End : std::uint8_t {
  kHostCloses,
  kControllerCloses,
  kBothClose,
  kHostDies,
  kControllerDies,
  kNetworkIsCut,
  kHostDeviceFlushes,
  kControllerDeviceFlushes,
  kHostDeviceIsSilent,
  kControllerDeviceIsSilent,
  kHostDeviceLingers,
  kControllerDeviceLingers,
  kAddressChanges,
  kConnectionIsOver,
};

std::string name_of_end(const testing::TestParamInfo<std::tuple<End, ShareReceives>>& each) {
  static constexpr const char* kNames[] = {"HostCloses",         "ControllerCloses",
                                           "BothClose",          "HostDies",
                                           "ControllerDies",     "NetworkIsCut",
                                           "HostDeviceFlushes",  "ControllerDeviceFlushes",
                                           "HostDeviceIsSilent", "ControllerDeviceIsSilent",
                                           "HostDeviceLingers",  "ControllerDeviceLingers",
                                           "AddressChanges",     "ConnectionIsOver"};
  const auto [end, srq] = each.param;
  return kNames[static_cast<std::size_t>(end)] + std::string(srq == ShareReceives::kOn ? "Shared" : "");
}

void tell_all_ids(Machine& machine, rdma_cm_event_type event) {
  for (const auto& [number, id] : machine.fabric().ids) {
    if (&id->machine() == &machine) id->hear({.type = event});
  }
}

void do_it(End end, World& world, HostQueue& host, Server& server) {
  using Removal = Device::Removal;
  const auto remove = [](Machine& machine, Removal how) { machine.devices().front()->remove(how); };
  switch (end) {
    case End::kHostCloses:
      return host.close();
    case End::kControllerCloses:
      for (const auto& queue : server.queues) {
        if (!queue->closed) queue->close();
      }
      if (server.queues.empty()) host.close();
      return;
    case End::kBothClose:
      host.close();
      return do_it(End::kControllerCloses, world, host, server);
    case End::kHostDies:
      return world.host.die();
    case End::kControllerDies:
      return world.controller.die();
    case End::kNetworkIsCut:
      world.fabric.cut = true;
      return;
    case End::kHostDeviceFlushes:
      return remove(world.host, Removal::kFlushes);
    case End::kControllerDeviceFlushes:
      return remove(world.controller, Removal::kFlushes);
    case End::kHostDeviceIsSilent:
      return remove(world.host, Removal::kSilent);
    case End::kControllerDeviceIsSilent:
      return remove(world.controller, Removal::kSilent);
    case End::kHostDeviceLingers:
      return remove(world.host, Removal::kLingers);
    case End::kControllerDeviceLingers:
      return remove(world.controller, Removal::kLingers);
    case End::kAddressChanges:
      return tell_all_ids(world.host, RDMA_CM_EVENT_ADDR_CHANGE);
    case End::kConnectionIsOver:  // a disconnect was lost
      return tell_all_ids(world.host, RDMA_CM_EVENT_TIMEWAIT_EXIT);
  }
}

class EndTest : public testing::TestWithParam<std::tuple<End, ShareReceives>> {};

// A bit of everything is under way.
void begin(HostQueue& host, Buffer& out, Buffer& in) {
  host.write(1, 0, out, 60000, 3);
  host.write(2, 65536, out, 512);
  host.read(3, 0, in, 30000);
  host.read(4, 0, in, 512);
  host.send(core_sqe(kFlush, 5));
}

void run(End end, ShareReceives srq, int turns, std::uint64_t seed) {
  SCOPED_TRACE("after " + std::to_string(turns) + " turns, seed " + std::to_string(seed));
  World world({.seed = seed,
               .host = {},
               .controller = traits_with([](Traits& traits) { traits.half_filled = HalfFilled::kLost; }),
               .options = {.srq = srq}});
  world.time_passes = true;
  world.forgives = true;  // of a device or machine that is dead nothing comes back
  Buffer out(world, world.host_domain, 60000, true), in(world, world.host_domain, 60000, false);
  Server server(world, params(8, false, 4096));
  HostQueue host(world, Where(), params(8, false, 4096));
  bool begun = false;
  for (int i = 0; i < turns && !host.closed; ++i) {
    world.turn();
    if (host.limits && !std::exchange(begun, true)) begin(host, out, in);
  }
  if (host.closed) return;
  do_it(end, world, host, server);
  // A peer that is idle hears nothing of a death: keep-alives are the core's. It closes then.
  world.settle();
  for (int i = 0; i < 4; ++i) {
    world.fabric.pass_time();
    world.settle();
  }
  if (!host.closed) host.close();
  for (const auto& queue : server.queues) {
    if (queue->rc == 0 && !queue->closed) queue->close();
  }
  world.run_until([&] { return host.closed.has_value(); }, "the host's on_closed");
  world.run_until([&] { return server.all_over(); }, "the controller's on_closed");
  EXPECT_EQ(host.outstanding, 0);
  EXPECT_THAT(world.host.record.faults(), testing::IsEmpty());
  EXPECT_THAT(world.controller.record.faults(), testing::IsEmpty());
  EXPECT_EQ(world.host.record.alive(Kind::kQueuePair), 0u);
  EXPECT_EQ(world.controller.record.alive(Kind::kQueuePair), 0u);
}

TEST_P(EndTest, AtAnyMomentEverythingEndsOnce) {
  for (int turns = 0; turns < 160 && !HasFailure(); turns += turns < 40 ? 1 : 5)
    run(std::get<0>(GetParam()), std::get<1>(GetParam()), turns, static_cast<std::uint64_t>(turns) + 1);
}

INSTANTIATE_TEST_SUITE_P(Ends, EndTest,
                         testing::Combine(testing::Values(End::kHostCloses, End::kControllerCloses, End::kBothClose,
                                                          End::kHostDies, End::kControllerDies, End::kNetworkIsCut,
                                                          End::kHostDeviceFlushes, End::kControllerDeviceFlushes,
                                                          End::kHostDeviceIsSilent, End::kControllerDeviceIsSilent,
                                                          End::kHostDeviceLingers, End::kControllerDeviceLingers,
                                                          End::kAddressChanges, End::kConnectionIsOver),
                                          testing::Values(ShareReceives::kOff, ShareReceives::kOn)),
                         name_of_end);

TEST(Ends, AQueuePairThatFailsTakesNoOtherWithIt) {
  World world;
  Server server(world, params(8, true));
  HostQueue first(world, Where(), params(8, true)), second(world, Where(), params(8, true));
  world.run_until([&] { return first.limits && second.limits && server.queues.size() == 2; });
  world.controller.script.fail(Call::kPostSend);
  first.send(core_sqe(kFlush, 1));
  world.run_until([&] { return first.closed.has_value(); });
  second.send(core_sqe(kFlush, 1));
  world.run_until([&] { return second.answered(1); });
  EXPECT_TRUE(second.responses[1].cqe);
  EXPECT_FALSE(second.closed);
}

// Whoever asks for it first pays with its connection, and nobody after that, even when nothing of the first one is left.
TEST(Ends, ADeviceThatClaimsToInvalidateAndFailsCostsOneConnection) {
  World world({.host = {}, .controller = traits_with([](Traits& traits) { traits.invalidate_fails = true; })});
  world.forgives = true;
  Server server(world, params(8, true));
  Buffer data(world, world.host_domain, 4096, true);
  for (int i = 0; i < 4; ++i) {
    {
      HostQueue host(world, Where(), params(8, true));
      world.run_until([&] { return host.limits || host.closed; });
      ASSERT_TRUE(host.limits) << host.closed->text;
      host.read(1, 0, data, 4096);
      world.run_until([&] { return host.answered(1); });
      EXPECT_EQ(host.responses[1].error == 0, i != 0) << i;
      EXPECT_EQ(host.responses[1].moved, i == 0 ? 0u : 4096u);
    }
    world.run_until([&] { return server.only().closed.has_value(); });
    server.queues.clear();
    world.settle();
    EXPECT_EQ(world.controller.record.alive(Kind::kCompletionQueue), 0u);
  }
}

// A device of the machine is gone, and another one has its address.
void replace_device(Machine& machine, World& world, const std::string& address) {
  Device& device = *machine.devices().front();
  device.remove(Device::Removal::kLingers);
  world.run_until([&] { return device.forgotten; }, "the device being let go");
  machine.add_device({}, {address});
}

TEST(Ends, ADeviceIsLetGoAndTheOneThatComesAfterItServes) {
  World world;
  Server server(world, params(8, true));
  HostQueue first(world, Where(), params(8, true));
  world.run_until([&] { return first.limits && !server.queues.empty() && server.only().limits; });
  replace_device(world.host, world, kHostAddress);
  ASSERT_TRUE(first.closed);
  EXPECT_EQ(first.closed->code, -ENODEV);
  EXPECT_THAT(first.closed->text, HasSubstr("went away"));
  EXPECT_THAT(world.warned, testing::Contains(HasSubstr("went away")));
  HostQueue second(world, Where(), params(8, true));
  world.run_until([&] { return second.limits || second.closed; });
  ASSERT_TRUE(second.limits) << second.closed->text;
  Buffer data(world, world.host_domain, 8192, true);
  second.write(1, 0, data, 8192);
  world.run_until([&] { return second.answered(1); });
  EXPECT_EQ(second.responses[1].moved, 8192u);
}

TEST(Ends, AListenerIsThereAgainWhenItsDeviceIs) {
  World world;
  Server server(world, params(8, true));
  replace_device(world.controller, world, kControllerAddress);
  EXPECT_FALSE(server.closed);
  EXPECT_THAT(world.warned, testing::ElementsAre(HasSubstr("the RDMA device of 192.0.2.2:4420 went away")));
  world.advance(2'000'000'000);
  world.run_until([&] { return world.warned.size() == 2; }, "the listener's return");
  EXPECT_THAT(world.warned.back(), HasSubstr("192.0.2.2:4420 again"));
  HostQueue host(world, Where(), params(8, true));
  world.run_until([&] { return host.limits || host.closed; });
  EXPECT_TRUE(host.limits) << host.closed->text;
}

TEST(Ends, AListenerWhoseDeviceIsAwayCanBeClosed) {
  World world;
  Server server(world, params(8, true));
  world.controller.devices().front()->remove(Device::Removal::kLingers);
  world.run_until([&] { return !world.warned.empty(); });
  world.advance(5'000'000'000);
  world.settle();
  EXPECT_FALSE(server.closed);
  world.table.unlisten(server.handle);
  world.run_until([&] { return server.closed.has_value(); });
  EXPECT_EQ(server.closed->code, 0);
}

TEST(Ends, ADeviceThatNobodyUsesGoesWithoutAWarning) {
  World world;
  Device& unused = world.controller.add_device({}, {"192.0.2.77"});
  Server server(world, params(8, true));
  HostQueue host(world, Where(), params(8, true));
  world.run_until([&] { return host.limits.has_value(); });
  unused.remove(Device::Removal::kLingers);
  world.run_until([&] { return unused.forgotten; });
  EXPECT_THAT(world.warned, testing::IsEmpty());
  EXPECT_FALSE(host.closed);
}

TEST(Ends, OperationsSayWhatHadMoved) {
  World world({.seed = 3, .host = {}, .controller = {}});
  world.forgives = true;
  Linked linked(world, params(8, false), params(8, false), true);
  Buffer in(world, world.host_domain, 1u << 20, true);
  linked.controller().piece = 65536;
  linked.host.read(1, 0, in, 1u << 20);
  world.run_until([&] { return world.controller.record.counts.bytes_written >= 3 * 65536; });
  linked.controller().close();
  world.run_until([&] { return linked.host.closed && linked.controller().closed; });
  EXPECT_EQ(linked.host.responses[1].times, 1);
  EXPECT_FALSE(linked.host.responses[1].cqe);
  EXPECT_NE(linked.host.responses[1].error, 0);
  for (const int code : linked.controller().data_errors) EXPECT_EQ(code, -ECANCELED);
}

}  // namespace
}  // namespace weft::rdma::model

// Machines with several devices: whose queue pair is on which, memory that all of them reach, and calls from inside events
// that bring another device into a group.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;

const std::string kOtherHostAddress = "192.0.2.3", kOtherControllerAddress = "192.0.2.4";

struct DevicesTest : testing::Test {
  DevicesTest() {
    world.host.add_device({}, {kOtherHostAddress});
    world.controller.add_device({}, {kOtherControllerAddress});
    other.from(kOtherHostAddress);
  }
  void await(HostQueue& host) {
    world.run_until([&] { return host.limits || host.closed; });
    ASSERT_TRUE(host.limits) << host.closed->text;
  }
  static Device& first(Machine& machine) { return *machine.devices().front(); }
  static Device& second(Machine& machine) { return *machine.devices().back(); }

  World world;
  const Where anywhere{"0.0.0.0"};
  Where other{kOtherControllerAddress};
};

TEST_F(DevicesTest, ASourceAddressChoosesTheDevice) {
  Server server(world, params(8, true), anywhere);
  Where where;
  where.from(kOtherHostAddress);
  HostQueue host(world, where, params(8, true));
  await(host);
  weft_qpair_info info{};
  info.size = sizeof info;
  world.table.qpair_info(host.handle, &info);
  EXPECT_STREQ(info.local, kOtherHostAddress.c_str());
  EXPECT_THAT(server.peers.front(), HasSubstr(kOtherHostAddress));
  EXPECT_TRUE(second(world.host).has_made());
  EXPECT_FALSE(first(world.host).has_made()) << "it would be the first one's without";
}

TEST_F(DevicesTest, ASourceAddressOfAnotherFamilyIsRefusedInWords) {
  Where where;
  where.from("2001:db8::1");
  HostQueue host(world, where, params(8, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -EAFNOSUPPORT);
  EXPECT_THAT(host.closed->text, HasSubstr("2001:db8::1 is of another family than 192.0.2.2"));
}

TEST_F(DevicesTest, RegisteredMemoryIsReachedThroughEach) {
  Server server(world, params(8, false), anywhere);
  HostQueue one(world, Where(), params(8, false)), two(world, other, params(8, false));
  await(one);
  await(two);
  EXPECT_TRUE(first(world.host).has_made() && second(world.host).has_made());
  Buffer out(world, world.host_domain, 65536, true), in(world, world.host_domain, 65536, true);
  out.bytes = pattern(65536, 7);
  for (HostQueue* host : {&one, &two}) {
    EXPECT_EQ(host->write(1, 0, out, 65536), 0);
    world.run_until([&] { return host->answered(1); });
    EXPECT_EQ(host->read(1, 0, in, 65536), 0);
    world.run_until([&] { return host->answered(1); });
    EXPECT_EQ(in.bytes, out.bytes);
    in.bytes.assign(65536, std::byte{0});
  }
}

TEST_F(DevicesTest, OneThatGoesTakesOnlyWhatIsOnIt) {
  Server server(world, params(8, false), anywhere);
  HostQueue stays(world, Where(), params(8, false)), goes(world, other, params(8, false));
  await(stays);
  await(goes);
  Buffer data(world, world.host_domain, 65536, true);
  EXPECT_EQ(goes.write(1, 0, data, 65536), 0);
  second(world.host).remove(Device::Removal::kLingers);
  world.run_until([&] { return second(world.host).forgotten; });
  ASSERT_TRUE(goes.closed);
  EXPECT_EQ(goes.closed->code, -ENODEV);
  EXPECT_FALSE(stays.closed);
  EXPECT_EQ(stays.write(1, 0, data, 65536), 0) << "what was registered with both is registered with this one";
  world.run_until([&] { return stays.answered(1); });
  EXPECT_EQ(stays.responses[1].moved, 65536u);
}

// Its share of the device is made while completions of another one are being told.
TEST_F(DevicesTest, AHostOnANewDeviceIsTakenFromInsideAnEvent) {
  Server server(world, params(8, true), anywhere);
  HostQueue one(world, Where(), params(8, true));
  await(one);
  world.run_until([&] { return server.only().limits.has_value(); });
  server.keep = true;
  HostQueue two(world, other, params(8, true));
  world.run_until([&] { return !server.pendings.empty(); });
  server.only().on_command = [&](std::uint64_t token) {
    weft_pending* const pending = server.pendings.front();
    server.pendings.clear();
    server.queues.push_back(std::make_unique<ControllerQueue>(world, pending, server.params, false));
    server.queues.front()->serve(token);
  };
  EXPECT_EQ(one.send(core_sqe(kFlush, 1)), 0);
  await(two);
  EXPECT_EQ(two.send(core_sqe(kFlush, 1)), 0);
  world.run_until([&] { return one.answered(1) && two.answered(1); });
}

TEST_F(DevicesTest, AHostWhoseDeviceWentBeforeItWasTakenIsToldSo) {
  Server server(world, params(8, true), anywhere);
  server.keep = true;
  HostQueue host(world, other, params(8, true));
  world.run_until([&] { return !server.pendings.empty(); });
  second(world.controller).remove(Device::Removal::kLingers);
  world.run_until([&] { return second(world.controller).forgotten; });
  const ControllerQueue queue(world, server.pendings.front(), params(8, true), false);  // rejects it then
  server.pendings.clear();
  EXPECT_EQ(queue.rc, -ENODEV);
  EXPECT_THAT(queue.error.text, HasSubstr("went away"));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -ECONNREFUSED);
}

}  // namespace
}  // namespace weft::rdma::model

// Connections from the first call to the last event.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Life, ConnectsAnswersACommandAndCloses) {
  World world;
  {
    Linked linked(world);
    ASSERT_TRUE(linked.host.limits) << linked.host.closed->text;
    EXPECT_EQ(linked.host.send(core_sqe(kFlush, 3)), 0);
    world.run_until([&] { return linked.host.answered(3); });
    EXPECT_TRUE(linked.host.responses[3].cqe);
    EXPECT_EQ(linked.host.responses[3].error, 0);
    linked.host.close();
    world.run_until([&] { return linked.host.closed && linked.controller().closed; });
    EXPECT_EQ(linked.host.closed->code, 0) << linked.host.closed->text;
    EXPECT_EQ(linked.controller().closed->origin, WEFT_ORIGIN_PEER);
  }
  EXPECT_EQ(world.watch.under_way(), 0u);
}

TEST(Life, TheControllerMayCloseToo) {
  World world;
  Linked linked(world);
  linked.controller().close();
  world.run_until([&] { return linked.host.closed && linked.controller().closed; });
  EXPECT_EQ(linked.controller().closed->code, 0) << linked.controller().closed->text;
  EXPECT_EQ(linked.host.closed->origin, WEFT_ORIGIN_PEER);
}

TEST(Life, WhatWasQueuedGoesBeforeACloseThatFlushes) {
  World world;
  Linked linked(world);
  linked.controller().on_command = [&](std::uint64_t token) {
    EXPECT_EQ(linked.controller().respond(token), 0);
    EXPECT_EQ(linked.controller().release(token), 0);
    linked.controller().close(WEFT_CLOSE_FLUSH, world.now + 1'000'000'000);
  };
  linked.host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return linked.host.closed.has_value(); });
  EXPECT_TRUE(linked.host.responses[1].cqe) << "the response was queued before close";
}

TEST(Life, TellsItsLimits) {
  World world;
  Linked linked(world, params(32, false, 4096), params(32, false, 4096));
  for (const auto& limits : {linked.host.limits, linked.controller().limits}) {
    EXPECT_NE(limits->caps & WEFT_CAP_SGL_KEYED, 0u);
    EXPECT_GE(limits->max_transfer, 128u << 10);
  }
  EXPECT_GE(linked.controller().limits->max_in_capsule, 4096u);
  EXPECT_NE(linked.host.limits->caps & WEFT_CAP_REMOTE_INVALIDATE, 0u) << "the model has windows";
}

TEST(Life, SaysNothingOfInvalidationWhereTheDeviceHasNoWindows) {
  World world({.host = traits_with([](Traits& traits) { traits.attributes.windows = false; }), .controller = {}});
  Linked linked(world);
  EXPECT_EQ(linked.host.limits->caps & WEFT_CAP_REMOTE_INVALIDATE, 0u);
}

TEST(Life, AnEmptyTransportIsIdle) {
  World world;
  Linked linked(world);
  world.settle();
  int fd = -1;
  std::uint64_t deadline = 0;
  EXPECT_EQ(world.table.group_arm(world.host_group, &fd, &deadline), 0);
  EXPECT_EQ(world.table.group_arm(world.controller_group, &fd, &deadline), 0);
}

TEST(Life, PortZeroIsAPortThatIsReported) {
  World world;
  const Where anywhere("0.0.0.0", "0");
  Server server(world, params(32, true), anywhere);
  ASSERT_EQ(server.rc, 0) << server.error.text;
  weft_listener_info info{};
  info.size = sizeof info;
  world.table.listener_info(server.handle, &info);
  EXPECT_NE(std::string(info.trsvcid), "0");
  const Where where(kControllerAddress, info.trsvcid);
  HostQueue host(world, where, params(32, true));
  world.run_until([&] { return host.limits.has_value(); });
}

TEST(Life, ConnectsOverIpv6) {
  World world;
  const Where where("2001:db8::2", "4420");
  Server server(world, params(32, true), where);
  ASSERT_EQ(server.rc, 0) << server.error.text;
  HostQueue host(world, where, params(32, true));
  world.run_until([&] { return host.limits.has_value(); });
  weft_qpair_info info{};
  info.size = sizeof info;
  world.table.qpair_info(host.handle, &info);
  EXPECT_STREQ(info.peer, "2001:db8::2");
  EXPECT_STREQ(info.peer_trsvcid, "4420");
  EXPECT_STREQ(info.local, "2001:db8::1");
}

TEST(Life, AWildcardListensInItsFamilyAndAStarInBoth) {
  struct Row {
    const char* listens;
    bool four, six;
  };
  for (const auto& [listens, four, six] : {Row{"0.0.0.0", true, false}, Row{"::", false, true}, Row{"*", true, true}}) {
    World world;
    const Where anywhere(listens, "4420");
    Server server(world, params(32, true), anywhere);
    ASSERT_EQ(server.rc, 0) << server.error.text;
    for (const bool over_six : {false, true}) {
      const Where where(over_six ? "2001:db8::2" : kControllerAddress, "4420");
      HostQueue host(world, where, params(32, true));
      world.run_until([&] { return host.limits || host.closed; });
      EXPECT_EQ(host.limits.has_value(), over_six ? six : four) << listens << (over_six ? " over IPv6" : " over IPv4");
    }
  }
}

TEST(Life, ALinkLocalAddressNeedsItsInterface) {
  World world;
  const Where where("fe80::1", "4420");
  HostQueue host(world, where, params(32, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_EQ(host.closed->code, -EINVAL);
  EXPECT_THAT(host.closed->text, HasSubstr("write fe80::1%INTERFACE"));
  Where from("2001:db8::2", "4420");
  from.from("fe80::2");
  const HostQueue source(world, from, params(32, true));
  EXPECT_THAT(source.error.text, HasSubstr("write fe80::2%INTERFACE"));
  const Server server(world, params(32, true), where);
  EXPECT_EQ(server.rc, -EINVAL);
  EXPECT_THAT(server.error.text, HasSubstr("write fe80::1%INTERFACE"));
}

TEST(Life, AWildcardTakesNoInterface) {
  World world;
  const Where where("::%lo", "4420");
  const Server server(world, params(32, true), where);
  EXPECT_EQ(server.rc, -EINVAL);
  EXPECT_THAT(server.error.text, HasSubstr("'::%lo' names every address"));
}

TEST(Life, AnAddressThatNoDeviceHasIsSaidInASentenceWithThoseThatThereAre) {
  World world;
  const Where where("192.0.2.7", "4420");
  const Server server(world, params(32, true), where);
  ASSERT_NE(server.rc, 0);
  EXPECT_THAT(server.error.text, HasSubstr("192.0.2.7"));
  EXPECT_THAT(server.error.text, HasSubstr("model0 192.0.2.2"));
}

TEST(Life, ManyConnectionsLeaveNothing) {
  World world;
  Server server(world, params(8, true));
  for (int i = 0; i < 250; ++i) {
    HostQueue host(world, Where(), params(8, true));
    world.run_until([&] { return host.limits.has_value(); });
    host.send(core_sqe(kFlush, 1));
    world.run_until([&] { return host.answered(1); });
    host.close();
    world.run_until([&] { return host.closed && server.only().closed; });
    server.queues.clear();
    ASSERT_EQ(world.host.record.alive(Kind::kQueuePair), 0u);
    ASSERT_LE(world.host.record.alive(Kind::kCompletionQueue), 1u) << "shared, and never more";
  }
}

}  // namespace
}  // namespace weft::rdma::model

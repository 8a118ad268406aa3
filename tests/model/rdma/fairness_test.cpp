// Hosts that take nothing of what is sent to them, beside one that does: what they hold of the controller's staged memory
// keeps nobody else waiting, and they are ended in time. A link that is out for a while ends nobody.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;

constexpr std::uint16_t kDepth = 8;
constexpr std::uint32_t kMi = 1U << 20;
constexpr std::uint64_t kSecond = 1'000'000'000;

// `count` hosts that post no receives, each with `kDepth` commands of 1 MiB.
struct Takers {
  Takers(World& in, std::size_t count) : world(in) {
    world.forgives = true;  // requests of theirs are lost with them
    for (std::size_t i = 0; i < count; ++i) {
      RawPeer& bad = *hosts.emplace_back(std::make_unique<RawPeer>(world.host));
      bad.receives = 0;
      bad.private_data = RequestData{.qid = 1, .host_receives = kDepth, .host_sends = kDepth - 1}.bytes();
      world.each_turn.push_back([&bad] { bad.poll(); });
      bad.connect(kControllerAddress, kPort);
      world.run_until([&] { return bad.established; });
    }
  }
  ~Takers() {
    world.each_turn.clear();
    for (const auto& host : hosts) host->leave();
  }
  void ask(std::uint8_t opcode) {
    for (const auto& host : hosts)
      for (std::uint16_t cid = 0; cid < kDepth; ++cid)
        host->send(keyed_sqe(opcode, cid, host->address(), kMi, host->rkey()));
    world.settle();
  }
  World& world;
  std::vector<std::unique_ptr<RawPeer>> hosts;
};

struct FairnessTest : testing::TestWithParam<bool> {
  FairnessTest() : server(world, params(kDepth, false)) {}
  // With memory of the core's that is registered, or staged.
  void SetUp() override { server.registered = GetParam(); }
  void expect_served(std::uint64_t within) {
    HostQueue good(world, Where(), params(kDepth, false));
    world.run_until([&] { return good.limits || good.closed; });
    ASSERT_TRUE(good.limits) << good.closed->text;
    Buffer buffer(world, world.host_domain, kMi, false);
    const std::uint64_t began = world.now;
    for (int i = 0; i < 8; ++i) {
      good.read(1, 0, buffer, i % 2 == 0 ? 4096 : kMi);
      world.run_until([&] { return good.answered(1); }, "the read of a host that takes what it asks for");
      EXPECT_EQ(good.responses[1].error, 0);
    }
    EXPECT_LT(world.now - began, within);
  }
  World world;
  Server server;
};

TEST_P(FairnessTest, HostsThatPostNoReceivesKeepNoReaderWaiting) {
  Takers bad(world, 4);
  bad.ask(kRead);
  EXPECT_NE(world.controller.record.counts.rnr, 0u);
  expect_served(kSecond);
}

TEST_P(FairnessTest, HostsWhoseWritesStandBehindResponsesKeepNoReaderWaiting) {
  Takers bad(world, 4);
  bad.ask(kFlush);
  bad.ask(kWrite);
  expect_served(kSecond);
}

TEST_P(FairnessTest, HostsThatPostNoReceivesAreEndedWithASentence) {
  Takers bad(world, 4);
  bad.ask(kRead);
  world.time_passes = true;
  const std::uint64_t began = world.now;
  world.run_until([&] { return server.all_over(); }, "their end");
  EXPECT_LT(world.now - began, 20 * kSecond);
  for (const auto& queue : server.queues) {
    EXPECT_EQ(queue->closed->code, -ETIMEDOUT);
    EXPECT_THAT(queue->closed->text,
                HasSubstr("took nothing of what was sent to it for 10000 ms: it posts no receives"));
    EXPECT_EQ(queue->outstanding, 0);
  }
}

TEST_P(FairnessTest, TwoSecondsWithoutAPacketEndNoConnection) {
  HostQueue host(world, Where(), params(kDepth, false));
  world.run_until([&] { return host.limits.has_value(); });
  Buffer buffer(world, world.host_domain, kMi, false);
  for (std::uint16_t cid = 0; cid < 4; ++cid) host.read(cid, 0, buffer, 65536);
  for (int i = 0; i < 3; ++i) world.turn();
  world.fabric.cut = true;
  for (int i = 0; i < 20; ++i) {
    world.settle();
    world.advance(kSecond / 10);
  }
  world.fabric.cut = false;
  world.run_until([&] { return host.outstanding == 0; });
  EXPECT_FALSE(host.closed);
  for (std::uint16_t cid = 0; cid < 4; ++cid) EXPECT_EQ(host.responses[cid].error, 0);
}

INSTANTIATE_TEST_SUITE_P(Memory, FairnessTest, testing::Bool(),
                         [](const auto& each) { return std::string(each.param ? "Registered" : "Staged"); });

TEST(Fairness, AHostThatIsIdleIsNotEndedForThat) {
  World world;
  Linked linked(world, params(kDepth, false), params(kDepth, false));
  linked.host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return linked.host.answered(1); });
  world.settle();
  world.advance(60 * kSecond);
  world.settle();
  EXPECT_FALSE(linked.controller().closed);
  int fd = -1;
  std::uint64_t deadline = 1;
  EXPECT_EQ(world.table.group_arm(world.controller_group, &fd, &deadline), 0);
  EXPECT_EQ(deadline, 0u) << "and its thread sleeps";
}

}  // namespace
}  // namespace weft::rdma::model

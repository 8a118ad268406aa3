// One flipped bit on the wire, in every kind of data and in a header, both ways: with digests on it never goes
// unnoticed, and a bad data digest costs that command alone.
#include "world.hpp"

namespace weft::test {
namespace {

constexpr std::uint16_t kTransient = 0x0022;

class DigestError : public ::testing::Test {
 protected:
  void connect(const weft_qpair_params& io) {
    joined.emplace(world, Options{{"hdgst", "on"}, {"ddgst", "on"}},
                   Options{{"maxh2cdata", "4096"}, {"maxc2hdata", "4096"}}, io, io);
    ASSERT_EQ(world.table.configure(controller().handle, &io, nullptr), 0);
  }
  ControllerQueue& controller() { return joined->controller(); }
  HostQueue& host() { return joined->host; }
  void expect_still_good() {
    const Bytes data = pattern(10000, 77);
    Bytes back(10000);
    ASSERT_EQ(host().send(make_sqe(kWrite, 9, 500), &data), 0);
    world.run_until([&] { return host().answered(9); });
    ASSERT_EQ(host().send(make_sqe(kRead, 9, 500), nullptr, &back), 0);
    world.run_until([&] { return host().answered(9); });
    EXPECT_EQ(back, data);
    EXPECT_FALSE(host().closed || controller().closed);
  }
  weft_stats stats_of(weft_qpair* queue) {
    weft_stats stats{};
    stats.size = sizeof stats;
    world.table.qpair_stats(queue, &stats);
    return stats;
  }
  World world;
  std::optional<Joined> joined;
};

TEST_F(DigestError, InCapsuleDataNeverReachesTheCommand) {
  connect(params(16, false, 4096));
  const Bytes data = pattern(4096, 1);
  joined->wire.to_controller.flips[joined->wire.to_controller.moved + 76 + 2000] = 0x10;
  ASSERT_EQ(host().send(make_sqe(kWrite, 1, 0), &data), 0);
  world.run_until([&] { return host().answered(1); });
  EXPECT_EQ(status_of(*host().responses[1].cqe), kTransient);
  const ControllerQueue::Command& command = controller().commands[controller().order[0]];
  EXPECT_EQ(command.told.status, kTransient);
  EXPECT_EQ(command.told.capsule_data, nullptr);
  EXPECT_EQ(command.told.flags & WEFT_DATA_COMPLETE, 0u);
  EXPECT_EQ(controller().memory, Bytes(ControllerQueue::kMemory));
  EXPECT_EQ(stats_of(controller().handle).digest_errors, 1u);
  expect_still_good();
}

TEST_F(DigestError, H2cDataFailsTheDataCallAndTheRestIsStillTaken) {
  connect(params(16, false, 0));
  const Bytes data = pattern(20000, 2);
  // The second H2CData of five.
  joined->wire.to_controller.flips[joined->wire.to_controller.moved + 76 + (28 + 4096 + 4) + 28 + 100] = 0x01;
  ASSERT_EQ(host().send(make_sqe(kWrite, 1, 0), &data), 0);
  world.run_until([&] { return host().answered(1); });
  EXPECT_EQ(status_of(*host().responses[1].cqe), kTransient);
  const ControllerQueue::Data& told = controller().data.begin()->second;
  EXPECT_EQ(told.error, -EBADMSG);
  EXPECT_EQ(told.status, kTransient);
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(controller().memory, Bytes(ControllerQueue::kMemory));
  expect_still_good();
}

TEST_F(DigestError, C2hDataFailsTheCommandOnTheHost) {
  connect(params(16, false, 0));
  Bytes back(20000);
  joined->wire.to_host.flips[joined->wire.to_host.moved + 28 + 50] = 0x80;
  ASSERT_EQ(host().send(make_sqe(kRead, 1, 0), nullptr, &back), 0);
  world.run_until([&] { return host().answered(1); });
  EXPECT_EQ(host().responses[1].error, -EBADMSG);
  EXPECT_EQ(host().responses[1].times, 1);
  EXPECT_LT(host().responses[1].moved, 20000u);
  EXPECT_EQ(stats_of(host().handle).digest_errors, 1u);
  expect_still_good();
}

TEST_F(DigestError, TheDigestItselfCountsToo) {
  connect(params(16, false, 4096));
  const Bytes data = pattern(512, 3);
  joined->wire.to_controller.flips[joined->wire.to_controller.moved + 76 + 512 + 3] = 0x80;
  ASSERT_EQ(host().send(make_sqe(kWrite, 1, 0), &data), 0);
  world.run_until([&] { return host().answered(1); });
  EXPECT_EQ(status_of(*host().responses[1].cqe), kTransient);
  expect_still_good();
}

TEST_F(DigestError, AHeaderEndsTheConnectionWithFes3BothWays) {
  for (const bool from_host : {true, false}) {
    World other;
    const weft_qpair_params io = params(16, false, 4096);
    Joined both(other, {{"hdgst", "on"}}, {}, io, io);
    Wire::Way& way = from_host ? both.wire.to_controller : both.wire.to_host;
    way.flips[way.moved + 12] = 0x04;
    ASSERT_EQ(both.host.send(make_sqe(kFlush, 1)), 0);
    other.run_until([&] { return both.host.closed && both.controller().closed; });
    const Closed& found = from_host ? *both.controller().closed : *both.host.closed;
    const Closed& was_told = from_host ? *both.host.closed : *both.controller().closed;
    EXPECT_EQ(found.origin, WEFT_ORIGIN_PROTOCOL);
    EXPECT_EQ(found.detail >> 16, 3u);
    EXPECT_EQ(was_told.origin, WEFT_ORIGIN_PEER);
    EXPECT_EQ(was_told.detail, found.detail);
    EXPECT_LT(both.host.responses[1].error, 0);
  }
}

// Memory that changes while it is sent cannot make a digest that does not fit: over a wire that takes little at a time,
// a large read is sent in many parts, and the memory changes between them.
TEST_F(DigestError, NoneWhenTheMemoryChangesWhileItIsSent) {
  joined.emplace(world, Options{{"ddgst", "on"}}, Options{{"maxc2hdata", "1048576"}}, params(4, false),
                 params(4, false));
  joined->wire.chunk = 1500;
  Bytes source = pattern(1u << 20, 4), back(1u << 20);
  controller().on_command = [&](std::uint64_t token) {
    const Cqe cqe = make_cqe(1);
    ASSERT_EQ(controller().send(token, 0, source.data(), source.size(), 5, &cqe), 0);
  };
  ASSERT_EQ(host().send(make_sqe(kRead, 1, 0), nullptr, &back), 0);
  std::uint8_t turn = 0;
  world.run_until([&] {
    ++turn;
    for (std::size_t i = 0; i < source.size(); i += 512) source[i] = static_cast<std::byte>(turn);
    return host().answered(1);
  });
  EXPECT_EQ(host().responses[1].error, 0);
  EXPECT_EQ(host().responses[1].moved, back.size());
}

}  // namespace
}  // namespace weft::test

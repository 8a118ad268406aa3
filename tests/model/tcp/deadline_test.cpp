// Every wait ends: with a clock that the test moves.
#include "world.hpp"

namespace weft::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(Deadline, OfTheHandshakeOnTheController) {
  World world;
  RawPeer peer(world);
  Server server(world, Where(peer.other_fd), params(8, true));
  world.settle();
  ASSERT_EQ(server.queues.size(), 1u);
  world.advance(9 * kSecond);
  world.settle();
  EXPECT_FALSE(server.queues[0]->closed);
  world.advance(2 * kSecond);
  world.settle();
  ASSERT_TRUE(server.queues[0]->closed);
  EXPECT_EQ(server.queues[0]->closed->code, -ETIMEDOUT);
  EXPECT_EQ(server.queues[0]->closed->stage, "icreq");
  EXPECT_TRUE(peer.at_end());
}

TEST(Deadline, OfTheHandshakeOnTheHostAndOfItsCaller) {
  for (const std::uint64_t given : {std::uint64_t{0}, 3 * kSecond}) {
    World world;
    RawPeer peer(world);
    weft_qpair_params with = params(8, true);
    if (given != 0) with.deadline_ns = world.now + given;
    HostQueue host(world, Where(peer.other_fd), with);
    peer.expect(128);
    int fd = -1;
    std::uint64_t armed = 0;
    EXPECT_EQ(world.table.group_arm(world.host_group, &fd, &armed), 0);
    EXPECT_EQ(armed, world.now + (given != 0 ? given : 10 * kSecond));
    world.advance((given != 0 ? given : 10 * kSecond) + 1);
    world.settle();
    ASSERT_TRUE(host.closed);
    EXPECT_EQ(host.closed->code, -ETIMEDOUT);
    EXPECT_EQ(host.closed->stage, "icreq");
  }
}

TEST(Deadline, OfTheRestOfAPdu) {
  World world;
  RawPeer peer(world);
  Server server(world, Where(peer.other_fd, {{"pdu_timeout", "5000000000"}}), params(8, true));
  peer.send(ic_req());
  peer.expect(128);
  world.advance(100 * kSecond);
  world.settle();
  EXPECT_FALSE(server.queues[0]->closed) << "an idle connection has no deadline";
  Bytes part(30);
  part[0] = std::byte{4};
  part[2] = std::byte{72};
  store(part.data() + 4, le32(72u));
  peer.send(part);
  world.settle();
  for (int i = 0; i < 4; ++i) {  // one more byte now and then does not help
    world.advance(kSecond);
    peer.send(Bytes(1));
    world.settle();
    EXPECT_FALSE(server.queues[0]->closed);
  }
  world.advance(kSecond + 1);
  world.settle();
  ASSERT_TRUE(server.queues[0]->closed);
  EXPECT_EQ(server.queues[0]->closed->code, -ETIMEDOUT);
}

TEST(Deadline, OfAPeerThatDoesNotCloseAfterATermReq) {
  World world;
  RawPeer peer(world);
  Server server(world, Where(peer.other_fd, {{"close_timeout", "500000000"}}), params(8, true));
  peer.send(ic_req());
  peer.expect(128);
  Bytes bad(8);
  bad[0] = std::byte{0x7e};
  peer.send(bad);
  const Bytes term = peer.expect(32);
  EXPECT_EQ(term[0], std::byte{3});
  EXPECT_FALSE(server.queues[0]->closed);
  world.advance(kSecond);
  world.settle();
  ASSERT_TRUE(server.queues[0]->closed);
  EXPECT_EQ(server.queues[0]->closed->origin, WEFT_ORIGIN_PROTOCOL);
  EXPECT_TRUE(peer.at_end());
}

TEST(Deadline, OfAPeerThatDoesNotEvenShakeHandsIsShort) {
  World world;
  RawPeer peer(world);
  Server server(world, Where(peer.other_fd, {{"close_timeout", "30000000000"}}), params(8, true));
  peer.send(Bytes(128, std::byte{'S'}));
  world.settle();
  EXPECT_FALSE(server.queues[0]->closed);
  world.advance(kSecond);
  world.settle();
  ASSERT_TRUE(server.queues[0]->closed);
  EXPECT_EQ(server.queues[0]->closed->origin, WEFT_ORIGIN_PROTOCOL);
}

TEST(Deadline, OfAFlushWhosePeerDoesNotRead) {
  World world;
  Joined joined(world);
  Bytes back(3u << 20);
  joined.wire.chunk = 0;  // nothing moves any more
  joined.controller().on_command = [](std::uint64_t) {};
  joined.wire.chunk = 65536;
  ASSERT_EQ(joined.host.send(make_sqe(kRead, 1), nullptr, &back), 0);
  world.run_until([&] { return joined.controller().held == 1; });
  const std::uint64_t token = joined.controller().order[0];
  Bytes data(3u << 20);
  world.between_turns.clear();
  ASSERT_EQ(joined.controller().send(token, 0, data.data(), data.size(), 1), 0);
  world.table.close(joined.controller().handle, WEFT_CLOSE_FLUSH, world.now + 2 * kSecond);
  world.settle();
  EXPECT_FALSE(joined.controller().closed);
  world.advance(3 * kSecond);
  world.settle();
  ASSERT_TRUE(joined.controller().closed);
  EXPECT_EQ(joined.controller().data[1].error, -ECANCELED);
}

TEST(Deadline, NoneIsArmedWhenAllIsIdle) {
  World world;
  Joined joined(world);
  world.settle();
  int fd = -1;
  std::uint64_t at = 1;
  EXPECT_EQ(world.table.group_arm(world.controller_group, &fd, &at), 0);
  EXPECT_EQ(at, 0u);
  EXPECT_GE(fd, 0);
  ASSERT_EQ(joined.host.send(make_sqe(kFlush, 1)), 0);
  EXPECT_EQ(world.table.group_arm(world.host_group, &fd, &at), -EAGAIN) << "there is something to send";
  world.run_until([&] { return joined.host.answered(1); });
}

}  // namespace
}  // namespace weft::test

// Connections that are read without asking epoll first (plugins/tcp/hot_set.hpp): nothing that comes is lost when the group
// goes to sleep, when such a connection goes quiet, or when it ends; and nobody is kept waiting by it.
#include <poll.h>

#include "world.hpp"

namespace weft::test {
namespace {

constexpr int kManyTimes = 300;     // more than it takes to become hot
constexpr int kManyTurns = 10'000;  // more than a hot connection may be quiet

void exchange(World& world, Joined& joined, int times) {
  const Bytes small = pattern(512, 1);
  for (int i = 0; i < times; ++i) {
    ASSERT_EQ(joined.host.send(make_sqe(kWrite, 1, 0), &small), 0);
    for (int turn = 0; turn < 100 && !joined.host.answered(1); ++turn) world.turn();  // run_until() would arm
    ASSERT_TRUE(joined.host.answered(1));
    joined.host.responses.clear();
  }
}

// The descriptor of the controller's group: what the core sleeps on.
int arm(World& world) {
  int fd = -1;
  std::uint64_t deadline = 0;
  EXPECT_EQ(world.table.group_arm(world.controller_group, &fd, &deadline), 0);
  return fd;
}

bool readable(int fd, int milliseconds) {
  pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&asked, 1, milliseconds) == 1;
}

// A command lies in the controller's socket, and its group has not been polled since.
void send_unseen(World& world, Joined& joined, const Bytes& data) {
  ASSERT_EQ(joined.host.send(make_sqe(kWrite, 2, 0), &data), 0);
  world.table.group_poll(world.host_group, 0);
  for (const auto& move : world.between_turns) move();
}

TEST(Hot, WhatComesWakesAGroupThatHasArmed) {
  World world;
  Joined joined(world);
  const int fd = arm(world);
  exchange(world, joined, kManyTimes);
  const Bytes data = pattern(512, 2);
  send_unseen(world, joined, data);
  EXPECT_FALSE(readable(fd, 0)) << "epoll was still asked: the connection is not hot, and this test shows nothing";
  EXPECT_TRUE(readable(arm(world), 10'000));
  world.run_until([&] { return joined.host.answered(2); });
}

TEST(Hot, AConnectionThatWentQuietIsLeftToEpollAgain) {
  World world;
  Joined joined(world);
  const int fd = arm(world);
  exchange(world, joined, kManyTimes);
  for (int i = 0; i < kManyTurns; ++i) world.table.group_poll(world.controller_group, 0);
  const Bytes data = pattern(512, 3);
  send_unseen(world, joined, data);
  EXPECT_TRUE(readable(fd, 10'000));
  world.run_until([&] { return joined.host.answered(2); });
}

TEST(Hot, AConnectionThatIsCutIsTold) {
  World world;
  Joined joined(world);
  exchange(world, joined, kManyTimes);
  joined.wire.cut();
  world.run_until([&] { return joined.host.closed && joined.controller().closed; });
}

TEST(Hot, AnotherConnectionIsReadBesideOneThatAlwaysHasSomething) {
  World world;
  Joined busy(world), other(world);
  exchange(world, busy, kManyTimes);
  const Bytes small = pattern(512, 4);
  bool running = true;
  busy.host.on_response = [&](std::uint16_t) {
    if (running) {
      EXPECT_EQ(busy.host.send(make_sqe(kWrite, 1, 0), &small), 0);
    }
  };
  ASSERT_EQ(busy.host.send(make_sqe(kWrite, 1, 0), &small), 0);
  ASSERT_EQ(other.host.send(make_sqe(kWrite, 7, 0), &small), 0);
  for (int turn = 0; turn < 1000 && !other.host.answered(7); ++turn) world.turn();
  EXPECT_TRUE(other.host.answered(7));
  running = false;
  world.run_until([&] { return busy.host.outstanding == 0; });
}

}  // namespace
}  // namespace weft::test

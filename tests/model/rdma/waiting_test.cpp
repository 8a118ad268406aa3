// Waiting: no wake-up is lost between the last poll and the sleep, and whoever waits, waits.
#include <poll.h>

#include "queues.hpp"

namespace weft::rdma::model {
namespace {

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

struct WaitingTest : testing::Test {
  WaitingTest() : linked(world) {
    linked.controller().on_command = [this](std::uint64_t token) { held = token; };
    linked.host.send(core_sqe(kFlush, 1));
    world.run_until([this] { return linked.controller().held == 1; });
    world.settle();
  }
  void answer() {
    EXPECT_EQ(linked.controller().respond(held), 0);
    EXPECT_EQ(linked.controller().release(held), 0);
    world.table.group_flush(world.controller_group);
  }
  int arm() { return world.table.group_arm(world.host_group, &fd, &deadline); }
  World world;
  Linked linked;
  std::uint64_t held = 0;
  int fd = -1;
  std::uint64_t deadline = 0;
};

TEST_F(WaitingTest, ACompletionAfterArmingMakesTheDescriptorReadable) {
  ASSERT_EQ(arm(), 0);
  EXPECT_FALSE(readable(fd));
  answer();
  world.fabric.settle();
  EXPECT_TRUE(readable(fd));
  EXPECT_GT(world.table.group_poll(world.host_group, 32), 0);
  EXPECT_TRUE(linked.host.answered(1));
}

TEST_F(WaitingTest, ACompletionBetweenPollAndArmIsFoundByArm) {
  EXPECT_EQ(world.table.group_poll(world.host_group, 32), 0);
  world.host.script.before_arm = [this] {
    world.host.script.before_arm = nullptr;
    answer();
    world.fabric.settle();
  };
  EXPECT_EQ(arm(), -EAGAIN) << "the device will not tell of what was there before";
  EXPECT_GT(world.table.group_poll(world.host_group, 32), 0);
  EXPECT_TRUE(linked.host.answered(1));
}

TEST_F(WaitingTest, WhereAQueueCannotBeArmedNobodySleepsAndItsConnectionsEnd) {
  world.host.script.fail(Call::kArm);
  EXPECT_EQ(arm(), -EAGAIN) << "nothing would wake its thread any more";
  world.run_until([this] { return linked.host.closed.has_value(); });
  EXPECT_NE(linked.host.closed->code, 0);
  EXPECT_EQ(arm(), 0);
}

TEST_F(WaitingTest, AnEventOfTheConnectionManagerMakesTheDescriptorReadable) {
  ASSERT_EQ(arm(), 0);
  linked.controller().close();
  world.table.group_poll(world.controller_group, 32);
  world.fabric.settle();
  EXPECT_TRUE(readable(fd));
}

TEST_F(WaitingTest, ADescriptorThatWasDealtWithIsQuietAgain) {
  ASSERT_EQ(arm(), 0);
  answer();
  world.fabric.settle();
  for (int i = 0; i < 10; ++i) world.table.group_poll(world.host_group, 32);
  for (int i = 0; i < 3 && arm() != 0; ++i) world.table.group_poll(world.host_group, 32);
  ASSERT_EQ(arm(), 0);
  EXPECT_FALSE(readable(fd)) << "or an idle process would spin";
}

// A thread that sleeps whenever it may: it polls only when arm says so, when its descriptor is readable, or at its
// deadline.
class Sleeper {
 public:
  Sleeper(World& world, weft_group* group) : world_(world), group_(group) {}
  // False: it sleeps on.
  bool turn() {
    world_.table.group_flush(group_);
    int fd = -1;
    std::uint64_t deadline = 0;
    const int armed = world_.table.group_arm(group_, &fd, &deadline);
    EXPECT_TRUE(armed == 0 || armed == -EAGAIN) << armed;
    if (armed == 0 && !readable(fd) && (deadline == 0 || world_.now < deadline)) return false;
    EXPECT_GE(world_.table.group_poll(group_, 32), 0);
    return true;
  }

 private:
  World& world_;
  weft_group* const group_;
};

TEST(Sleeping, MissesNothingWhateverComesInTheMiddle) {
  for (std::uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world({.seed = seed, .host = {}, .controller = {}});
    Linked linked(world, params(8, false, 4096), params(8, false, 4096));
    for (Machine* machine : {&world.host, &world.controller})
      machine->script.before_arm = [&] { world.fabric.steps(world.fabric.random(4)); };
    Buffer buffer(world, world.host_domain, 65536, false);
    Sleeper host(world, world.host_group), controller(world, world.controller_group);
    for (std::uint16_t i = 0; i < 12; ++i) {
      linked.host.read(1, 0, buffer, 65536);
      linked.host.send(core_sqe(kFlush, 2));
      int idle = 0;
      while (linked.host.outstanding != 0 && ++idle < 4) {
        if (world.fabric.steps(world.fabric.random(3)) != 0) idle = 0;
        if (host.turn()) idle = 0;
        if (controller.turn()) idle = 0;
        if (idle == 3 && world.fabric.step()) idle = 0;
      }
      ASSERT_EQ(linked.host.outstanding, 0) << "both sleep, and nobody will wake them";
    }
    world.host.script.before_arm = world.controller.script.before_arm = nullptr;
  }
}

}  // namespace
}  // namespace weft::rdma::model

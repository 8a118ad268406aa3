// Devices that differ from what the specification of verbs leads one to expect, as the sources of their drivers and providers
// have it: each serves hosts and controllers, or is refused in words.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kKi = 1024;

// Data of many sizes and pieces, staged and straight, in each direction; it is the same when it comes back.
void expect_data(World& world, HostQueue& host, bool registered) {
  Buffer out(world, world.host_domain, 200 * kKi, registered), in(world, world.host_domain, 200 * kKi, registered);
  for (const std::size_t length : {512U, 4 * kKi, 64 * kKi, 200 * kKi})
    for (const std::size_t pieces : {1U, 3U, 7U}) {
      out.bytes = pattern(200 * kKi, length + pieces);
      EXPECT_EQ(host.write(1, 0, out, length, pieces), 0);
      world.run_until([&] { return host.answered(1); });
      EXPECT_EQ(host.read(2, 0, in, length, pieces), 0);
      world.run_until([&] { return host.answered(2); });
      EXPECT_EQ(host.responses[2].error, 0);
      EXPECT_TRUE(
          std::equal(in.bytes.begin(), in.bytes.begin() + static_cast<std::ptrdiff_t>(length), out.bytes.begin()))
          << length << " bytes in " << pieces;
    }
}

struct OddDevicesTest : testing::TestWithParam<bool> {
  void serve(World& world, std::uint32_t depth = 16) const {
    Linked linked(world, params(depth, false, 4096, 16), params(depth, false, 4096, 16), GetParam());
    ASSERT_TRUE(linked.host.limits) << linked.host.closed->text;
    expect_data(world, linked.host, GetParam());
  }
};

// ---- windows -------------------------------------------------------------------------------------------------------

TEST_P(OddDevicesTest, ADeviceThatAdvertisesWindowsAndMakesNoneServesWithoutThem) {
  const Traits none = traits_with([](Traits& traits) { traits.most_windows = 0; });
  World world({.host = none, .controller = none});
  serve(world);
  EXPECT_EQ(world.host.script.count(Call::kMakeWindow), 1u) << "it is asked once";
  serve(world);
  EXPECT_EQ(world.host.script.count(Call::kMakeWindow), 1u);
  EXPECT_EQ(world.host.record.counts.binds, 0u);
  EXPECT_THAT(world.logged, Contains(HasSubstr("says that it has memory windows and makes none")));
  EXPECT_THAT(world.warned, IsEmpty());
}

TEST(OddDevices, AHostWithoutWindowsDoesNotClaimThatItsKeysEnd) {
  World world({.host = traits_with([](Traits& traits) { traits.most_windows = 0; }), .controller = {}});
  Linked linked(world);
  EXPECT_EQ(linked.host.limits->caps & WEFT_CAP_REMOTE_INVALIDATE, 0u);
}

TEST(OddDevices, WindowsAreMadeAFewInATurn) {
  constexpr std::uint32_t kDeep = 256, kFew = 17;
  World world;
  Linked linked(world, params(kDeep, false, 4096, 16), params(kDeep, false, 4096, 16));
  const Script& script = world.host.script;
  std::uint64_t before = script.count(Call::kMakeWindow);
  EXPECT_LT(before, kDeep);
  for (int turns = 0; turns < 60; ++turns) {
    world.turn();
    EXPECT_LE(script.count(Call::kMakeWindow) - before, kFew);
    before = script.count(Call::kMakeWindow);
  }
  EXPECT_GE(world.host.record.alive(Kind::kWindow), kDeep);
}

// Commands are sent as soon as the queue is ready, more of them than there are windows then, or ever.
TEST(OddDevices, CommandsWaitForWindowsThatAreNotThereYetOrNeverWillBe) {
  for (const std::uint32_t most : {UINT32_MAX, 40U, 1U}) {
    constexpr std::uint16_t kDeep = 64;
    World world({.host = traits_with([&](Traits& traits) { traits.most_windows = most; }), .controller = {}});
    Linked linked(world, params(kDeep, false, 0, 16), params(kDeep, false, 0, 16));
    ASSERT_TRUE(linked.host.limits) << linked.host.closed->text;
    Buffer straight(world, world.host_domain, 65536, true), staged(world, world.host_domain, 512, false);
    for (int round = 0; round < 3; ++round) {
      for (std::uint16_t cid = 0; cid < kDeep; ++cid)
        EXPECT_EQ(cid % 3 == 0 ? linked.host.read(cid, 0, straight, 65536, 4) : linked.host.write(cid, 0, staged, 512),
                  0);
      world.run_until([&] { return linked.host.outstanding == 0; });
      for (std::uint16_t cid = 0; cid < kDeep; ++cid) EXPECT_EQ(linked.host.responses[cid].error, 0);
    }
    EXPECT_LE(world.host.record.alive(Kind::kWindow), most);
  }
}

// ---- iWARP ---------------------------------------------------------------------------------------------------------

TEST_P(OddDevicesTest, OnIwarpWhatAReadFillsHasTheRightForIt) {
  for (const bool windows : {true, false}) {
    const Traits iwarp = traits_with([&](Traits& traits) {
      traits.attributes.iwarp = true;
      traits.attributes.windows = windows;
      traits.attributes.max_sge_read = 1;
    });
    World world({.host = iwarp, .controller = iwarp});
    world.fabric.pads_private_data = false;
    serve(world);
    EXPECT_NE(world.controller.record.counts.reads, 0u);
  }
}

// The core's memory is in more pieces than that.
TEST(OddDevices, AReadHasNoMoreElementsThanTheDeviceTakes) {
  for (const std::uint32_t most : {1U, 2U}) {
    const Traits few = traits_with([&](Traits& traits) { traits.attributes.max_sge_read = most; });
    World world({.host = few, .controller = few});
    Linked linked(world, params(16, false), params(16, false), true);
    ControllerQueue& queue = linked.controller();
    queue.on_command = [&](std::uint64_t token) {
      queue.commands[token].writes = true;
      const std::vector<weft_iov> pieces = queue.memory.iov(0, 64 * kKi, 4);
      EXPECT_EQ(world.table.receive_data(queue.handle, token, 0, pieces.data(), 4, token, 0), 0);
      ++queue.outstanding;
    };
    Buffer out(world, world.host_domain, 64 * kKi, true);
    out.bytes = pattern(64 * kKi, most);
    EXPECT_EQ(linked.host.write(1, 0, out, 64 * kKi), 0);
    world.run_until([&] { return linked.host.answered(1); });
    EXPECT_EQ(linked.host.responses[1].error, 0);
    EXPECT_TRUE(std::equal(out.bytes.begin(), out.bytes.end(), queue.memory.bytes.begin()));
    EXPECT_EQ(world.controller.record.counts.reads, 4 / most);
  }
}

// ---- queue pairs ---------------------------------------------------------------------------------------------------

// What one send queue of mlx5 may take.
Traits mlx5() {
  return traits_with([](Traits& traits) {
    traits.send_queue_bytes = 2048 * kKi;
    traits.attributes.max_work_requests = 32768;
    traits.attributes.max_completions = 1U << 22;
    traits.attributes.max_sge = 30;
  });
}

TEST_P(OddDevicesTest, AsManyElementsAreAskedForAsAreUsedSoThatDeepQueuesFit) {
  World world({.host = mlx5(), .controller = mlx5(), .options = {.depth = 2048}});
  serve(world, 2048);
  EXPECT_EQ(world.controller.script.count(Call::kMakeQueuePair), 1u);
}

TEST_P(OddDevicesTest, AQueuePairThatTheDeviceRefusesIsAskedForSmaller) {
  World world({.host = mlx5(), .controller = mlx5(), .options = {.depth = 4096}});
  serve(world, 4096);
  EXPECT_GT(world.controller.script.count(Call::kMakeQueuePair), 1u);
}

TEST(OddDevices, ADeviceWithRoomForNoQueuePairSaysSoInItsOwnWords) {
  World world({.host = traits_with([](Traits& traits) { traits.send_queue_bytes = 512; }), .controller = {}});
  world.forgives = true;
  Server server(world, params(16, false));
  HostQueue host(world, Where(), params(16, false));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_THAT(host.closed->text, HasSubstr("a send queue that is too large"));
}

// ---- errors, and ends ----------------------------------------------------------------------------------------------

// Whatever the sign of its errors, the words are the same.
TEST(OddDevices, TheSignOfAnErrorDoesNotMatter) {
  for (const bool positive : {false, true}) {
    const Traits traits = traits_with([&](Traits& odd) { odd.positive_errors = positive; });
    for (const Call call : {Call::kPostSend, Call::kPostReceive}) {
      World world({.host = traits, .controller = traits});
      world.forgives = true;
      Linked linked(world);
      world.controller.script.fail(call, 1, EINVAL);
      linked.host.send(core_sqe(kFlush, 1));
      world.run_until([&] { return linked.controller().closed.has_value(); });
      EXPECT_EQ(linked.controller().closed->code, -EIO);
      EXPECT_THAT(linked.controller().closed->text, HasSubstr("the device took no more work: Invalid argument"));
    }
  }
}

TEST(OddDevices, ASharedRingEndsForAnErrorOfEitherSign) {
  World world({.host = {},
               .controller = traits_with([](Traits& traits) { traits.positive_errors = true; }),
               .options = {.srq = ShareReceives::kOn},
               .lockable = 1});
  world.forgives = true;
  Linked linked(world);
  world.controller.script.fail(Call::kPostReceive, 1, ENOMEM);
  linked.host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return linked.controller().closed.has_value(); });
  EXPECT_THAT(linked.controller().closed->text, HasSubstr("no more shared receives: Cannot allocate memory"));
}

TEST(OddDevices, ADeviceThatRefusesInvalidateOfEitherSignIsNotAskedAgain) {
  World world({.host = {}, .controller = traits_with([](Traits& traits) { traits.positive_errors = true; })});
  world.forgives = true;
  Server server(world, params(16, true));
  Buffer data(world, world.host_domain, 4096, true);
  for (const bool refused : {true, false}) {
    HostQueue host(world, Where(), params(16, true));
    world.run_until([&] { return host.limits && server.queues.back()->limits; });
    if (refused) world.controller.script.fail(Call::kPostSend, 2, EOPNOTSUPP);  // behind the WRITE
    host.read(1, 0, data, 4096);
    world.run_until([&] { return host.answered(1); });
    EXPECT_EQ(host.responses[1].error != 0, refused);
  }
  EXPECT_EQ(world.controller.record.counts.remote_invalidations, 0u);
}

// A drain that never comes is not waited for: no time passes here.
TEST(OddDevices, ADeviceThatRefusesPostsOutsideItsReadyStateEndsAtOnce) {
  const Traits traits = traits_with([](Traits& odd) { odd.posts_only_when_ready = true; });
  World world({.host = traits, .controller = traits});
  world.forgives = true;  // what was posted is deleted with its queue pair
  Linked linked(world, params(16, false), params(16, false));
  Buffer data(world, world.host_domain, 65536, true);
  linked.host.write(1, 0, data, 65536);
  linked.host.read(2, 65536, data, 65536);
  for (int i = 0; i < 6; ++i) world.turn();
  const std::uint64_t began = world.now;
  linked.host.close();
  world.run_until([&] { return linked.host.closed && linked.controller().closed; });
  EXPECT_LT(world.now - began, 1'000'000'000u);
  EXPECT_EQ(linked.host.outstanding, 0);
  EXPECT_THAT(world.warned, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Memory, OddDevicesTest, testing::Bool(),
                         [](const auto& each) { return std::string(each.param ? "Registered" : "Staged"); });

}  // namespace
}  // namespace weft::rdma::model

// Queue pairs of a controller that share their receives: more of them in less memory, and no slot is lost or given twice,
// whatever becomes of whose capsule lies in it.
#include <tuple>
#include <utility>

#include "plugins/rdma/agree.hpp"
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kDepth = 8, kInCapsule = 4096;
constexpr std::uint64_t kMi = 1U << 20;

weft_qpair_params small() { return params(kDepth, false, kInCapsule); }

// A ring of kLeastSharedSlots; a completion queue has room for some of those.
Setting scarce(HalfFilled half_filled = HalfFilled::kNone) {
  return {.host = {},
          .controller = traits_with([&](Traits& traits) {
            traits.half_filled = half_filled;
            traits.attributes.max_completions = 256;
          }),
          .options = {.srq = ShareReceives::kOn},
          .lockable = 1};
}

struct SharedTest : testing::Test {
  explicit SharedTest(const Setting& setting = scarce()) : world(setting), server(world, small()) {}
  HostQueue& add_host() {
    hosts.push_back(std::make_unique<HostQueue>(world, Where(), small()));
    HostQueue& host = *hosts.back();
    world.run_until([&] { return host.closed || (host.limits && server.queues.back()->limits); });
    EXPECT_TRUE(host.limits) << host.closed->text;
    return host;
  }
  // Both ends of the first queue pair, and another one that keeps the ring.
  void add_two() {
    add_host();
    add_host();
  }
  ControllerQueue& first() { return *server.queues.front(); }
  void hold_commands() {
    for (const auto& queue : server.queues) queue->on_command = [](std::uint64_t) {};
  }
  [[nodiscard]] std::uint64_t posted() const { return world.controller.record.counts.shared_receives; }
  void expect_all_posted() {
    world.run_until([&] { return posted() == kLeastSharedSlots; }, "every slot posted");
    world.settle();
    EXPECT_EQ(posted(), kLeastSharedSlots);
  }
  void expect_served(HostQueue& host, std::uint64_t seed) {
    Buffer out(world, world.host_domain, 4096, false), in(world, world.host_domain, 4096, false);
    out.bytes = pattern(4096, seed);
    EXPECT_EQ(host.write(1, 0, out, 4096), 0);
    world.run_until([&] { return host.answered(1); });
    EXPECT_EQ(host.read(2, 0, in, 4096), 0);
    world.run_until([&] { return host.answered(2); });
    EXPECT_EQ(in.bytes, out.bytes);
  }

  World world;
  Server server;
  std::vector<std::unique_ptr<HostQueue>> hosts;
};

// ---- memory --------------------------------------------------------------------------------------------------------

// As an ordinary user: how many queues of 128 entries a controller lets in, of 32.
std::size_t let_in(ShareReceives srq) {
  constexpr std::uint64_t kUsual = 8 * kMi;
  World world({.host = {},
               .controller = traits_with([](Traits& traits) { traits.max_locked = kUsual; }),
               .options = {.srq = srq, .staging = kMi},
               .lockable = kUsual});
  const weft_qpair_params usual = params(128, false, kInCapsule);
  Server server(world, usual);
  std::vector<std::unique_ptr<HostQueue>> hosts;
  std::size_t ready = 0;
  for (int i = 0; i < 32; ++i) {
    hosts.push_back(std::make_unique<HostQueue>(world, Where(), usual));
    HostQueue& host = *hosts.back();
    world.run_until([&] { return host.limits || host.closed; });
    if (!host.limits) continue;
    ++ready;
    Buffer out(world, world.host_domain, 4096, false);
    EXPECT_EQ(host.write(1, 0, out, 4096), 0);
    world.run_until([&] { return host.answered(1); });
    EXPECT_EQ(host.responses[1].moved, 4096u);
  }
  EXPECT_LE(world.controller.record.counts.most_registered, kUsual);
  return ready;
}

TEST(SharedMemory, AnOrdinaryUsersLimitHoldsManyQueuesThatShare) {
  EXPECT_LT(let_in(ShareReceives::kOff), 16u);
  EXPECT_EQ(let_in(ShareReceives::kOn), 32u);
  EXPECT_EQ(let_in(ShareReceives::kAuto), 32u);
}

TEST(SharedMemory, AutoSharesOnlyWhatGoesBeyondAnEighth) {
  World world({.host = {}, .controller = {}, .lockable = 8 * 3 * kDepth * (64 + kInCapsule)});
  Server server(world, small());
  std::vector<std::unique_ptr<HostQueue>> hosts;
  for (const std::uint64_t shared : {0U, 0U, 0U, 1U, 1U}) {
    HostQueue& host = *hosts.emplace_back(std::make_unique<HostQueue>(world, Where(), small()));
    world.run_until([&] { return host.limits.has_value(); });
    EXPECT_EQ(world.controller.record.alive(Kind::kSharedReceives), shared);
  }
  hosts.erase(hosts.begin());  // there is room again
  world.run_until([&] { return server.queues.front()->closed.has_value(); });
  world.settle();
  hosts.push_back(std::make_unique<HostQueue>(world, Where(), small()));
  world.run_until([&] { return hosts.back()->limits.has_value(); });
  hosts.erase(hosts.begin() + 2, hosts.begin() + 4);  // those that shared
  world.run_until([&] { return server.queues[3]->closed && server.queues[4]->closed; });
  world.settle();
  EXPECT_EQ(world.controller.record.alive(Kind::kSharedReceives), 0u) << "the ring went with the last of them";
}

TEST(SharedMemory, ADeviceThatHasNoneIsSaidOnlyWhereTheyWereAskedFor) {
  for (const ShareReceives srq : {ShareReceives::kAuto, ShareReceives::kOn}) {
    World world({.host = {},
                 .controller = traits_with([](Traits& traits) { traits.attributes.max_shared_receives = 0; }),
                 .options = {.srq = srq},
                 .lockable = 1});
    Server server(world, small());
    HostQueue host(world, Where(), small());
    world.run_until([&] { return host.limits || host.closed; });
    EXPECT_EQ(host.limits.has_value(), srq == ShareReceives::kAuto);
    const std::string said = server.only().error.text;
    EXPECT_EQ(said, srq == ShareReceives::kOn ? "the device model0 has no shared receive queues" : "");
  }
}

TEST(SharedMemory, WhereLittleCanBeLockedTheRingIsSmaller) {
  constexpr std::uint64_t kSlot = 64 + kInCapsule;
  World world({.host = {},
               .controller = traits_with([](Traits& traits) { traits.max_locked = kMi + 40 * kSlot; }),
               .options = {.srq = ShareReceives::kOn, .staging = kMi}});
  Server server(world, small());
  HostQueue host(world, Where(), small());
  world.run_until([&] { return host.limits || host.closed; });
  ASSERT_TRUE(host.limits) << host.closed->text;
  EXPECT_GE(world.controller.record.counts.shared_receives, kLeastSharedSlots);
  EXPECT_LE(world.controller.record.counts.shared_receives, 40u);
}

// ---- slots ---------------------------------------------------------------------------------------------------------

TEST_F(SharedTest, OnlyACapsuleWithDataKeepsItsSlotAndUntilItIsAnswered) {
  HostQueue& host = add_host();
  hold_commands();
  host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return first().held == 1; });
  expect_all_posted();
  EXPECT_EQ(first().commands[first().order[0]].sqe[0], std::byte{kFlush});
  Buffer data(world, world.host_domain, 4096, false);
  host.write(2, 0, data, 4096);
  world.run_until([&] { return first().held == 2; });
  world.settle();
  EXPECT_EQ(posted(), kLeastSharedSlots - 1);
  EXPECT_EQ(first().respond(first().order[1]), 0);
  expect_all_posted();
  for (const std::uint64_t token : std::vector(first().order)) EXPECT_EQ(first().release(token), 0);
}

TEST_F(SharedTest, ARingThatIsEmptyIsWaitedForAndNothingIsLost) {
  constexpr std::size_t kHosts = 4;
  for (std::size_t i = 0; i < kHosts; ++i) add_host();
  hold_commands();
  std::vector<std::unique_ptr<Buffer>> data;
  for (std::size_t i = 0; i < kHosts * kDepth; ++i) {
    data.push_back(std::make_unique<Buffer>(world, world.host_domain, 4096, false));
    data.back()->bytes = pattern(4096, i);
    const auto cid = static_cast<std::uint16_t>(i % kDepth);
    EXPECT_EQ(hosts[i / kDepth]->write(cid, cid * 4096U, *data.back(), 4096), 0);
  }
  world.settle();
  EXPECT_EQ(posted(), 0u);
  EXPECT_NE(world.host.record.counts.rnr, 0u);
  for (const auto& queue : server.queues) {
    queue->on_command = nullptr;
    for (const std::uint64_t token : std::vector(queue->order)) queue->serve(token);
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto cid = static_cast<std::uint16_t>(i % kDepth);
    HostQueue& host = *hosts[i / kDepth];
    world.run_until([&] { return host.answered(cid); });
    EXPECT_EQ(host.responses[cid].error, 0);
    const std::span seen = std::span(server.queues[i / kDepth]->memory.bytes).subspan(cid * 4096U, 4096);
    EXPECT_TRUE(std::ranges::equal(seen, data[i]->bytes)) << i;
  }
  expect_all_posted();
}

TEST_F(SharedTest, WhatIsToldOfAQueuePairThatIsGoneGivesItsSlotBack) {
  add_two();
  hold_commands();
  for (std::uint16_t cid = 0; cid < kDepth; ++cid) hosts[0]->send(core_sqe(kFlush, cid));
  world.table.group_poll(world.host_group, 32);
  world.fabric.settle();  // completions that nobody has polled
  EXPECT_EQ(posted(), kLeastSharedSlots - kDepth);
  world.controller.script.fail(Call::kFail);  // so it is deleted without having been drained
  world.forgives = true;
  first().close();
  world.table.group_poll(world.controller_group, 1);
  EXPECT_EQ(world.controller.record.alive(Kind::kQueuePair), 1u);
  EXPECT_THAT(first().order, IsEmpty());
  expect_all_posted();
  server.queues[1]->on_command = nullptr;
  expect_served(*hosts[1], 7);
}

TEST_F(SharedTest, DataThatTheCoreHoldsStaysWhenItsQueuePairIsGone) {
  add_two();
  hold_commands();
  Buffer data(world, world.host_domain, 4096, false);
  data.bytes = pattern(4096, 3);
  for (const std::uint16_t cid : std::initializer_list<std::uint16_t>{1, 2}) hosts[0]->write(cid, 0, data, 4096);
  world.run_until([&] { return first().held == 2; });
  hosts[0]->close();
  world.run_until([&] { return hosts[0]->closed && first().closed; });
  server.queues[1]->on_command = nullptr;
  for (std::uint64_t i = 0; i < 2 * kLeastSharedSlots; ++i) expect_served(*hosts[1], i);
  for (const std::uint64_t token : first().order) {
    const ControllerQueue::Command& held = first().commands[token];
    EXPECT_EQ(std::memcmp(held.told.capsule_data, data.bytes.data(), 4096), 0);
    EXPECT_EQ(std::memcmp(held.told.sqe, held.sqe.data(), kSqeSize), 0);
  }
  EXPECT_EQ(posted(), kLeastSharedSlots - 2);
  EXPECT_EQ(first().release(first().order[0]), 0);
  world.settle();
  EXPECT_EQ(posted(), kLeastSharedSlots - 1);
  EXPECT_EQ(first().release(first().order[1]), 0);
  expect_all_posted();
}

TEST_F(SharedTest, CapsulesThatWaitForATokenGiveTheirSlotsBackWithTheEnd) {
  add_two();
  hold_commands();
  for (std::uint16_t cid = 0; cid < kDepth; ++cid) hosts[0]->send(core_sqe(kFlush, cid));
  world.run_until([&] { return first().held == kDepth; });
  for (const std::uint64_t token : first().order) EXPECT_EQ(first().respond(token), 0);
  world.run_until([&] { return hosts[0]->outstanding == 0; });
  for (std::uint16_t cid = 0; cid < kDepth; ++cid) hosts[0]->send(core_sqe(kFlush, cid));
  world.settle();
  EXPECT_EQ(posted(), kLeastSharedSlots - kDepth) << "the core has every token";
  first().close();
  world.run_until([&] { return first().closed.has_value(); });
  EXPECT_EQ(first().held, static_cast<int>(kDepth));
  expect_all_posted();
}

TEST_F(SharedTest, WhoSendsTooMuchIsEndedAloneAndItsSlotsComeBack) {
  add_host();
  RawPeer bad(world.host);
  world.forgives = true;
  world.each_turn.push_back([&] { bad.poll(); });
  bad.private_data = RequestData{.qid = 1, .host_receives = kDepth, .host_sends = kDepth - 1}.bytes();
  bad.connect(kControllerAddress, kPort);
  world.run_until([&] { return bad.established && server.queues.size() == 2 && server.queues[1]->limits; });
  ControllerQueue& controller = *server.queues[1];
  controller.on_command = [](std::uint64_t) {};
  const Bytes capsule = in_capsule_sqe(kWrite, 1, 0, 4096, Bytes(4096));
  for (std::uint32_t i = 0; i < kLeastSharedSlots; ++i) EXPECT_EQ(bad.send(capsule), 0);
  world.fabric.settle();  // all of the ring, more than its queue is deep
  EXPECT_EQ(posted(), 0u);
  world.run_until([&] { return controller.closed.has_value(); });
  EXPECT_THAT(controller.closed->text, HasSubstr("more commands under way"));
  for (const std::uint64_t token : std::vector(controller.order)) EXPECT_EQ(controller.release(token), 0);
  expect_all_posted();
  expect_served(*hosts[0], 9);
  world.each_turn.clear();
  bad.leave();
}

TEST_F(SharedTest, ACapsuleThatIsTooLongGivesItsSlotBack) {
  add_host();
  RawPeer bad(world.host);
  world.forgives = true;
  world.each_turn.push_back([&] { bad.poll(); });
  bad.private_data = RequestData{.qid = 1, .host_receives = kDepth, .host_sends = kDepth - 1}.bytes();
  bad.connect(kControllerAddress, kPort);
  world.run_until([&] { return bad.established && server.queues.size() == 2 && server.queues[1]->limits; });
  EXPECT_EQ(bad.send(Bytes(64 + kInCapsule + 64)), 0);
  world.run_until([&] { return server.queues[1]->closed.has_value(); });
  expect_all_posted();
  expect_served(*hosts[0], 4);
  world.each_turn.clear();
  bad.leave();
}

// ---- rings ---------------------------------------------------------------------------------------------------------

struct WearTest : testing::TestWithParam<HalfFilled> {};

TEST_P(WearTest, ARingThatMayHaveLostAQuarterIsReplacedForThoseThatCome) {
  World world(scarce(GetParam()));
  Server server(world, small());
  const auto connect = [&] {
    auto host = std::make_unique<HostQueue>(world, Where(), small());
    world.run_until([&] { return host->limits || host->closed; });
    EXPECT_TRUE(host->limits) << host->closed->text;
    return host;
  };
  std::vector<std::unique_ptr<HostQueue>> stay;
  Buffer data(world, world.host_domain, 4096, false);
  for (int i = 0; i < 120 && !testing::Test::HasFailure(); ++i) {
    if (i % 40 == 0) stay.push_back(connect());  // it keeps its ring
    const auto passes = connect();
    for (std::uint16_t cid = 0; cid < kDepth; ++cid) EXPECT_EQ(passes->write(cid, 0, data, 4096), 0);
    for (std::uint64_t turns = world.fabric.random(30); turns != 0; --turns) world.turn();
    passes->close();
    world.run_until([&] { return passes->closed && server.queues.back()->closed; });
    std::erase_if(server.queues, [](const auto& queue) { return queue->closed && queue->held == 0; });
    EXPECT_LE(world.controller.record.alive(Kind::kSharedReceives), 4u);
  }
  for (const auto& host : stay) {
    host->write(1, 0, data, 4096);
    world.run_until([&] { return host->answered(1); });
  }
  EXPECT_GE(world.controller.record.made(Kind::kSharedReceives), 120u / kLeastSharedSlots);
  EXPECT_EQ(world.controller.record.alive(Kind::kCompletionQueue), 1u) << "places of rings that went are used again";
}

INSTANTIATE_TEST_SUITE_P(Fates, WearTest, testing::Values(HalfFilled::kNone, HalfFilled::kLost, HalfFilled::kFlushed),
                         [](const auto& each) {
                           return std::string(
                               std::array{"None", "Lost", "Flushed"}[static_cast<std::size_t>(each.param)]);
                         });

TEST_F(SharedTest, ADeviceThatTakesNoMoreSharedReceivesEndsThoseOnTheRingAndTheNextHaveAnother) {
  add_two();
  world.controller.script.fail(Call::kPostReceive);
  hosts[0]->send(core_sqe(kFlush, 1));
  world.run_until([&] { return server.all_over(); });
  for (const auto& queue : server.queues) EXPECT_THAT(queue->closed->text, HasSubstr("took no more shared receives"));
  world.run_until([&] { return hosts[0]->closed && hosts[1]->closed; });
  expect_served(add_host(), 5);
}

TEST_F(SharedTest, ADeviceThatGoesIsLetGoWhenTheLastCommandIsReleased) {
  add_two();
  hold_commands();
  world.forgives = true;
  Buffer data(world, world.host_domain, 4096, false);
  hosts[0]->write(1, 0, data, 4096);
  world.run_until([&] { return first().held == 1; });
  Device& device = *world.controller.devices().front();
  device.remove(Device::Removal::kLingers);
  world.run_until([&] { return server.all_over(); });
  world.settle();
  EXPECT_FALSE(device.forgotten) << "the core may still read the capsule";
  EXPECT_EQ(first().release(first().order[0]), 0);
  world.run_until([&] { return device.forgotten; });
}

TEST(SharedRingTest, QueuesOfOneRingMayHaveSeveralCompletionQueues) {
  World few({.host = {},
             .controller = traits_with([](Traits& traits) { traits.attributes.max_completions = 60; }),
             .options = {.srq = ShareReceives::kOn},
             .lockable = 1});
  Server other(few, small());
  std::vector<std::unique_ptr<HostQueue>> all;
  Buffer data(few, few.host_domain, 4096, false);
  for (int i = 0; i < 3; ++i) {
    HostQueue& host = *all.emplace_back(std::make_unique<HostQueue>(few, Where(), small()));
    few.run_until([&] { return host.limits || host.closed; });
    ASSERT_TRUE(host.limits) << host.closed->text;
  }
  EXPECT_EQ(few.controller.record.alive(Kind::kCompletionQueue), 3u);
  EXPECT_EQ(few.controller.record.alive(Kind::kSharedReceives), 1u);
  for (const auto& host : all)
    for (std::uint16_t cid = 0; cid < kDepth; ++cid) EXPECT_EQ(host->write(cid, 0, data, 4096), 0);
  few.run_until([&] { return std::ranges::all_of(all, [](const auto& host) { return host->outstanding == 0; }); });
}

TEST(SharedRingTest, ACompletionQueueWithoutRoomForTheWholeRingIsNotUsedForIt) {
  World world({.host = {},
               .controller = traits_with([](Traits& traits) { traits.attributes.max_completions = 70; }),
               .lockable = 8 * kDepth * (64 + kInCapsule)});
  Server server(world, small());
  std::vector<std::unique_ptr<HostQueue>> hosts;
  for (int i = 0; i < 2; ++i) {  // the first has receives of its own
    HostQueue& host = *hosts.emplace_back(std::make_unique<HostQueue>(world, Where(), small()));
    world.run_until([&] { return host.limits || host.closed; });
    ASSERT_TRUE(host.limits) << host.closed->text;
  }
  EXPECT_EQ(world.controller.record.alive(Kind::kSharedReceives), 1u);
  EXPECT_EQ(world.controller.record.alive(Kind::kCompletionQueue), 2u);
}

}  // namespace
}  // namespace weft::rdma::model

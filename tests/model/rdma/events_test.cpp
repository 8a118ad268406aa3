// What devices tell by themselves: each event reaches those whom it is about, whichever thread's group reads it, and ends no
// others.
#include "queues.hpp"
#include "support/rdma_model/queue_pair.hpp"

namespace weft::rdma::model {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;

Device& device_of(Machine& machine) { return *machine.devices().front(); }

// Numbers of the queue pairs of a machine, in the order in which they were made.
std::vector<std::uint32_t> pairs_of(World& world, const Machine& machine) {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, pair] : world.fabric.queue_pairs)
    if (&pair->machine() == &machine) numbers.push_back(number);
  return numbers;
}

struct EventsTest : testing::Test {
  EventsTest() : server(world, params(16, false)) {
    world.forgives = true;
    for (int i = 0; i < 2; ++i) {
      HostQueue& host = *hosts.emplace_back(std::make_unique<HostQueue>(world, Where(), params(16, false)));
      world.run_until([&] { return host.limits && server.queues.back()->limits; });
    }
  }
  // Devices are asked for events from time to time by a thread that never sleeps.
  void expect_closed(test::ControllerRecord& queue, const char* words) {
    world.run_until([&] { return queue.closed.has_value(); });
    EXPECT_THAT(queue.closed->text, HasSubstr(words));
  }
  World world;
  Server server;
  std::vector<std::unique_ptr<HostQueue>> hosts;
};

TEST_F(EventsTest, AQueuePairThatFailedEndsAloneWithTheEventInItsSentence) {
  for (const auto& [type, words] : {std::pair{IBV_EVENT_QP_FATAL, "QP_FATAL (the queue pair failed)"},
                                    std::pair{IBV_EVENT_QP_ACCESS_ERR, "QP_ACCESS_ERR (the peer reached for memory"}}) {
    device_of(world.controller).tell({.type = type, .queue_pair = pairs_of(world, world.controller).front()});
    expect_closed(*server.queues[0], (std::string("the connection to the host broke: ") + words).c_str());
    EXPECT_FALSE(server.queues[1]->closed);
    world.run_until([&] { return hosts[0]->closed.has_value(); });
    std::swap(server.queues[0], server.queues[1]);
    std::swap(hosts[0], hosts[1]);
    HostQueue& host = *hosts.emplace_back(std::make_unique<HostQueue>(world, Where(), params(16, false)));
    world.run_until([&] { return host.limits && server.queues.back()->limits; });
    std::swap(hosts[1], hosts.back());
    std::swap(server.queues[1], server.queues.back());
  }
}

TEST_F(EventsTest, OfAHostLikewise) {
  device_of(world.host).tell({.type = IBV_EVENT_QP_FATAL, .queue_pair = pairs_of(world, world.host).front()});
  world.run_until([&] { return hosts[0]->closed.has_value(); });
  EXPECT_THAT(hosts[0]->closed->text, HasSubstr("the connection to the controller broke: QP_FATAL"));
  EXPECT_FALSE(hosts[1]->closed);
}

// Nothing that the device has comes back: no time passes here.
TEST_F(EventsTest, ADeviceThatFailedEndsAllOnItAtOnce) {
  Buffer data(world, world.host_domain, 65536, false);
  for (const auto& host : hosts) host->read(1, 0, data, 65536);
  world.fabric.cut = true;
  const std::uint64_t began = world.now;
  device_of(world.controller).tell({.type = IBV_EVENT_DEVICE_FATAL});
  world.run_until([&] { return server.all_over(); });
  for (const auto& queue : server.queues)
    EXPECT_THAT(queue->closed->text, HasSubstr("the RDMA device model0 failed: DEVICE_FATAL"));
  EXPECT_LT(world.now - began, kSecond);
  EXPECT_THAT(world.warned, Contains(HasSubstr("the RDMA device model0: DEVICE_FATAL (the device failed)")));
  world.fabric.cut = false;
}

TEST_F(EventsTest, ADeviceThatFailsWhileAQueuePairDrainsEndsTheWait) {
  device_of(world.controller).remove(Device::Removal::kLingers);
  for (const auto& queue : server.queues)
    if (!queue->closed) queue->close();
  device_of(world.controller).tell({.type = IBV_EVENT_DEVICE_FATAL});
  world.run_until([&] { return server.all_over(); });
}

TEST_F(EventsTest, APortThatGoesAndComesEndsNobodyAndIsSaid) {
  device_of(world.controller).tell({.type = IBV_EVENT_PORT_ERR, .port = 1});
  device_of(world.controller).tell({.type = IBV_EVENT_PORT_ACTIVE, .port = 1});
  device_of(world.controller).tell({.type = IBV_EVENT_GID_CHANGE, .port = 1});
  world.advance(kSecond);
  world.settle();
  EXPECT_THAT(world.warned, testing::ElementsAre("the RDMA device model0 port 1: PORT_ERR (the port is down)"));
  EXPECT_THAT(world.logged, Contains(HasSubstr("PORT_ACTIVE (the port is up)")));
  EXPECT_THAT(world.logged, Contains(HasSubstr("GID_CHANGE")));
  Buffer data(world, world.host_domain, 4096, false);
  for (const auto& host : hosts) {
    host->read(1, 0, data, 4096);
    world.run_until([&] { return host->answered(1); });
    EXPECT_EQ(host->responses[1].error, 0);
  }
}

TEST_F(EventsTest, ACompletionQueueThatFailedEndsThoseOnItAlone) {
  weft_group* other = world.open_group(world.controller_domain);
  std::swap(world.controller_group, other);
  {
    Server second(world, params(16, false), Where(kControllerAddress, "4421"));
    HostQueue host(world, Where(kControllerAddress, "4421"), params(16, false));
    world.run_until([&] { return host.limits && !second.queues.empty() && second.only().limits; });
    CompletionQueue* const failed = device_of(world.controller).completion_queues.back();
    device_of(world.controller).tell({.type = IBV_EVENT_CQ_ERR, .completions = failed});
    world.run_until([&] { return second.all_over(); });
    std::swap(world.controller_group, other);
    world.advance(kSecond);
    world.settle();
    for (const auto& queue : server.queues) EXPECT_FALSE(queue->closed);
    std::swap(world.controller_group, other);
  }
  world.table.group_close(world.controller_group);
  world.controller_group = other;
}

// The group that reads an event is not the one whose queue pair it is about, and that one sleeps.
TEST_F(EventsTest, AnEventThatAnotherGroupReadsWakesTheOneItIsAbout) {
  weft_group* other = world.open_group(world.controller_domain);
  std::swap(world.controller_group, other);
  Server second(world, params(16, false), Where(kControllerAddress, "4421"));
  HostQueue host(world, Where(kControllerAddress, "4421"), params(16, false));
  world.run_until([&] { return host.limits && !second.queues.empty() && second.only().limits; });
  device_of(world.controller)
      .tell({.type = IBV_EVENT_QP_FATAL, .queue_pair = pairs_of(world, world.controller).front()});
  world.advance(kSecond);
  world.settle();  // only the second group is polled
  EXPECT_FALSE(server.queues[0]->closed);
  std::swap(world.controller_group, other);
  int fd = -1;
  std::uint64_t deadline = 0;
  EXPECT_EQ(world.table.group_arm(world.controller_group, &fd, &deadline), -EAGAIN) << "it may not sleep";
  expect_closed(*server.queues[0], "QP_FATAL");
  std::swap(world.controller_group, other);
  second.queues[0]->close();
  host.close();
  world.table.unlisten(second.handle);
  world.run_until([&] { return second.closed && second.all_over() && host.closed; });
  world.table.group_close(world.controller_group);
  world.controller_group = other;
}

TEST_F(EventsTest, AnEventOfAQueuePairThatIsGoneMeansNothing) {
  const std::uint32_t gone = pairs_of(world, world.controller).front();
  hosts[0]->close();
  world.run_until([&] { return server.queues[0]->closed && hosts[0]->closed; });
  device_of(world.controller).tell({.type = IBV_EVENT_QP_FATAL, .queue_pair = gone});
  world.advance(kSecond);
  world.settle();
  EXPECT_FALSE(server.queues[1]->closed);
}

// ---- shared receives -----------------------------------------------------------------------------------------------

// As wear goes: a queue pair of which the device says that it has filled its last receive loses none.
TEST(Events, ARingWhoseQueuePairsLoseNothingIsNotReplaced) {
  World world({.host = {},
               .controller = traits_with([](Traits& traits) {
                 traits.tells_last_receive = true;
                 traits.half_filled = HalfFilled::kFlushed;
               }),
               .options = {.srq = ShareReceives::kOn},
               .lockable = 1});
  world.forgives = true;
  Server server(world, params(8, false, 4096));
  HostQueue stays(world, Where(), params(8, false, 4096));
  world.run_until([&] { return stays.limits.has_value(); });
  for (int i = 0; i < 40; ++i) {
    HostQueue passes(world, Where(), params(8, false, 4096));
    world.run_until([&] { return passes.limits && server.queues.back()->limits; });
    passes.close();
    world.run_until([&] { return passes.closed && server.queues.back()->closed; });
  }
  EXPECT_EQ(world.controller.record.made(Kind::kSharedReceives), 1u);
}

TEST(Events, ASharedRingThatFailedEndsThoseOnIt) {
  World world({.host = {}, .controller = {}, .options = {.srq = ShareReceives::kOn}, .lockable = 1});
  world.forgives = true;
  Linked linked(world, params(8, false, 4096), params(8, false, 4096));
  Device& device = device_of(world.controller);
  device.tell({.type = IBV_EVENT_SRQ_ERR, .receives = device.shared_receives.back()});
  world.run_until([&] { return linked.controller().closed.has_value(); });
  EXPECT_THAT(linked.controller().closed->text, HasSubstr("took no more shared receives"));
}

// ---- what completions and connections are given ---------------------------------------------------------------------

TEST(Events, AnErrorOfACompletionHasTheVendorsNumber) {
  World world({.host = {}, .controller = traits_with([](Traits& traits) { traits.vendor_error = 0x51; })});
  world.forgives = true;
  world.time_passes = true;
  Linked linked(world);
  world.fabric.cut = true;
  linked.controller().on_command = [](std::uint64_t) {};
  Buffer data(world, world.host_domain, 4096, false);
  world.fabric.cut = false;
  linked.host.read(1, 0, data, 4096);
  world.run_until([&] { return linked.controller().held == 1; });
  world.host.die();
  linked.controller().serve(linked.controller().order[0]);
  world.run_until([&] { return linked.controller().closed.has_value(); });
  EXPECT_THAT(linked.controller().closed->text, HasSubstr("(transport retry counter exceeded, vendor error 0x51)"));
}

TEST(Events, TypeOfServiceAndAcknowledgementTimeOutReachBothEnds) {
  Setting setting;
  setting.options.tos = 104;
  setting.options.ack_timeout = 60'000'000;
  World world(setting);
  Linked linked(world);
  for (const Machine* machine : {&world.host, &world.controller}) {
    ASSERT_FALSE(machine->tunings.empty());
    EXPECT_EQ(machine->tunings.back().tos, 104);
    EXPECT_EQ(machine->tunings.back().ack_timeout, 14);
  }
}

TEST(Events, ASystemThatDoesNotTakeThemSaysSo) {
  World world;
  world.forgives = true;
  Server server(world, params(8, true));
  world.host.script.fail(Call::kTune, 1, ENOSYS);
  HostQueue host(world, Where(), params(8, true));
  world.run_until([&] { return host.closed.has_value(); });
  EXPECT_THAT(host.closed->text, HasSubstr("tune: Function not implemented"));
  world.controller.script.fail(Call::kTune, 1, ENOSYS);
  HostQueue other(world, Where(), params(8, true));
  world.run_until([&] { return other.closed.has_value(); });
  EXPECT_STREQ(server.only().error.text, "tune: Function not implemented");
}

TEST(Events, GroupsHaveTheirCompletionsOnVectorsInTurn) {
  const Traits four = traits_with([](Traits& traits) { traits.attributes.completion_vectors = 4; });
  World world({.host = {}, .controller = four});
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 4; ++i) {
    weft_group* group = world.open_group(world.controller_domain);
    std::swap(world.controller_group, group);
    {
      Server server(world, params(8, true));
      HostQueue host(world, Where(), params(8, true));
      world.run_until([&] { return host.limits.has_value(); });
    }
    std::swap(world.controller_group, group);
    world.table.group_close(group);
  }
  const auto& vectors = device_of(world.controller).vectors;
  EXPECT_EQ(std::set(vectors.begin(), vectors.end()).size(), 4u);
}

}  // namespace
}  // namespace weft::rdma::model

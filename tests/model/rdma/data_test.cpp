// Data both ways: every size, straight and staged, in capsules and by keys, on devices of every kind.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

struct Way {
  const char* name;
  Setting setting;
  bool host_registered, controller_registered;
  std::uint32_t in_capsule;
  std::uint16_t descriptors;
};

Setting setting_of(const Traits& host, const Traits& controller) { return {.host = host, .controller = controller}; }
Traits no_windows() {
  return traits_with([](Traits& traits) { traits.attributes.windows = false; });
}
Traits no_invalidation() {
  return traits_with([](Traits& traits) { traits.attributes.invalidates = false; });
}
Traits small_messages() {
  return traits_with([](Traits& traits) { traits.attributes.max_message = 4096; });
}
Traits few_elements() {
  return traits_with([](Traits& traits) { traits.attributes.max_sge = 2; });
}
Traits one_read() {
  return traits_with([](Traits& traits) { traits.attributes.max_reads_in = traits.attributes.max_reads_out = 1; });
}
Traits no_inline() {
  return traits_with([](Traits& traits) { traits.max_inline = 0; });
}

const Way kWays[] = {
    {"Straight", {}, true, true, 0, 1},
    {"Staged", {}, false, false, 0, 1},
    {"HostStaged", {}, false, true, 0, 1},
    {"ControllerStaged", {}, true, false, 0, 1},
    {"InCapsule4K", {}, true, true, 4096, 1},
    {"InCapsule4KStaged", {}, false, false, 4096, 1},
    {"InCapsule16K", {}, false, true, 16384, 1},
    {"SeveralDescriptors", {}, true, true, 4096, 16},
    {"WithoutWindows", setting_of(no_windows(), {}), true, true, 0, 1},
    {"WithoutWindowsStaged", setting_of(no_windows(), {}), false, false, 4096, 1},
    {"ControllerCannotInvalidate", setting_of({}, no_invalidation()), true, true, 0, 1},
    {"SmallMessages", setting_of({}, small_messages()), true, true, 0, 1},
    {"SmallMessagesStaged", setting_of({}, small_messages()), false, false, 0, 1},
    {"FewElements", setting_of(few_elements(), few_elements()), true, true, 4096, 16},
    {"OneReadAtATime", setting_of(one_read(), one_read()), true, true, 0, 1},
    {"NothingInline", setting_of(no_inline(), no_inline()), true, true, 4096, 1},
};

class DataTest : public testing::TestWithParam<Way> {
 protected:
  static Setting setting() {
    Setting setting = GetParam().setting;
    setting.options.in_capsule = std::max(setting.options.in_capsule, GetParam().in_capsule);
    return setting;
  }
};

void expect_moved(const HostQueue& host, std::uint16_t cid, std::size_t length, const char* what) {
  ASSERT_FALSE(host.closed) << what << " " << length << ": " << host.closed->text;
  const auto found = host.responses.find(cid);
  ASSERT_NE(found, host.responses.end());
  EXPECT_EQ(found->second.error, 0) << what << " " << length;
  ASSERT_TRUE(found->second.cqe) << what << " " << length;
  EXPECT_EQ(status_of(*found->second.cqe), 0) << what << " " << length;
  EXPECT_EQ(found->second.moved, length) << what;
}

// Writes `length` bytes and reads them back, in `pieces` pieces of the host's memory.
void write_and_read(World& world, Linked& linked, bool registered, std::size_t length, std::size_t pieces) {
  HostQueue& host = linked.host;
  ControllerQueue& controller = linked.controller();
  Buffer out(world, world.host_domain, length, registered), in(world, world.host_domain, length, registered);
  const Bytes data = pattern(length, length + pieces);
  out.bytes.assign(data.begin(), data.end());
  ASSERT_EQ(host.write(1, 4096, out, length, pieces), 0);
  world.run_until([&] { return host.answered(1) || host.closed; });
  expect_moved(host, 1, length, "written");
  if (host.closed) return;
  EXPECT_TRUE(std::equal(data.begin(), data.end(), controller.memory.bytes.begin() + 4096)) << length;
  ASSERT_EQ(host.read(2, 4096, in, length, pieces), 0);
  world.run_until([&] { return host.answered(2) || host.closed; });
  expect_moved(host, 2, length, "read");
  EXPECT_TRUE(in.bytes == data) << length;
}

TEST_P(DataTest, ComesBackAsItWas) {
  const Way& way = GetParam();
  World world(setting());
  Linked linked(world, params(16, false, way.in_capsule, way.descriptors),
                params(16, false, way.in_capsule, way.descriptors), way.controller_registered);
  ASSERT_TRUE(linked.host.limits) << linked.host.closed->text;
  for (const std::size_t length : {1u, 512u, 513u, 4096u, 4097u, 8192u, 65536u, 131072u, 1048576u}) {
    if (length > linked.host.limits->max_transfer) continue;
    write_and_read(world, linked, way.host_registered, length, 1);
    if (linked.host.closed) return;
  }
}

TEST_P(DataTest, ComesBackFromManyPieces) {
  const Way& way = GetParam();
  World world(setting());
  Linked linked(world, params(16, false, way.in_capsule, way.descriptors),
                params(16, false, way.in_capsule, way.descriptors), way.controller_registered);
  linked.controller().piece = 1000;
  for (const std::size_t pieces : {2u, 5u, 16u}) {
    if (pieces > linked.host.limits->max_iov) continue;
    for (const std::size_t length : {512u, 4096u, 20000u}) {
      write_and_read(world, linked, way.host_registered, length, pieces);
      if (linked.host.closed) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Data, DataTest, testing::ValuesIn(kWays), [](const auto& each) { return each.param.name; });

// How it went, as the watch and the counts saw it.
struct HowTest : testing::Test {
  void run(const Setting& setting, std::uint32_t in_capsule, bool host_registered, std::size_t length) {
    world = std::make_unique<World>(setting);
    Linked linked(*world, params(16, false, in_capsule), params(16, false, in_capsule), true);
    write_and_read(*world, linked, host_registered, length, 1);
    controller = world->controller.record.counts;
    host = world->host.record.counts;
    watch_keyed = world->watch.keyed;
    watch_invalidatable = world->watch.invalidatable;
    watch_in_capsule = world->watch.in_capsule;
  }
  std::unique_ptr<World> world;
  Counts host, controller;
  std::uint64_t watch_keyed = 0, watch_invalidatable = 0, watch_in_capsule = 0;
};

TEST_F(HowTest, WindowsGiveKeysThatTheControllerInvalidates) {
  run({}, 0, true, 4096);
  EXPECT_EQ(watch_invalidatable, 2u);
  EXPECT_EQ(watch_keyed, 0u);
  EXPECT_EQ(host.binds, 2u);
  EXPECT_EQ(controller.remote_invalidations, 2u);
  EXPECT_EQ(host.local_invalidations, 0u);
}

TEST_F(HowTest, TheHostInvalidatesWhatTheControllerDoesNot) {
  run(setting_of({}, no_invalidation()), 0, true, 4096);
  EXPECT_EQ(host.binds, 2u);
  EXPECT_EQ(host.local_invalidations, 2u);
}

TEST_F(HowTest, WithoutWindowsTheKeyOfTheRegionIsUsed) {
  run(setting_of(no_windows(), {}), 0, true, 4096);
  EXPECT_EQ(watch_keyed, 2u);
  EXPECT_EQ(controller.remote_invalidations, 0u) << "a key of subtype 0 is never invalidated";
}

TEST_F(HowTest, DataThatFitsInTheCapsuleIsNeverRead) {
  run({}, 4096, true, 4096);
  EXPECT_EQ(watch_in_capsule, 1u);
  EXPECT_EQ(controller.reads, 0u);
  EXPECT_EQ(controller.writes, 1u);
}

TEST_F(HowTest, PiecesOfRegisteredMemoryGoStraightByAListOfKeys) {
  World in_pieces;
  Linked linked(in_pieces, params(16, false, 4096, 16), params(16, false, 4096, 16), true);
  write_and_read(in_pieces, linked, true, 65536, 5);
  EXPECT_EQ(in_pieces.watch.lists, 2u);
  EXPECT_EQ(in_pieces.watch.invalidatable, 2u) << "the last of each list";
  EXPECT_EQ(in_pieces.host.record.counts.binds, 10u);
  EXPECT_EQ(in_pieces.controller.record.counts.remote_invalidations, 2u);
  EXPECT_EQ(in_pieces.host.record.counts.local_invalidations, 8u);
}

TEST_F(HowTest, PiecesAreStagedForAControllerThatTakesOneDescriptor) {
  World in_pieces;
  Linked linked(in_pieces, params(16, false, 4096, 1), params(16, false, 4096, 16), true);
  write_and_read(in_pieces, linked, true, 65536, 5);
  EXPECT_EQ(in_pieces.watch.lists, 0u);
  EXPECT_EQ(in_pieces.host.record.counts.binds, 2u);
}

// The controllers of two hosts' queues share nothing; the queues share staged memory.
TEST_F(HowTest, AReadThatWasNeverWrittenHandsOutNothingOfAnotherQueue) {
  World both;
  Server server(both, params(16, false));
  HostQueue honest(both, Where(), params(16, false));
  both.run_until([&] { return honest.limits && server.queues.size() == 1; });
  HostQueue betrayed(both, Where(), params(16, false));
  both.run_until([&] { return betrayed.limits && server.queues.size() == 2; });
  std::ranges::fill(server.queues[0]->memory.bytes, std::byte{0x5a});
  ControllerQueue& liar = *server.queues[1];
  liar.on_command = [&](std::uint64_t token) {
    EXPECT_EQ(liar.respond(token), 0);
    EXPECT_EQ(liar.release(token), 0);
  };
  Buffer first(both, both.host_domain, 65536, false), second(both, both.host_domain, 65536, false);
  honest.read(1, 0, first, 65536);
  both.run_until([&] { return honest.answered(1); });
  EXPECT_EQ(std::ranges::count(first.bytes, std::byte{0x5a}), 65536);
  betrayed.read(1, 0, second, 65536);
  both.run_until([&] { return betrayed.answered(1); });
  EXPECT_EQ(betrayed.responses[1].moved, 65536u) << "its word is all there is";
  EXPECT_EQ(std::ranges::count(second.bytes, std::byte{0}), 65536);
}

TEST_F(HowTest, LongDataGoesInMessagesThatTheDeviceTakes) {
  run(setting_of({}, small_messages()), 0, true, 65536);
  EXPECT_EQ(controller.reads, 16u);
  EXPECT_EQ(controller.writes, 16u);
}

TEST_F(HowTest, ReadsAreNeverMoreThanAgreed) {
  run(setting_of(one_read(), small_messages()), 0, true, 65536);
  EXPECT_EQ(controller.most_reads, 1u);
}

}  // namespace
}  // namespace weft::rdma::model

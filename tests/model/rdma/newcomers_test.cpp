// Queue pairs that connect and say nothing more: each pins little of what the controller's process may lock, so that a
// host with something to say is let in however many there are; and what a queue pair gets when its Connect was accepted.
#include "queues.hpp"

namespace weft::rdma::model {
namespace {

constexpr std::uint64_t kMi = 1U << 20;
constexpr std::uint32_t kBeforeConnect = 2;  // the depth with which a controller's core takes a queue pair

// A queue pair whose first command is its Connect: it is configured as `granted`, then answered.
class ConnectedQueue final : public ControllerQueue {
 public:
  ConnectedQueue(World& in, weft_pending* pending, const weft_qpair_params& granted)
      : ControllerQueue(in, pending, params(kBeforeConnect, false), false), granted_(granted) {
    on_command = [this](std::uint64_t token) { connect(token); };
  }
  int configured = -1;

 private:
  void connect(std::uint64_t token) {
    configured = world.table.configure(handle, &granted_, &error);
    EXPECT_EQ(respond(token, configured == 0 ? 0 : 0x06), 0);
    EXPECT_EQ(release(token), 0);
    on_command = nullptr;
  }
  const weft_qpair_params granted_;
};

// One that is never asked for anything.
struct SilentQueue final : test::ControllerRecord {
  explicit SilentQueue(World& in) : world(in) {}
  ~SilentQueue() override {
    if (handle == nullptr) return;
    if (!closed) world.table.close(handle, 0, 0);
    world.run_until([this] { return closed.has_value(); });
  }
  void keep(const weft_command&) override { ADD_FAILURE() << "it said something"; }
  void serve(std::uint64_t) override {}
  void told_data(std::uint64_t, const Data&) override {}
  World& world;
  weft_qpair* handle = nullptr;
};

struct NewcomerServer final : Server {
  NewcomerServer(World& in, const weft_qpair_params& granted) : Server(in, granted) {}
  ~NewcomerServer() override { silent.clear(); }
  void accept(weft_pending* pending) override {
    if (!takes_silent) {
      queues.push_back(std::make_unique<ConnectedQueue>(world, pending, params));
      return;
    }
    auto& queue = silent.emplace_back(std::make_unique<SilentQueue>(world));
    const weft_qpair_params before = test::params(kBeforeConnect, false);
    weft_error why{};
    why.size = sizeof why;
    if (world.table.accept(world.controller_group, pending, &before, &SilentQueue::kEvents, queue->record(),
                           &queue->handle, &why) == 0)
      return;
    ++refused;
    queue->handle = nullptr;
    world.table.reject(pending, WEFT_REJECT_RESOURCES);
  }
  bool takes_silent = false;
  std::size_t refused = 0;
  std::vector<std::unique_ptr<SilentQueue>> silent;
};

Setting usual_user(ShareReceives srq, std::uint32_t in_capsule) {
  return {.host = traits_with([](Traits& traits) { traits.attributes.windows = false; }),
          .controller = traits_with([](Traits& traits) { traits.max_locked = 8 * kMi; }),
          .options = {.in_capsule = in_capsule, .srq = srq, .staging = kMi},
          .lockable = 8 * kMi};
}

// With many queue pairs most turns of the fabric belong to others: it takes many steps for each turn here.
void run_many(World& world, const std::function<bool()>& done) {
  for (int turns = 0; turns < 50000 && !done(); ++turns) {
    world.fabric.steps(200);
    world.turn();
  }
  EXPECT_TRUE(done()) << world.logged_text();
}

struct NewcomersTest : testing::TestWithParam<std::tuple<ShareReceives, std::uint32_t>> {};

TEST_P(NewcomersTest, HundredsOfSilentQueuePairsLeaveRoomForAHostThatConnects) {
  const auto [srq, in_capsule] = GetParam();
  World world(usual_user(srq, in_capsule));
  world.fabric.shuffled = false;
  const weft_qpair_params usual = params(128, false, in_capsule);
  NewcomerServer server(world, usual);
  server.takes_silent = true;
  std::vector<std::unique_ptr<HostQueue>> hosts;
  constexpr std::size_t kSilent = 300;
  while (hosts.size() < kSilent) {
    for (int i = 0; i < 20; ++i)
      hosts.push_back(std::make_unique<HostQueue>(world, Where(), params(128, false, in_capsule)));
    run_many(world,
             [&] { return std::ranges::all_of(hosts, [](const auto& host) { return host->limits || host->closed; }); });
  }
  EXPECT_EQ(server.refused, 0u);
  EXPECT_EQ(server.silent.size(), kSilent);
  const std::uint64_t pinned = world.controller.record.counts.registered;
  server.takes_silent = false;
  HostQueue good(world, Where(), usual);
  run_many(world, [&] { return good.limits || good.closed; });
  ASSERT_TRUE(good.limits) << good.closed->text;
  EXPECT_EQ(good.send(core_sqe(kFlush, 0)), 0);  // for its Connect
  run_many(world, [&] { return good.answered(0); });
  EXPECT_EQ(static_cast<ConnectedQueue&>(server.only()).configured, 0) << server.only().error.text;
  Buffer data(world, world.host_domain, 4096, false);
  for (std::uint16_t cid = 0; cid < 64; ++cid) EXPECT_EQ(good.write(cid, 0, data, 4096), 0);
  run_many(world, [&] { return good.outstanding == 0; });
  for (std::uint16_t cid = 0; cid < 64; ++cid) EXPECT_EQ(good.responses[cid].moved, 4096u);
  EXPECT_LE(world.controller.record.counts.most_registered, 8 * kMi);
  EXPECT_LE(pinned, 8 * kMi - (srq == ShareReceives::kOff ? 512U << 10 : 0));
  for (const auto& host : hosts) host->close();
  run_many(world, [&] {
    return std::ranges::all_of(hosts, [](const auto& host) { return host->closed.has_value(); }) &&
           std::ranges::all_of(server.silent, [](const auto& queue) { return queue->closed.has_value(); });
  });
}

std::string name_of_way(const testing::TestParamInfo<std::tuple<ShareReceives, std::uint32_t>>& each) {
  const auto [srq, in_capsule] = each.param;
  return (srq == ShareReceives::kOff ? "Own" : "Auto") + std::to_string(in_capsule);
}

INSTANTIATE_TEST_SUITE_P(Ways, NewcomersTest,
                         testing::Values(std::tuple{ShareReceives::kOff, 4096U},
                                         std::tuple{ShareReceives::kAuto, 4096U},
                                         std::tuple{ShareReceives::kOff, 8192U}),
                         name_of_way);

struct ConnectTest : testing::TestWithParam<std::uint32_t> {};

// Depths below and above what one page of responses holds.
TEST_P(ConnectTest, AnAcceptedConnectBringsTheReceivesOfTheWholeQueue) {
  const std::uint32_t depth = GetParam();
  World world({.host = {}, .controller = {}, .options = {.depth = 512}});
  NewcomerServer server(world, params(depth, false, 4096));
  HostQueue host(world, Where(), params(depth, false, 4096));
  world.run_until([&] { return host.limits && !server.queues.empty(); });
  Buffer data(world, world.host_domain, 1024, false);
  data.bytes = pattern(1024, 3);
  EXPECT_EQ(host.write(0, 0, data, 1024), 0) << "a Connect may carry its data in the capsule";
  world.run_until([&] { return host.answered(0); });
  EXPECT_EQ(host.responses[0].error, 0);
  Buffer more(world, world.host_domain, 4096, false);
  for (std::uint16_t cid = 0; cid < depth; ++cid)
    EXPECT_EQ(cid % 2 == 0 ? host.write(cid, 0, more, 4096) : host.read(cid, 8192, more, 512), 0);
  world.run_until([&] { return host.outstanding == 0; });
  for (std::uint16_t cid = 0; cid < depth; ++cid) EXPECT_EQ(host.responses[cid].error, 0) << cid;
  EXPECT_EQ(world.host.record.counts.rnr, 0u);
}

INSTANTIATE_TEST_SUITE_P(Depths, ConnectTest, testing::Values(2U, 3U, 32U, 300U));

TEST(Newcomers, WhatComesBeforeConnectIsAnsweredOneByOne) {
  World world;
  NewcomerServer server(world, params(16, false, 4096));
  HostQueue host(world, Where(), params(16, false, 4096));
  world.run_until([&] { return host.limits && !server.queues.empty(); });
  ControllerQueue& queue = server.only();
  const auto connect = std::exchange(queue.on_command, nullptr);
  for (std::uint16_t cid = 0; cid < 2; ++cid) host.send(core_sqe(kFlush, cid));
  world.run_until([&] { return host.outstanding == 0; });
  queue.on_command = connect;
  host.send(core_sqe(kFlush, 2));
  world.run_until([&] { return host.answered(2); });
  for (std::uint16_t cid = 0; cid < 16; ++cid) host.send(core_sqe(kFlush, cid));
  world.run_until([&] { return host.outstanding == 0; });
  EXPECT_FALSE(host.closed);
}

TEST(Newcomers, AConnectForWhichThereIsNoMemoryIsRefusedWithSizes) {
  World world({.host = {},
               .controller = traits_with([](Traits& traits) { traits.max_locked = kMi + (64 << 10); }),
               .options = {.srq = ShareReceives::kOff, .staging = kMi}});
  NewcomerServer server(world, params(128, false, 4096));
  HostQueue host(world, Where(), params(128, false, 4096));
  world.run_until([&] { return host.limits || host.closed; });
  ASSERT_TRUE(host.limits) << host.closed->text;
  host.send(core_sqe(kFlush, 1));
  world.run_until([&] { return host.answered(1); });
  EXPECT_EQ(test::status_of(*host.responses[1].cqe), 0x06);
  EXPECT_THAT(server.only().error.text, testing::HasSubstr("cannot register 520 KiB for received capsules"));
}

}  // namespace
}  // namespace weft::rdma::model

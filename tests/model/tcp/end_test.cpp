// Ends: whoever ends it, whenever, every operation ends exactly once and on_closed comes last, once. The queues of
// world.hpp check the counts; here are the moments.
#include "world.hpp"

namespace weft::test {
namespace {

// Starts a bit of everything: in-capsule write, R2T write, read, a command that the controller keeps.
struct Busy {
  explicit Busy(World& world, Joined& joined) : back(300000), data(pattern(300000, 5)), small(pattern(1000, 6)) {
    joined.host.send(make_sqe(kWrite, 1, 0), &small);
    joined.host.send(make_sqe(kWrite, 2, 4096), &data, nullptr, 7);
    joined.host.send(make_sqe(kRead, 3, 4096), nullptr, &back, 3);
    joined.host.send(make_sqe(kFlush, 4));
    static_cast<void>(world);
  }
  Bytes back, data, small;
};

void expect_all_ended(Joined& joined) {
  EXPECT_TRUE(joined.host.closed);
  EXPECT_TRUE(joined.controller().closed);
  EXPECT_EQ(joined.host.outstanding, 0);
  EXPECT_EQ(joined.controller().outstanding, 0);
  for (const auto& [cid, response] : joined.host.responses) EXPECT_EQ(response.times, 1) << cid;
  for (const auto& [cookie, data] : joined.controller().data) EXPECT_EQ(data.times, 1) << cookie;
}

class Cut : public ::testing::TestWithParam<std::tuple<bool, int>> {};

// The connection dies after so many bytes of a busy life, in one direction or the other.
TEST_P(Cut, EndsEveryOperationOnBothSides) {
  const auto [to_controller, step] = GetParam();
  std::uint64_t total = 0;
  {
    World world;
    Joined joined(world, {{"hdgst", "on"}, {"ddgst", "on"}}, {{"maxh2cdata", "65536"}, {"maxc2hdata", "65536"}});
    Busy busy(world, joined);
    world.run_until([&] { return joined.host.outstanding == 0; });
    total = to_controller ? joined.wire.to_controller.moved : joined.wire.to_host.moved;
  }
  for (std::uint64_t at = static_cast<std::uint64_t>(step); at < total + 1000; at += at < 700 ? 29 : total / 13) {
    World world;
    Joined joined(world, {{"hdgst", "on"}, {"ddgst", "on"}}, {{"maxh2cdata", "65536"}, {"maxc2hdata", "65536"}},
                  params(16, true), params(16, true), false);
    (to_controller ? joined.wire.to_controller : joined.wire.to_host).cut_after = at;
    std::optional<Busy> busy;
    joined.host.on_ready = [&] { busy.emplace(world, joined); };
    world.run_until([&] { return (joined.host.closed && joined.controller().closed) || joined.host.answered(3); });
    joined.wire.cut();
    world.run_until([&] { return joined.host.closed && joined.controller().closed; });
    expect_all_ended(joined);
  }
}

INSTANTIATE_TEST_SUITE_P(Moments, Cut, ::testing::Combine(::testing::Bool(), ::testing::Values(0, 1, 7)));

class CloseAfter : public ::testing::TestWithParam<std::tuple<bool, std::uint32_t>> {};

// One side closes after so many turns, at once or after a flush.
TEST_P(CloseAfter, EndsEveryOperationOnBothSides) {
  const auto [host_closes, flags] = GetParam();
  for (int turns = 0; turns < 12; ++turns) {
    World world;
    Joined joined(world, {}, {{"maxh2cdata", "65536"}}, params(16, true), params(16, true), turns > 3);
    joined.wire.chunk = 20000;
    std::optional<Busy> busy;
    if (joined.host.limits) {
      busy.emplace(world, joined);
    } else {
      joined.host.on_ready = [&] { busy.emplace(world, joined); };
    }
    world.settle(turns);
    world.table.close(host_closes ? joined.host.handle : joined.controller().handle, flags, 0);
    EXPECT_EQ(joined.host.send(make_sqe(kFlush, 9)) == 0, joined.host.limits && !host_closes && !joined.host.closed);
    world.run_until([&] { return joined.host.closed && joined.controller().closed; });
    expect_all_ended(joined);
  }
}

INSTANTIATE_TEST_SUITE_P(Turns, CloseAfter,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(0u, WEFT_CLOSE_FLUSH)));

TEST(End, CleanBetweenPdusResetInsideOne) {
  for (const std::size_t extra : {std::size_t{0}, std::size_t{5}}) {
    World world;
    RawPeer peer(world);
    Server server(world, Where(peer.other_fd), params(8, true));
    peer.send(ic_req());
    peer.expect(128);
    Bytes part(extra);
    if (extra != 0) {
      part[0] = std::byte{4};
      part[2] = std::byte{72};
    }
    peer.send(part);
    world.settle();
    peer.close();
    world.run_until([&] { return server.queues[0]->closed.has_value(); });
    EXPECT_EQ(server.queues[0]->closed->code, extra == 0 ? 0 : -ECONNRESET) << server.queues[0]->closed->text;
  }
}

TEST(End, CommandsThatAreHeldOutliveTheConnection) {
  World world;
  Joined joined(world);
  joined.controller().on_command = [](std::uint64_t) {};
  const Bytes data = pattern(3000, 1);
  ASSERT_EQ(joined.host.send(make_sqe(kWrite, 1), &data), 0);
  world.run_until([&] { return joined.controller().held == 1; });
  const ControllerQueue::Command& command = joined.controller().commands[joined.controller().order[0]];
  world.table.close(joined.host.handle, 0, 0);
  world.run_until([&] { return joined.controller().closed.has_value(); });
  world.settle();
  EXPECT_EQ(std::memcmp(command.told.capsule_data, data.data(), data.size()), 0);
  EXPECT_EQ(cid_of(command.told.sqe), 1);
  EXPECT_EQ(joined.controller().respond(command.told.token), -ENOTCONN);
  EXPECT_EQ(joined.controller().release(command.told.token), 0);
}

TEST(End, FlushSendsWhatIsQueued) {
  World world;
  Joined joined(world);
  Bytes back(500000);
  joined.wire.chunk = 3000;
  joined.controller().memory = pattern(ControllerQueue::kMemory, 9);
  ASSERT_EQ(joined.host.send(make_sqe(kRead, 1), nullptr, &back), 0);
  world.run_until([&] { return joined.controller().outstanding == 1; });
  world.table.close(joined.controller().handle, WEFT_CLOSE_FLUSH, 0);
  world.run_until([&] { return joined.host.closed && joined.controller().closed; });
  EXPECT_EQ(joined.host.responses[1].error, 0);
  EXPECT_TRUE(std::equal(back.begin(), back.end(), joined.controller().memory.begin()));
  EXPECT_EQ(joined.host.closed->code, 0);
}

TEST(Cancel, EndsDataCallsAndLateDataIsDropped) {
  World world;
  Joined joined(world);
  ControllerQueue& controller = joined.controller();
  Bytes into(200000), data = pattern(200000, 1);
  joined.wire.chunk = 10000;
  controller.on_command = [&](std::uint64_t token) {
    ASSERT_EQ(controller.receive(token, 0, into.data(), into.size(), 7), 0);
  };
  ASSERT_EQ(joined.host.send(make_sqe(kWrite, 1), &data), 0);
  world.run_until([&] { return into[0] == data[0] && into[5000] == data[5000]; });
  const std::uint64_t token = controller.order[0];
  EXPECT_EQ(controller.release(token), -EBUSY);
  world.table.cancel_data(controller.handle, token);
  EXPECT_EQ(controller.outstanding, 1) << "an event from inside a call";
  world.run_until([&] { return controller.outstanding == 0; });
  EXPECT_EQ(controller.data[7].error, -ECANCELED);
  const Bytes snapshot = into;
  EXPECT_EQ(controller.respond(token, 0x4), 0);
  EXPECT_EQ(controller.release(token), 0);
  world.run_until([&] { return joined.host.answered(1); });
  EXPECT_EQ(status_of(*joined.host.responses[1].cqe), 4);
  controller.on_command = nullptr;
  ASSERT_EQ(joined.host.send(make_sqe(kWrite, 2), &data), 0);
  world.run_until([&] { return joined.host.answered(2); });
  EXPECT_EQ(status_of(*joined.host.responses[2].cqe), 0);
  EXPECT_EQ(into, snapshot) << "memory was touched after on_data";
}

TEST(Cancel, StopsDataThatIsBeingSent) {
  World world;
  Joined joined(world, {}, {{"maxc2hdata", "8192"}});
  ControllerQueue& controller = joined.controller();
  joined.wire.chunk = 1000;
  Bytes from = pattern(4u << 20, 2), back(4u << 20);
  controller.on_command = [&](std::uint64_t token) {
    const Cqe cqe = make_cqe(1);
    ASSERT_EQ(controller.send(token, 0, from.data(), from.size(), 7, &cqe, WEFT_ALLOW_IMPLIED), 0);
  };
  ASSERT_EQ(joined.host.send(make_sqe(kRead, 1), nullptr, &back), 0);
  world.run_until([&] { return joined.wire.to_host.moved > 20000; });
  const std::uint64_t token = controller.order[0];
  world.table.cancel_data(controller.handle, token);
  world.run_until([&] { return controller.outstanding == 0; });
  EXPECT_EQ(controller.data[7].error, -ECANCELED);
  EXPECT_LT(controller.data[7].moved, from.size());
  EXPECT_EQ(controller.data[7].flags, 0u);
  EXPECT_EQ(controller.respond(token, 0x6), 0);
  EXPECT_EQ(controller.release(token), 0);
  world.run_until([&] { return joined.host.answered(1); });
  EXPECT_EQ(status_of(*joined.host.responses[1].cqe), 6);
  EXPECT_EQ(joined.host.responses[1].moved, controller.data[7].moved);
}

TEST(Calls, RefuseWhatTheContractForbids) {
  World world;
  Joined joined(world);
  ControllerQueue& controller = joined.controller();
  HostQueue& host = joined.host;
  Bytes data(100000), back(100);
  ASSERT_EQ(host.send(make_sqe(kFlush, 1)), 0);
  EXPECT_EQ(host.send(make_sqe(kFlush, 1)), -EINVAL) << "the CID is in use";
  EXPECT_EQ(host.send(make_sqe(kFlush, 16)), -EINVAL) << "not below the depth";
  world.run_until([&] { return host.outstanding == 0; });
  controller.on_command = [](std::uint64_t) {};
  ASSERT_EQ(host.send(make_sqe(kWrite, 1), &data), 0);
  world.run_until([&] { return controller.held == 1; });
  const std::uint64_t token = controller.order.back();
  EXPECT_EQ(controller.receive(token, 8, data.data(), 100, 1), -EINVAL) << "data is asked for in order";
  EXPECT_EQ(controller.receive(token, 0, data.data(), 100001, 1), -EINVAL) << "beyond the command";
  EXPECT_EQ(controller.receive(token + 1, 0, data.data(), 100, 1), -EINVAL) << "no such command";
  EXPECT_EQ(controller.receive(99999, 0, data.data(), 100, 1), -EINVAL);
  EXPECT_EQ(controller.release(99999), -EINVAL);
  ASSERT_EQ(controller.receive(token, 0, data.data(), 50000, 1), 0);
  ASSERT_EQ(controller.receive(token, 50000, data.data(), 25000, 2), 0);
  EXPECT_EQ(controller.receive(token, 75000, data.data(), 25000, 3), -EINVAL) << "two calls are outstanding";
  world.run_until([&] { return controller.outstanding == 0; });
  EXPECT_EQ(controller.respond(token), 0);
  EXPECT_EQ(controller.respond(token), -EINVAL) << "answered already";
  EXPECT_EQ(controller.release(token), 0);
  EXPECT_EQ(controller.release(token), -EINVAL);
}

}  // namespace
}  // namespace weft::test

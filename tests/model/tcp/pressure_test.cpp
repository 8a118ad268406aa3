// Full queues, short memory, few tokens: nothing is lost, nothing stands still for good.
#include <atomic>
#include <chrono>
#include <thread>

#include "world.hpp"

namespace weft::test {
namespace {

TEST(Pressure, MemoryForInCapsuleDataRunsOutAndComesBack) {
  World world(Options{{"rxmem", "1048576"}});
  const weft_qpair_params io = params(128, false, 8192);
  Joined one(world, {}, {}, io, io), two(world, {}, {}, io, io);
  const Bytes data = pattern(8192, 3);
  std::deque<std::pair<ControllerQueue*, std::uint64_t>> kept;
  for (Joined* joined : {&one, &two}) {
    ASSERT_EQ(world.table.configure(joined->controller().handle, &io, nullptr), 0);
    ControllerQueue& controller = joined->controller();
    controller.on_command = [&](std::uint64_t token) { kept.emplace_back(&controller, token); };
    for (std::uint16_t cid = 0; cid < 128; ++cid) ASSERT_EQ(joined->host.send(make_sqe(kWrite, cid), &data), 0);
  }
  world.settle(300);
  EXPECT_LT(kept.size(), 256u) << "2 MiB of data were taken into 1 MiB of memory";
  EXPECT_GT(kept.size(), 64u);
  world.run_until([&] {
    while (!kept.empty()) {
      const auto [controller, token] = kept.front();
      kept.pop_front();
      EXPECT_EQ(controller->commands[token].data, data);
      EXPECT_EQ(controller->respond(token), 0);
      EXPECT_EQ(controller->release(token), 0);
    }
    return one.host.outstanding + two.host.outstanding == 0;
  });
}

// A capsule of a Write with 8 KiB of in-capsule data, of which only so much is sent.
Bytes part_of_a_capsule(std::uint16_t cid, std::size_t length) {
  constexpr std::uint32_t kData = 8192;
  Bytes pdu(72 + kData);
  pdu[0] = std::byte{4};
  pdu[2] = std::byte{72};
  pdu[3] = std::byte{72};
  store(pdu.data() + 4, le32(static_cast<std::uint32_t>(pdu.size())));
  Sqe sqe = make_sqe(kWrite, cid);
  sqe[1] = std::byte{0x40};  // PSDT: SGL
  store(sqe.data() + 32, le32(kData));
  sqe[39] = std::byte{0x01};  // a data block at an offset in the capsule
  std::copy(sqe.begin(), sqe.end(), pdu.begin() + 8);
  const Bytes data = pattern(kData, cid);
  std::copy(data.begin(), data.end(), pdu.begin() + 72);
  pdu.resize(length);
  return pdu;
}

TEST(Pressure, HalfCapsulesHoldNothingThatOthersNeed) {
  World world(Options{{"rxmem", "1048576"}});
  std::deque<RawPeer> peers;
  std::deque<Server> servers;
  for (std::uint16_t i = 0; i < 200; ++i) {
    RawPeer& peer = peers.emplace_back(world);
    servers.emplace_back(world, Where(peer.other_fd), params(8, true));
    peer.send(ic_req());
    peer.expect(128);
    peer.send(part_of_a_capsule(i, 1000));
  }
  world.settle();
  Joined joined(world);
  const Bytes data = pattern(8192, 3);
  ASSERT_EQ(joined.host.send(make_sqe(kWrite, 1), &data), 0);
  world.run_until([&] { return joined.host.answered(1); }, "a host among those that send half a capsule");
  for (std::uint16_t i = 0; i < 200; ++i) {  // and what comes in two parts is whole
    const Bytes whole = part_of_a_capsule(i, 72 + 8192);
    ControllerQueue& queue = *servers[i].queues.at(0);
    queue.on_command = [&queue](std::uint64_t token) {
      EXPECT_EQ(queue.respond(token), 0);
      EXPECT_EQ(queue.release(token), 0);
    };
    peers[i].send(Bytes(whole.begin() + 1000, whole.end()));
    world.run_until([&] { return queue.commands.size() == 1; });
    EXPECT_EQ(queue.commands.begin()->second.told.status, 0);
    EXPECT_EQ(queue.commands.begin()->second.data, pattern(8192, i)) << i;
  }
}

TEST(Pressure, DataThatTheCoreHasReceivedIsHeldNoLonger) {
  World world(Options{{"rxmem", "1048576"}});
  const weft_qpair_params io = params(128, false, 8192);
  Joined one(world, {}, {}, io, io), two(world, {}, {}, io, io);
  const Bytes data = pattern(8192, 3);
  Bytes into(data.size());
  std::deque<std::pair<ControllerQueue*, std::uint64_t>> kept;
  for (Joined* joined : {&one, &two}) {
    ASSERT_EQ(world.table.configure(joined->controller().handle, &io, nullptr), 0);
    ControllerQueue& controller = joined->controller();
    controller.on_command = [&](std::uint64_t token) {
      EXPECT_EQ(controller.receive(token, 0, into.data(), into.size(), token), 0);
      EXPECT_EQ(controller.receive(token, 0, into.data(), into.size(), token), -EINVAL) << "it is gone";
      kept.emplace_back(&controller, token);
    };
    controller.on_data = [](std::uint64_t) {};
    for (std::uint16_t cid = 0; cid < 128; ++cid) ASSERT_EQ(joined->host.send(make_sqe(kWrite, cid), &data), 0);
  }
  world.run_until([&] { return kept.size() == 256; }, "2 MiB of data through 1 MiB of memory");
  EXPECT_EQ(into, data);
  world.settle();
  for (const auto& [controller, token] : kept) {
    EXPECT_EQ(controller->respond(token), 0);
    EXPECT_EQ(controller->release(token), 0);
  }
  world.run_until([&] { return one.host.outstanding + two.host.outstanding == 0; });
}

// Each may hold 64 KiB when there is enough, which for all of them there is not: one more is let in, and its command comes.
TEST(Pressure, ManyThatHoldDataLeaveSomeForWhoHoldsNone) {
  World world(Options{{"rxmem", "1048576"}});
  const weft_qpair_params io = params(16, false, 8192);
  const Bytes data = pattern(8192, 3);
  std::deque<std::pair<ControllerQueue*, std::uint64_t>> kept;
  std::deque<Joined> hogs;
  for (int i = 0; i < 12; ++i) {
    Joined& hog = hogs.emplace_back(world, Options{}, Options{}, io, io);
    ASSERT_EQ(world.table.configure(hog.controller().handle, &io, nullptr), 0);
    ControllerQueue& controller = hog.controller();
    controller.on_command = [&](std::uint64_t token) { kept.emplace_back(&controller, token); };
    for (std::uint16_t cid = 0; cid < 16; ++cid) ASSERT_EQ(hog.host.send(make_sqe(kWrite, cid), &data), 0);
  }
  world.settle(300);
  EXPECT_LT(kept.size(), 12u * 16u);
  Joined other(world, {}, {}, io, io);
  ASSERT_EQ(world.table.configure(other.controller().handle, &io, nullptr), 0);
  ASSERT_EQ(other.host.send(make_sqe(kWrite, 0), &data), 0);
  world.run_until([&] { return other.host.outstanding == 0; }, "the host that holds none");
  world.run_until([&] {
    for (const auto& [controller, token] : std::exchange(kept, {})) {
      EXPECT_EQ(controller->respond(token), 0);
      EXPECT_EQ(controller->release(token), 0);
    }
    return std::all_of(hogs.begin(), hogs.end(), [](const Joined& hog) { return hog.host.outstanding == 0; });
  });
}

TEST(Pressure, AConnectionThatHoldsMuchLeavesAsMuchForTheOthers) {
  World world(Options{{"rxmem", "1048576"}});
  const weft_qpair_params io = params(128, false, 8192);
  Joined hog(world, {}, {}, io, io), other(world, {}, {}, io, io);
  ASSERT_EQ(world.table.configure(hog.controller().handle, &io, nullptr), 0);
  ASSERT_EQ(world.table.configure(other.controller().handle, &io, nullptr), 0);
  std::vector<std::uint64_t> kept;
  hog.controller().on_command = [&](std::uint64_t token) { kept.push_back(token); };
  const Bytes data = pattern(8192, 3);
  for (std::uint16_t cid = 0; cid < 128; ++cid) ASSERT_EQ(hog.host.send(make_sqe(kWrite, cid), &data), 0);
  world.settle(300);
  EXPECT_LT(kept.size(), 128u);
  for (std::uint16_t cid = 0; cid < 128; ++cid) ASSERT_EQ(other.host.send(make_sqe(kWrite, cid), &data), 0);
  world.run_until([&] { return other.host.outstanding == 0; }, "the other host");
  world.run_until([&] {
    for (const std::uint64_t token : std::exchange(kept, {})) {
      EXPECT_EQ(hog.controller().respond(token), 0);
      EXPECT_EQ(hog.controller().release(token), 0);
    }
    return hog.host.outstanding == 0;
  });
}

TEST(Pressure, AHostGoesOnWhileControllersHaveNoMemory) {
  World world(Options{{"rxmem", "1048576"}});
  const weft_qpair_params io = params(128, false, 8192);
  Joined hog(world, {}, {}, io, io);
  ASSERT_EQ(world.table.configure(hog.controller().handle, &io, nullptr), 0);
  hog.controller().on_command = [](std::uint64_t) {};
  const Bytes data = pattern(8192, 3);
  for (std::uint16_t cid = 0; cid < 128; ++cid) ASSERT_EQ(hog.host.send(make_sqe(kWrite, cid), &data), 0);
  world.settle(300);
  // A host's connection on the very group that is out of memory.
  std::swap(world.host_group, world.controller_group);
  RawPeer peer(world);
  HostQueue host(world, Where(peer.other_fd), params(8, true));
  peer.expect(128);
  peer.send(ic_resp());
  world.run_until([&] { return host.limits.has_value(); });
  world.table.close(host.handle, 0, 0);
  world.run_until([&] { return host.closed.has_value(); });
  std::swap(world.host_group, world.controller_group);
}

TEST(Pressure, CommandsWaitForATokenInOrder) {
  World world;
  Joined joined(world, {}, {}, params(4, true), params(4, true));
  ControllerQueue& controller = joined.controller();
  std::vector<std::uint64_t> answered;
  std::vector<std::uint32_t> seen;
  controller.on_command = [&](std::uint64_t token) {
    seen.push_back(load<le32>(controller.commands[token].sqe.data() + 40));
    EXPECT_EQ(controller.respond(token), 0);  // but not released
    answered.push_back(token);
  };
  std::uint32_t next = 0;
  const Bytes data = pattern(1000, 1);
  for (std::uint16_t cid = 0; cid < 4; ++cid) ASSERT_EQ(joined.host.send(make_sqe(kWrite, cid, next++), &data), 0);
  world.run_until([&] { return joined.host.outstanding == 0; });
  for (std::uint16_t cid = 0; cid < 4; ++cid) ASSERT_EQ(joined.host.send(make_sqe(kWrite, cid, next++), &data), 0);
  world.settle(30);
  EXPECT_EQ(seen.size(), 4u) << "there was no token for the fifth";
  EXPECT_FALSE(controller.closed);
  while (!answered.empty()) {
    EXPECT_EQ(controller.release(answered.back()), 0);
    answered.pop_back();
  }
  world.run_until([&] { return joined.host.outstanding == 0; });
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Pressure, MoreUnansweredCommandsThanTheQueueHoldsAreAViolation) {
  World world;
  Joined joined(world, {}, {}, params(8, true), params(4, true));
  joined.controller().on_command = [](std::uint64_t) {};
  for (std::uint16_t cid = 0; cid < 5; ++cid) ASSERT_EQ(joined.host.send(make_sqe(kFlush, cid)), 0);
  world.run_until([&] { return joined.host.closed && joined.controller().closed; });
  EXPECT_EQ(joined.controller().closed->origin, WEFT_ORIGIN_PROTOCOL);
  EXPECT_EQ(joined.host.closed->origin, WEFT_ORIGIN_PEER);
  EXPECT_EQ(joined.controller().held, 4);
}

TEST(Pressure, Depth128OfLargeTransfersBothWays) {
  World world;
  const weft_qpair_params io = params(128, false, 4096);
  Joined joined(world, {{"ddgst", "on"}, {"maxr2t", "4"}}, {{"maxh2cdata", "32768"}, {"maxr2t", "4"}}, io,
                params(16, true));
  ASSERT_EQ(world.table.configure(joined.controller().handle, &io, nullptr), 0);
  std::vector<Bytes> data, back(128, Bytes(30000));
  for (std::uint16_t cid = 0; cid < 128; ++cid) data.push_back(pattern(30000, cid));
  for (int round = 0; round < 3; ++round) {
    for (std::uint16_t cid = 0; cid < 128; ++cid)
      ASSERT_EQ(joined.host.send(make_sqe(kWrite, cid, cid * 30000u), &data[cid], nullptr, 9), 0);
    world.run_until([&] { return joined.host.outstanding == 0; });
    for (std::uint16_t cid = 0; cid < 128; ++cid)
      ASSERT_EQ(joined.host.send(make_sqe(kRead, cid, cid * 30000u), nullptr, &back[cid], 9), 0);
    world.run_until([&] { return joined.host.outstanding == 0; });
    EXPECT_EQ(back, data);
  }
  weft_stats stats{};
  stats.size = sizeof stats;
  world.table.group_stats(world.controller_group, &stats);
  EXPECT_EQ(stats.commands, 6u * 128u);
  EXPECT_EQ(stats.digest_errors, 0u);
}

// A pending goes to a thread with a group of its own, while the listener's group goes on.
TEST(Threads, APendingIsAcceptedOnAnotherOnesGroup) {
  World world;
  Server server(world, Where("127.0.0.1", "0"), params(8, true));
  server.keep = true;
  HostQueue host(world, Where("127.0.0.1", server.port()), params(8, true));
  world.run_until([&] { return server.pendings.size() == 1; });
  weft_pending* pending = std::exchange(server.pendings, {})[0];
  std::atomic<bool> done = false;
  std::thread other([&] {
    World there;
    ControllerQueue queue(there, pending, params(8, true));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done && std::chrono::steady_clock::now() < deadline) there.turn();
    EXPECT_TRUE(done);
  });
  const Bytes data = pattern(50000, 1);
  world.run_until([&] { return host.limits.has_value(); });
  EXPECT_EQ(host.send(make_sqe(kWrite, 1), &data), 0);
  world.run_until([&] { return host.answered(1); });
  done = true;
  other.join();
  EXPECT_EQ(host.responses[1].error, 0);
}

}  // namespace
}  // namespace weft::test

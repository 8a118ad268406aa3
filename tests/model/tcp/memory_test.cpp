// What a queue pair costs, and that I/O allocates nothing: by counting operator new on the test's thread.
#include <cstdlib>
#include <new>

#include <fcntl.h>
#include <malloc.h>

#include "plugins/tcp/transfer.hpp"
#include "world.hpp"

namespace {

thread_local std::int64_t live_bytes = 0;
thread_local std::uint64_t allocations = 0;
thread_local std::uint64_t fail_in = 0;  // the how-manieth from now on fails; 0: none

void* counted(std::size_t size) {
  if (fail_in != 0 && --fail_in == 0) throw std::bad_alloc();
  void* place = std::malloc(size);
  if (place == nullptr) throw std::bad_alloc();
  live_bytes += static_cast<std::int64_t>(::malloc_usable_size(place));
  ++allocations;
  return place;
}

void uncounted(void* place) noexcept {
  if (place == nullptr) return;
  live_bytes -= static_cast<std::int64_t>(::malloc_usable_size(place));
  std::free(place);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* place) noexcept { uncounted(place); }
void operator delete[](void* place) noexcept { uncounted(place); }
void operator delete(void* place, std::size_t) noexcept { uncounted(place); }
void operator delete[](void* place, std::size_t) noexcept { uncounted(place); }

namespace weft::test {
namespace {

// The queue pairs' own memory; the lists of data calls are the group's, shared, and touched only as far as they are in
// use.
constexpr std::int64_t kMostPerQueue = 64 << 10;
constexpr std::int64_t kSharedLists = 128 * WEFT_DATA_CALLS * (192 + 512);

TEST(Memory, AQueuePairOfDepth128IsSmall) {
  World world;
  const weft_qpair_params io = params(128, false, 4096);
  RawPeer peer(world);
  auto pendings = std::make_unique<Server>(world, Where(peer.other_fd), io);
  pendings->keep = true;
  world.run_until([&] { return pendings->pendings.size() == 1; });
  weft_pending* pending = std::exchange(pendings->pendings, {})[0];
  const std::int64_t before = live_bytes;
  ControllerQueue controller(world, pending, io);
  peer.send(ic_req());
  peer.expect(128);
  world.run_until([&] { return controller.limits.has_value(); });
  const std::int64_t cost = live_bytes - before - static_cast<std::int64_t>(ControllerQueue::kMemory) - kSharedLists;
  EXPECT_LT(cost, kMostPerQueue);
  RecordProperty("controller_bytes", static_cast<int>(cost));

  RawPeer other(world);
  const std::int64_t before_host = live_bytes;
  HostQueue host(world, Where(other.other_fd), io);
  other.expect(128);
  other.send(ic_resp());
  world.run_until([&] { return host.limits.has_value(); });
  EXPECT_LT(live_bytes - before_host, kMostPerQueue + kSharedLists / 2);
}

// One call for all data of a command, from and to the same memory.
void serve_from(Bytes& memory, ControllerQueue& controller) {
  const auto answer = [&controller](std::uint64_t token) {
    controller.respond(token);
    controller.release(token);
  };
  controller.on_data = answer;
  controller.on_command = [&memory, &controller, answer](std::uint64_t token) {
    const ControllerQueue::Command& command = controller.commands[token];
    const std::uint64_t length = command.told.data_len;
    if (command.told.capsule_data != nullptr || length == 0) return answer(token);
    if (command.sqe[0] != std::byte{kRead}) {
      controller.receive(token, 0, memory.data(), length, token);
      return;
    }
    const Cqe cqe = make_cqe(cid_of(command.sqe.data()));
    controller.send(token, 0, memory.data(), length, token, &cqe, WEFT_ALLOW_IMPLIED);
  };
}

TEST(Memory, IoAllocatesNothing) {
  World world;
  for (const bool digests : {false, true}) {
    const weft_qpair_params io = params(8, false, 4096);
    Joined joined(world, {{"hdgst", digests ? "on" : "off"}, {"ddgst", digests ? "on" : "off"}},
                  {{"maxh2cdata", "32768"}}, io, io);
    ASSERT_EQ(world.table.configure(joined.controller().handle, &io, nullptr), 0);
    ControllerQueue& controller = joined.controller();
    const Bytes data = pattern(100000, 1);
    Bytes back(100000), memory(100000);
    std::uint64_t inside = 0;
    // The test's own allocations do not count: only those between entering and leaving the table are looked at.
    const auto counted_turn = [&] {
      joined.wire.move();
      const std::uint64_t before = allocations;
      world.table.group_poll(world.host_group, 32);
      world.table.group_poll(world.controller_group, 32);
      inside += allocations - before;
    };
    serve_from(memory, controller);
    world.between_turns.clear();
    // The queues of world.hpp write events into maps and vectors: after a warm-up those do not grow any more, but for
    // the order of commands, which is emptied.
    for (int round = 0; round < 300; ++round) {
      controller.order.clear();
      const std::size_t length = round % 2 == 0 ? 4096 : 100000;
      Bytes part(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(length));
      back.resize(length);
      // A response of the last round is forgotten by send(), and made again: what that allocates is the test's.
      ASSERT_EQ(joined.host.send(make_sqe(kWrite, 1), &part), 0);
      const std::uint64_t before = inside;
      while (!joined.host.answered(1)) counted_turn();
      ASSERT_EQ(joined.host.send(make_sqe(kRead, 2), nullptr, &back), 0);
      while (!joined.host.answered(2)) counted_turn();
      // One map node for each of two responses, and the copy that on_command makes of in-capsule data.
      EXPECT_LE(inside - before, round < 50 ? 10u : 3u) << "round " << round;
    }
    joined.wire.chunk = 65536;
    world.between_turns.push_back([&] { joined.wire.move(); });
    world.table.close(joined.host.handle, 0, 0);
    world.run_until([&] { return joined.host.closed && joined.controller().closed; });
    world.between_turns.clear();
  }
}

// Calls `call` with the first allocation failing, then the second, until it succeeds; how often it failed.
int fail_each(const std::function<int()>& call, const std::function<void()>& unharmed) {
  for (std::uint64_t n = 1; n < 1000; ++n) {
    fail_in = n;
    const int rc = call();
    fail_in = 0;
    if (rc == 0) return static_cast<int>(n - 1);
    EXPECT_EQ(rc, -ENOMEM) << "allocation " << n;
    unharmed();
  }
  ADD_FAILURE() << "never succeeds";
  return 0;
}

TEST(NoMemory, AConnectThatFailsLeavesTheDescriptor) {
  World world;
  RawPeer peer(world);
  const Where where(peer.other_fd);
  const weft_qpair_params io = params(8, true);
  weft_qpair_events events{};
  events.size = sizeof events;
  bool closed = false;
  events.on_closed = [](void* ctx, const weft_error*) { *static_cast<bool*>(ctx) = true; };
  weft_qpair* handle = nullptr;
  const int failures = fail_each(
      [&] { return world.table.connect(world.host_group, where.get(), &io, &events, &closed, &handle, nullptr); },
      [&] { ASSERT_NE(::fcntl(peer.other_fd, F_GETFD), -1) << "the descriptor was closed"; });
  EXPECT_GT(failures, 3);
  world.table.close(handle, 0, 0);
  world.run_until([&] { return closed; });
}

TEST(NoMemory, AnAcceptThatFailsLeavesThePending) {
  struct Told {
    bool ready = false, closed = false;
  };
  World world;
  RawPeer peer(world);
  Server server(world, Where(peer.other_fd), params(8, true));
  server.keep = true;
  world.run_until([&] { return server.pendings.size() == 1; });
  weft_pending* const pending = std::exchange(server.pendings, {})[0];
  const weft_qpair_params io = params(8, true);
  Told told;
  weft_qpair_events events{};
  events.size = sizeof events;
  events.on_ready = [](void* ctx, const weft_limits*) { static_cast<Told*>(ctx)->ready = true; };
  events.on_closed = [](void* ctx, const weft_error*) { static_cast<Told*>(ctx)->closed = true; };
  weft_qpair* handle = nullptr;
  const int failures = fail_each(
      [&] { return world.table.accept(world.controller_group, pending, &io, &events, &told, &handle, nullptr); },
      [] {});
  EXPECT_GT(failures, 3);
  peer.send(ic_req());
  world.run_until([&] { return told.ready; }, "the handshake on a connection that was accepted at last");
  world.table.close(handle, 0, 0);
  world.run_until([&] { return told.closed; });
}

TEST(NoMemory, AConfigureThatFailsMayBeRepeated) {
  World world;
  const weft_qpair_params io = params(64, false, 32768);
  Joined joined(world, {}, {}, io, params(2, true));
  const int failures =
      fail_each([&] { return world.table.configure(joined.controller().handle, &io, nullptr); }, [] {});
  EXPECT_GT(failures, 3);
  const Bytes data = pattern(50000, 1);
  for (std::uint16_t cid = 0; cid < 64; ++cid) ASSERT_EQ(joined.host.send(make_sqe(kWrite, cid), &data), 0);
  world.run_until([&] { return joined.host.outstanding == 0; });
  for (std::uint16_t cid = 0; cid < 64; ++cid) EXPECT_EQ(joined.host.responses[cid].error, 0);
}

TEST(NoMemory, TagsThatCouldNotBeMadeAreMadeTheNextTime) {
  tcp::ControllerTransfers transfers(2, 4, 131072);
  const int failures = fail_each(
      [&] {
        try {
          return transfers.grow(64) ? 0 : -EBUSY;
        } catch (const std::bad_alloc&) {
          return -ENOMEM;
        }
      },
      [&] {
        EXPECT_EQ(transfers.depth(), 2u);
        EXPECT_EQ(transfers.tag_count(), 8u);
      });
  EXPECT_EQ(failures, 2);
  EXPECT_EQ(transfers.tag_count(), 256u);
}

}  // namespace
}  // namespace weft::test

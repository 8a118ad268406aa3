// Memory for received bytes that is used up and does not come back: every connection goes on, one command with in-capsule data
// at a time, in memory of its own.
#include <algorithm>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "world.hpp"

namespace weft::test {
namespace {

constexpr std::uint32_t kData = 8192;

// Connections that never release what they send hold three quarters of 1 MiB.
class LowMemory : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 12; ++i) {
      Joined& hog = hogs_.emplace_back(world, Options{}, Options{}, io, io);
      configure(hog);
      ControllerQueue& controller = hog.controller();
      controller.on_command = [&](std::uint64_t token) { kept_.emplace_back(&controller, token); };
      for (std::uint16_t cid = 0; cid < 16; ++cid) ASSERT_EQ(hog.host.send(make_sqe(kWrite, cid), &data), 0);
    }
    world.settle(100);
    const auto is_warning = [](const std::string& text) { return text.find("option rxmem") != std::string::npos; };
    ASSERT_EQ(std::ranges::count_if(world.logged, is_warning), 1) << "memory is not low";
  }
  void configure(Joined& joined) { ASSERT_EQ(world.table.configure(joined.controller().handle, &io, nullptr), 0); }
  void let_hogs_go() {
    world.run_until([&] {
      for (const auto& [controller, token] : std::exchange(kept_, {})) {
        EXPECT_EQ(controller->respond(token), 0);
        EXPECT_EQ(controller->release(token), 0);
      }
      return std::all_of(hogs_.begin(), hogs_.end(), [](const Joined& hog) { return hog.host.outstanding == 0; });
    });
  }
  // That the data is right where the core was told that it lies, and not only in the copy that the test made then.
  static void expect_held(ControllerQueue& controller, std::uint64_t token, const Bytes& expected) {
    const weft_command& told = controller.commands[token].told;
    ASSERT_EQ(told.data_len, expected.size());
    ASSERT_NE(told.capsule_data, nullptr);
    EXPECT_EQ(std::memcmp(told.capsule_data, expected.data(), expected.size()), 0);
  }

  const Bytes data = pattern(kData, 3);
  const weft_qpair_params io = params(16, false, kData);
  World world{Options{{"rxmem", "1048576"}}};
  std::deque<std::pair<ControllerQueue*, std::uint64_t>> kept_;
  std::deque<Joined> hogs_;
};

TEST_F(LowMemory, OfEachConnectionOneCommandMoreComes) {
  constexpr std::uint32_t kConnections = 48;  // their first commands alone are more than what is left
  std::deque<Bytes> sent;
  std::deque<Joined> late;
  std::map<ControllerQueue*, std::vector<std::uint64_t>> held;
  for (std::uint32_t i = 0; i < kConnections; ++i) {
    Joined& one = late.emplace_back(world, Options{}, Options{}, io, io);
    configure(one);
    ControllerQueue& controller = one.controller();
    controller.on_command = [&](std::uint64_t token) { held[&controller].push_back(token); };
    for (std::uint16_t cid = 0; cid < 4; ++cid) {
      ASSERT_EQ(one.host.send(make_sqe(kWrite, cid, cid), &sent.emplace_back(pattern(kData, 100 * i + cid))), 0);
    }
    world.run_until([&] { return held.contains(&controller); }, "its first command");
  }
  world.settle();
  for (std::uint32_t i = 0; i < kConnections; ++i) {
    ControllerQueue& controller = late[i].controller();
    ASSERT_EQ(held[&controller].size(), 1u) << "one at a time";
    for (std::uint16_t cid = 0; cid < 4; ++cid) {
      world.run_until([&] { return held[&controller].size() == 1; }, "the next one, once the one before is released");
      const std::uint64_t token = std::exchange(held[&controller], {})[0];
      EXPECT_EQ(cid_of(controller.commands[token].sqe.data()), cid);
      expect_held(controller, token, pattern(kData, 100 * i + cid));
      EXPECT_EQ(controller.respond(token), 0);
      EXPECT_EQ(controller.release(token), 0);
    }
    world.run_until([&] { return late[i].host.outstanding == 0; });
  }
  let_hogs_go();
}

// The first of a fused pair is answered only when the second has come.
TEST_F(LowMemory, WhoWaitsForItsRoomGoesOnWhenMemoryIsThereAgain) {
  Joined one(world, {}, {}, io, io);
  configure(one);
  std::vector<std::uint64_t> held;
  one.controller().on_command = [&](std::uint64_t token) { held.push_back(token); };
  const Bytes first = pattern(kData, 1), second = pattern(kData, 2);
  ASSERT_EQ(one.host.send(make_sqe(kWrite, 1), &first), 0);
  ASSERT_EQ(one.host.send(make_sqe(kWrite, 2), &second), 0);
  world.settle();
  ASSERT_EQ(held.size(), 1u);
  let_hogs_go();
  world.run_until([&] { return held.size() == 2; }, "the second, while the first is held");
  expect_held(one.controller(), held[0], first);
  expect_held(one.controller(), held[1], second);
  for (const std::uint64_t token : held) {
    EXPECT_EQ(one.controller().respond(token), 0);
    EXPECT_EQ(one.controller().release(token), 0);
  }
  world.run_until([&] { return one.host.outstanding == 0; });
}

// As with Connect, whose data lies in the capsule while the queue gets its sizes.
TEST_F(LowMemory, AQueueThatIsConfiguredKeepsTheDataOfTheCommandUnderWay) {
  const weft_qpair_params large = params(16, false, 65536);
  Joined one(world, {}, {}, large, io);
  const Bytes small = pattern(1024, 1), much = pattern(65536, 2);
  std::vector<std::uint64_t> held;
  one.controller().on_command = [&](std::uint64_t token) {
    if (held.empty()) {
      EXPECT_EQ(world.table.configure(one.controller().handle, &large, nullptr), 0);
    }
    held.push_back(token);
  };
  ASSERT_EQ(one.host.send(make_sqe(kWrite, 1), &small), 0);
  world.run_until([&] { return held.size() == 1; });
  ASSERT_EQ(one.host.send(make_sqe(kWrite, 2), &much), 0);
  world.settle();
  EXPECT_EQ(held.size(), 1u) << "the data of the first is not released";
  expect_held(one.controller(), held[0], small);
  EXPECT_EQ(one.controller().respond(held[0]), 0);
  world.run_until([&] { return held.size() == 2; });
  expect_held(one.controller(), held[1], much);
  for (const std::uint64_t token : held) {
    static_cast<void>(one.controller().respond(token));
    EXPECT_EQ(one.controller().release(token), 0);
  }
  world.run_until([&] { return one.host.outstanding == 0; });
}

// Reads, writes in the capsule and by R2T, with digests, a few bytes at a time: the same bytes come.
TEST_F(LowMemory, EveryKindOfPduIsReadWithoutAByteTooMany) {
  for (const std::size_t chunk : {std::size_t{7}, std::size_t{72}, std::size_t{65536}}) {
    Joined one(world, {{"hdgst", "on"}, {"ddgst", "on"}}, {{"maxh2cdata", "4096"}}, io, io);
    configure(one);
    one.wire.chunk = chunk;
    const bool few = chunk < 64;  // a few bytes a turn take many turns
    const std::uint16_t commands = few ? 1 : 4;
    const Bytes inside = pattern(few ? 500 : 4000, 1), by_r2t = pattern(few ? 5000 : 10000, 2);
    Bytes back(by_r2t.size());
    for (std::uint16_t cid = 0; cid < commands; ++cid) {
      ASSERT_EQ(one.host.send(make_sqe(kWrite, cid, cid * 20000u), &inside), 0);
      ASSERT_EQ(one.host.send(make_sqe(kWrite, cid + 4, cid * 20000u + 10000), &by_r2t, nullptr, 3), 0);
    }
    world.run_until([&] { return one.host.outstanding == 0; });
    const std::uint32_t last = (commands - 1) * 20000u;
    ASSERT_EQ(one.host.send(make_sqe(kRead, 9, last + 10000), nullptr, &back), 0);
    world.run_until([&] { return one.host.outstanding == 0; });
    EXPECT_EQ(back, by_r2t) << chunk;
    EXPECT_TRUE(std::equal(inside.begin(), inside.end(), one.controller().memory.begin() + last)) << chunk;
    EXPECT_FALSE(one.controller().closed);
  }
  let_hogs_go();
}

// A capsule that is cut where memory becomes low, or is there again.
TEST_F(LowMemory, ACapsuleMayBeginAndEndOnEitherSide) {
  std::deque<Joined> some;
  const auto begin = [&](std::uint32_t bytes) {
    Joined& one = some.emplace_back(world, Options{}, Options{}, io, io);
    configure(one);
    one.wire.to_controller.cut_after = UINT64_MAX;
    one.wire.chunk = bytes;
    EXPECT_EQ(one.host.send(make_sqe(kWrite, 1), &data), 0);
    world.settle(2);
  };
  for (const std::uint32_t bytes : {30u, 72u, 500u, 4000u}) begin(bytes);
  let_hogs_go();
  for (Joined& one : some) {
    world.run_until([&] { return one.host.outstanding == 0; });
    EXPECT_EQ(one.controller().commands.begin()->second.data, data);
  }
}

TEST_F(LowMemory, EndsInEveryStateLeaveNothing) {
  const Bytes first = pattern(kData, 1);
  for (const std::uint64_t cut : {10u, 100u, 4000u, 8264u, 9000u, 16000u}) {
    Joined one(world, {}, {}, io, io);
    configure(one);
    std::vector<std::uint64_t> held;
    one.controller().on_command = [&](std::uint64_t token) { held.push_back(token); };
    one.wire.to_controller.cut_after = one.wire.to_controller.moved + cut;
    ASSERT_EQ(one.host.send(make_sqe(kWrite, 1), &first), 0);
    ASSERT_EQ(one.host.send(make_sqe(kWrite, 2), &first), 0);
    world.run_until([&] { return one.host.closed && (one.wire.is_cut() || !held.empty()); });
    for (const std::uint64_t token : std::exchange(held, {})) {
      expect_held(one.controller(), token, first);
      EXPECT_EQ(one.controller().release(token), 0);
    }
    world.run_until([&] { return one.controller().closed.has_value(); });
    for (const std::uint64_t token : held) EXPECT_EQ(one.controller().release(token), 0);
  }
  let_hogs_go();
}

}  // namespace
}  // namespace weft::test

// Controllers played by hand that break the rules, against the host's role: the queue pair ends in words, each command
// ends once, and the host's memory is what the rules allow.
#include <utility>

#include "queues.hpp"

namespace weft::rdma::model {
namespace {

using testing::HasSubstr;

constexpr std::uint16_t kDepth = 8;

struct BadControllerTest : testing::Test {
  explicit BadControllerTest(const Traits& host_traits = {})
      : world({.seed = 1, .host = host_traits, .controller = {}}), bad(world.controller) {
    world.time_passes = true;
    world.forgives = true;  // of the controller's machine; the host's is looked at in TearDown
    world.each_turn.push_back([this] { bad.poll(); });
    bad.listen(kControllerAddress, kPort);
    bad.private_data = answer_data(kDepth);
    buffer = std::make_unique<Buffer>(world, world.host_domain, 65536, true);
  }
  void connect(std::uint32_t in_capsule = 0) {
    host = std::make_unique<HostQueue>(world, Where(), params(kDepth, false, in_capsule));
    world.run_until([this] { return (host->limits && bad.has_pair()) || host->closed; });
    ASSERT_TRUE(host->limits) << host->closed->text;
  }
  void TearDown() override {
    EXPECT_THAT(world.host.record.faults(), testing::IsEmpty());
    host.reset();
    buffer.reset();
    world.each_turn.clear();
    bad.leave();
  }
  // The next capsule of the host.
  Bytes take() {
    world.run_until([this] { return !bad.received.empty(); }, "a capsule");
    Bytes capsule = bad.received.front().bytes;
    bad.received.pop_front();
    return capsule;
  }
  Bytes read_command(std::uint16_t cid = 1, std::size_t length = 4096) {
    EXPECT_EQ(host->read(cid, 0, *buffer, length), 0);
    return take();
  }
  void expect_ended(const char* words, std::uint32_t origin = WEFT_ORIGIN_PROTOCOL) {
    world.run_until([this] { return host->closed.has_value(); }, "the host's on_closed");
    EXPECT_EQ(host->closed->origin, origin) << host->closed->text;
    EXPECT_THAT(host->closed->text, HasSubstr(words));
    for (const auto& [cid, answer] : host->responses) EXPECT_EQ(answer.times, 1) << cid;
  }
  World world;
  RawPeer bad;
  std::unique_ptr<Buffer> buffer;
  std::unique_ptr<HostQueue> host;
};

// ---- responses -----------------------------------------------------------------------------------------------------

TEST_F(BadControllerTest, AResponseToNoCommandEndsTheConnection) {
  connect();
  bad.send(make_cqe(3));
  expect_ended("0x3");
}

TEST_F(BadControllerTest, AResponseToACidBeyondTheQueueEndsTheConnection) {
  connect();
  bad.send(make_cqe(kDepth));
  expect_ended("0x8");
}

TEST_F(BadControllerTest, ASecondResponseEndsTheConnection) {
  connect();
  host->send(core_sqe(kFlush, 1));
  take();
  bad.send(make_cqe(1));
  bad.send(make_cqe(1));
  expect_ended("0x1");
  EXPECT_TRUE(host->responses[1].cqe);
}

TEST_F(BadControllerTest, AResponseThatIsTooShortEndsTheConnection) {
  connect();
  host->send(core_sqe(kFlush, 1));
  take();
  bad.send(Bytes(15));
  expect_ended("15 bytes");
  EXPECT_FALSE(host->responses[1].cqe);
}

TEST_F(BadControllerTest, AResponseThatIsTooLongEndsTheConnection) {
  connect();
  bad.send(Bytes(16384));
  expect_ended("larger than");
}

// ---- keys ----------------------------------------------------------------------------------------------------------

TEST_F(BadControllerTest, DataOfACommandArrives) {
  connect();
  const Bytes capsule = read_command();
  EXPECT_EQ(type_in(capsule), kKeyedInvalidate);
  bad.write(Bytes(4096, std::byte{9}), address_in(capsule), rkey_in(capsule));
  bad.send(make_cqe(1), rkey_in(capsule));
  world.run_until([this] { return host->answered(1); });
  EXPECT_EQ(host->responses[1].error, 0);
  EXPECT_EQ(buffer->bytes[4095], std::byte{9});
}

TEST_F(BadControllerTest, WhoWritesAfterTheCommandEndedReachesNothing) {
  connect();
  for (const bool invalidates : {true, false}) {
    SCOPED_TRACE(invalidates ? "invalidated by the controller" : "invalidated by the host");
    if (host->closed) connect();
    const Bytes capsule = read_command();
    bad.send(make_cqe(1), invalidates ? std::optional(rkey_in(capsule)) : std::nullopt);
    world.run_until([this] { return host->answered(1); });
    bad.write(Bytes(4096, std::byte{0xee}), address_in(capsule), rkey_in(capsule));
    world.run_until([this] { return host->closed.has_value(); });
    EXPECT_EQ(bad.done.back().status, IBV_WC_REM_ACCESS_ERR);
    EXPECT_EQ(std::ranges::count(buffer->bytes, std::byte{0xee}), 0);
    host.reset();
    world.settle();
    connect();
  }
}

TEST_F(BadControllerTest, WhoWritesBeyondTheDataReachesNothing) {
  connect();
  const Bytes capsule = read_command(1, 512);
  bad.write(Bytes(513, std::byte{0xee}), address_in(capsule), rkey_in(capsule));
  world.run_until([this] { return host->closed.has_value(); });
  EXPECT_EQ(std::ranges::count(buffer->bytes, std::byte{0xee}), 0);
  EXPECT_FALSE(host->responses[1].cqe);
}

TEST_F(BadControllerTest, WhoReadsWhatIsToBeFilledReadsNothing) {
  connect();
  const Bytes capsule = read_command();
  bad.read(4096, address_in(capsule), rkey_in(capsule));
  world.run_until([this] { return host->closed.has_value(); });
  EXPECT_EQ(bad.done.back().status, IBV_WC_REM_ACCESS_ERR);
}

TEST_F(BadControllerTest, WhoWritesWhatIsToBeReadReachesNothing) {
  connect();
  EXPECT_EQ(host->write(1, 0, *buffer, 4096), 0);
  const Bytes capsule = take();
  bad.write(Bytes(4096, std::byte{0xee}), address_in(capsule), rkey_in(capsule));
  world.run_until([this] { return host->closed.has_value(); });
  EXPECT_EQ(std::ranges::count(buffer->bytes, std::byte{0xee}), 0);
}

TEST_F(BadControllerTest, AKeyOfAnotherConnectionIsNoGood) {
  connect();
  const Bytes capsule = read_command();
  RawPeer other(world.controller);
  world.each_turn.push_back([&] { other.poll(); });
  other.listen(kControllerAddress, kPort + 1);
  other.private_data = answer_data(kDepth);
  const Where where(kControllerAddress, std::to_string(kPort + 1));
  HostQueue second(world, where, params(kDepth, false));
  world.run_until([&] { return second.limits && other.has_pair(); });
  other.write(Bytes(512, std::byte{0xee}), address_in(capsule), rkey_in(capsule));
  world.run_until([&] { return second.closed.has_value(); });
  EXPECT_EQ(std::ranges::count(buffer->bytes, std::byte{0xee}), 0);
  EXPECT_FALSE(host->closed) << "the queue pair whose key it was lives on";
  bad.send(make_cqe(1), rkey_in(capsule));
  world.run_until([&] { return host->answered(1); });
  world.each_turn.pop_back();
}

TEST_F(BadControllerTest, InvalidatingTheKeyOfAnotherCommandEndsTheConnection) {
  connect();
  const Bytes first = read_command(1, 4096), second = read_command(2, 4096);
  bad.send(make_cqe(1), rkey_in(second));
  expect_ended("invalidated key");
  EXPECT_FALSE(host->responses[1].cqe || host->responses[2].cqe);
}

TEST_F(BadControllerTest, InvalidatingAKeyWithACommandThatHadNoneEndsTheConnection) {
  connect();
  const Bytes first = read_command(1, 4096);
  host->send(core_sqe(kFlush, 2));
  take();
  bad.send(make_cqe(2), rkey_in(first));
  expect_ended("invalidated key");
}

TEST_F(BadControllerTest, InvalidatingAKeyThatWasNeverGivenEndsTheConnection) {
  connect();
  read_command();
  bad.send(make_cqe(1), 0x12345678);
  world.run_until([this] { return host->closed.has_value(); });
  EXPECT_NE(host->closed->code, 0);
  EXPECT_FALSE(host->responses[1].cqe);
}

// ---- without windows -----------------------------------------------------------------------------------------------

struct WithoutWindows : BadControllerTest {
  WithoutWindows() : BadControllerTest(traits_with([](Traits& traits) { traits.attributes.windows = false; })) {}
};

TEST_F(WithoutWindows, StagingKeepsTheCallersMemoryFromWhoWritesTooLate) {
  connect();
  Buffer plain(world, world.host_domain, 4096, false);
  EXPECT_EQ(host->read(1, 0, plain, 4096), 0);
  const Bytes capsule = take();
  EXPECT_EQ(type_in(capsule), kKeyed);
  bad.write(Bytes(4096, std::byte{9}), address_in(capsule), rkey_in(capsule));
  bad.send(make_cqe(1));
  world.run_until([this] { return host->answered(1); });
  bad.write(Bytes(4096, std::byte{0xee}), address_in(capsule), rkey_in(capsule));
  world.settle();
  EXPECT_EQ(plain.bytes[0], std::byte{9});
  EXPECT_EQ(std::ranges::count(plain.bytes, std::byte{0xee}), 0);
}

// ---- controllers that do little, or go -----------------------------------------------------------------------------

TEST_F(BadControllerTest, FewReceivesAreNeverOverrun) {
  bad.receives = 2;
  bad.private_data = answer_data(2);
  connect();
  for (std::uint16_t cid = 0; cid < kDepth; ++cid) EXPECT_EQ(host->send(core_sqe(kFlush, cid)), 0);
  for (std::uint16_t i = 0; i < kDepth; ++i) {
    const Bytes capsule = take();
    EXPECT_LE(bad.received.size(), 1u);
    bad.send(make_cqe(cid_of(capsule)));
  }
  world.run_until([this] { return host->outstanding == 0; });
  EXPECT_EQ(world.host.record.counts.rnr, 0u);
}

TEST_F(BadControllerTest, WhoPostsNoReceivesIsLeftWhenTheCoreSaysSo) {
  bad.receives = 0;
  connect();
  host->send(core_sqe(kFlush, 1));
  world.run_until([this] { return world.host.record.counts.rnr != 0; });
  host->close();
  world.run_until([this] { return host->closed.has_value(); });
  EXPECT_EQ(host->responses[1].times, 1);
}

TEST_F(BadControllerTest, WhoNeverAnswersIsLeftWhenTheCoreSaysSo) {
  connect();
  read_command();
  world.settle();
  EXPECT_FALSE(host->closed);
  host->close();
  world.run_until([this] { return host->closed.has_value(); });
  EXPECT_EQ(host->responses[1].times, 1);
  EXPECT_EQ(host->closed->code, 0);
}

TEST_F(BadControllerTest, MayGoAtAnyMoment) {
  for (int turns = 0; turns < 60 && !HasFailure(); turns += 2) {
    SCOPED_TRACE(turns);
    RawPeer going(world.controller);
    world.each_turn.push_back([&] { going.poll(); });
    going.listen(kControllerAddress, kPort + 1);
    going.private_data = answer_data(kDepth);
    const Where where(kControllerAddress, std::to_string(kPort + 1));
    HostQueue victim(world, where, params(kDepth, false));
    bool sent = false;
    for (int i = 0; i < turns && !victim.closed; ++i) {
      world.turn();
      if (!victim.limits || std::exchange(sent, true)) continue;
      victim.read(1, 0, *buffer, 65536);
      victim.send(core_sqe(kFlush, 2));
    }
    if (turns % 4 == 0) {
      going.leave();
    } else {
      going.disconnect();
    }
    if (!going.has_pair()) going.leave();
    world.run_until([&] { return victim.closed || victim.limits; });
    if (!victim.closed) going.leave();
    world.run_until([&] { return victim.closed.has_value(); }, "the host's end");
    EXPECT_EQ(victim.outstanding, 0);
    world.each_turn.pop_back();
  }
}

}  // namespace
}  // namespace weft::rdma::model

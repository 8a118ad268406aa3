// Queue pairs that end with something under way: everything ends once, and nothing is left.
#include "bench.hpp"

namespace weft::test {
namespace {

class Teardown : public Bench {
 protected:
  void SetUp() override {
    serve();
    admin_ = &admin();
    q_ = &io();
  }
  // Everything that hosts had is gone.
  void expect_clean() {
    storage_->let_go();
    loopback_control().set_hold_data(false);
    loopback_control().release_data();
    loopback_control().release_responses();
    settle();
    const TargetCounts c = counts();
    EXPECT_EQ(c.queue_pairs, 0u);
    EXPECT_EQ(c.controllers, 0u);
    EXPECT_EQ(c.commands, 0u);
    EXPECT_EQ(c.borrowed_buffers, 0u);
    EXPECT_EQ(storage_->borrowed(), 0u);
  }
  CapsuleHost* admin_ = nullptr;
  CapsuleHost* q_ = nullptr;
  std::vector<std::byte> data_ = std::vector<std::byte>(64 * 512);
};

TEST_F(Teardown, WithARequestInTheBackend) {
  for (const StorageCall call : {StorageCall::kMap, StorageCall::kLend, StorageCall::kCommit}) storage_->hold(call);
  q_->send(wire::read(1, 0, 64), {}, data_);
  const auto out = pattern(512);
  q_->send(wire::write(1, 0, 1), out);
  ASSERT_TRUE(run([&] { return storage_->held() == 2; }));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithACommitInTheBackend) {
  storage_->hold(StorageCall::kCommit);
  const auto out = pattern(512);
  q_->send(wire::write(1, 0, 1), out);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithDataOnItsWayIn) {
  loopback_control().set_hold_data(true);
  const auto out = pattern(64 * 512);
  q_->send(wire::write(1, 0, 64), out);
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  loopback_control().cut_now();
  settle();
  EXPECT_EQ(storage_->calls(StorageCall::kCommit), 0u);
  expect_clean();
}

TEST_F(Teardown, AfterHalfOfTheData) {
  const auto before = storage_->content(0, 64);
  loopback_control().cut_at(CutPoint::kReceiveData, 1);
  const auto out = pattern(64 * 512);
  q_->send(wire::write(1, 0, 64), out);
  ASSERT_TRUE(q_->wait_closed());
  admin_->close();
  settle();
  EXPECT_EQ(storage_->content(0, 64), before) << "half a write changes nothing";
  expect_clean();
}

TEST_F(Teardown, WithDataOnItsWayOut) {
  loopback_control().set_hold_data(true);
  q_->send(wire::read(1, 0, 64), {}, data_);
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithAsyncEventRequestsHeld) {
  for (int i = 0; i < 4; ++i) admin_->send(wire::async_event_request());
  settle();
  admin_->close();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithAdminDataOnItsWay) {
  loopback_control().set_hold_data(true);
  nvme::IdentifyController id;
  admin_->send(wire::identify({}), {}, bytes_of(id));
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithConnectDataOnItsWay) {
  loopback_control().set_hold_data(true);
  LoopbackLimits limits;
  limits.max_in_capsule_admin = 0;
  loopback_control().set_limits(limits);
  CapsuleHost& h = host();
  const auto data = CapsuleHost::connect_data(names(), 0xFFFF);
  h.send(wire::connect({}), std::as_bytes(std::span(&data, 1)));
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithACommandThatHasComeAndNotBegun) {
  storage_->when_announced = [] { loopback_control().cut_now(); };  // its end comes in the same turn
  q_->send(wire::read(1, 0, 64), {}, data_);
  settle();
  EXPECT_EQ(storage_->announced, 1u);
  EXPECT_EQ(storage_->calls(StorageCall::kMap), 0u);
  expect_clean();
}

TEST_F(Teardown, WithHalfOfAFusedPair) {
  const auto out = pattern(512);
  q_->send(wire::fused(wire::compare(1, 0, 1), 1), out);
  settle();
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithAFusedPairInside) {
  const auto before = storage_->content(0, 1);
  for (const StorageCall call : {StorageCall::kMap, StorageCall::kLend, StorageCall::kCommit}) {
    SCOPED_TRACE(static_cast<int>(call));
    CapsuleHost& q = io(static_cast<std::uint16_t>(10 + static_cast<int>(call)));
    storage_->hold(call);
    q.send(wire::fused(wire::compare(1, 0, 1), 1), before);
    q.send(wire::fused(wire::write(1, 0, 1), 2), before);
    ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
    q.close();
    settle();
    storage_->let_go();
    settle();
    EXPECT_TRUE(q_->call(wire::write(1, 0, 1), before).ok()) << "the gate is open again";
  }
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithCommandsAtTheGate) {
  CapsuleHost& other = io(2);
  const auto before = storage_->content(0, 1);
  storage_->hold(StorageCall::kMap);
  q_->send(wire::fused(wire::compare(1, 0, 1), 1), before);
  q_->send(wire::fused(wire::write(1, 0, 1), 2), before);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  other.send(wire::write(1, 0, 1), before);
  other.send(wire::read(1, 0, 1), {}, std::span(data_).first(512));
  settle();
  other.close();
  settle();
  EXPECT_EQ(storage_->borrowed(), 0u) << "what waited at the gate gave its memory back";
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WithResponsesThatDoNotGo) {
  loopback_control().set_hold_responses(true);
  q_->send(wire::flush(1));
  q_->send(wire::read(1, 0, 64), {}, data_);
  settle();
  loopback_control().cut_now();
  settle();
  loopback_control().set_hold_responses(false);
  expect_clean();
}

TEST_F(Teardown, BeforeTheConnectionIsAccepted) {
  loopback_control().cut_at(CutPoint::kAccept, 0);
  CapsuleHost h(*reactor_, *transport_, *Address::parse("loop://here"));
  EXPECT_FALSE(h.open(0, 32));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WhenAcceptFails) {
  loopback_control().fail_next_accept(-ENOMEM);
  CapsuleHost h(*reactor_, *transport_, *Address::parse("loop://here"));
  EXPECT_FALSE(h.open(0, 32));
  loopback_control().cut_now();
  settle();
  expect_clean();
}

TEST_F(Teardown, WhenTheTransportTakesNotTheQueue) {
  loopback_control().fail_next_configure(-ENOMEM);
  CapsuleHost& h = host();
  EXPECT_EQ(h.connect(names(), 0, 32).code(), 0x006);
  ASSERT_TRUE(h.wait_closed());
  loopback_control().cut_now();
  settle();
  expect_clean();
}

// ---- Stop

TEST_F(Teardown, StopAnswersWhatIsInFlight) {
  storage_->hold(StorageCall::kMap);
  const std::uint16_t read = q_->send(wire::read(1, 0, 1), {}, std::span(data_).first(512));
  const std::uint16_t event = admin_->send(wire::async_event_request());
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  bool done = false;
  stopped_ = true;
  server_->stop(FakeClock::now() + 1'000'000'000, [&] { done = true; });
  settle();
  EXPECT_FALSE(done);
  EXPECT_FALSE(q_->closed());
  EXPECT_EQ(admin_->wait(event).code(), 0x008);
  EXPECT_EQ(q_->call(wire::flush(1)).code(), 0x360) << "what comes now is for another path";
  storage_->let_go();
  EXPECT_TRUE(q_->wait(read).ok());
  EXPECT_TRUE(run([&] { return done; }));
  EXPECT_TRUE(q_->wait_closed());
  EXPECT_TRUE(admin_->wait_closed());
}

TEST_F(Teardown, StopDoesNotWaitForAHostThatSendsNoData) {
  loopback_control().set_hold_data(true);
  const auto out = pattern(64 * 512);
  q_->send(wire::write(1, 0, 64), out);
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  bool done = false;
  stopped_ = true;
  server_->stop(FakeClock::now() + 1'000'000'000, [&] { done = true; });
  settle();
  EXPECT_FALSE(done);
  advance(2'000'000'000);
  EXPECT_TRUE(run([&] { return done; }));
}

}  // namespace
}  // namespace weft::test

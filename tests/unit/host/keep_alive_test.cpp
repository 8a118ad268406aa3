// Keep Alive: when it is sent, when it is not, and what its silence means.
#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;
using testing::AllOf;
using testing::HasSubstr;

class KeepAliveTest : public HostTest {
 protected:
  KeepAliveTest() { options_.kato = std::chrono::milliseconds(10'000); }
  std::size_t sent() { return count_admin(nvme::admin::kKeepAlive); }
};

TEST_F(KeepAliveTest, IsSentEveryHalfOfTheTimeOut) {
  connect();
  pass(4900 * kMs, 10 * kMs);
  EXPECT_EQ(sent(), 0u);
  pass(200 * kMs, 10 * kMs);
  EXPECT_EQ(sent(), 1u);
  pass(20 * kSecond, 10 * kMs);
  EXPECT_EQ(sent(), 5u);
  EXPECT_TRUE(lost_.empty());
}

TEST_F(KeepAliveTest, IsNotSentWhenThereIsNone) {
  options_.kato = std::chrono::milliseconds(0);
  connect();
  pass(60 * kSecond, 100 * kMs);
  EXPECT_EQ(sent(), 0u);
}

TEST_F(KeepAliveTest, IsNotSentToAControllerThatKnowsNone) {
  controller_->identity.kas = 0;
  connect();
  pass(60 * kSecond, 100 * kMs);
  EXPECT_EQ(sent(), 0u);
}

TEST_F(KeepAliveTest, TrafficStandsInForItWhereTheControllerSaysSo) {
  controller_->identity.ctratt = nvme::ctratt::kTrafficBasedKeepAlive;
  connect();
  Nanoseconds longest_silence = 0, last = FakeClock::now();
  std::size_t before = controller_->log.size();
  for (int second = 0; second < 30; ++second) {
    Io io(Kind::kVerify, 0, 1);
    EXPECT_TRUE(run(io).ok());
    pass(kSecond, 50 * kMs);
  }
  EXPECT_EQ(sent(), 0u) << "there was traffic all the time";
  before = controller_->log.size();
  last = FakeClock::now();
  for (int i = 0; i < 800; ++i) {
    pass(50 * kMs, 50 * kMs);
    if (controller_->log.size() == before) continue;
    before = controller_->log.size();
    longest_silence = std::max(longest_silence, FakeClock::now() - last);
    last = FakeClock::now();
  }
  EXPECT_GT(sent(), 0u);
  EXPECT_LE(longest_silence, 6 * kSecond) << "well below the time-out of 10 s";
}

TEST_F(KeepAliveTest, UnansweredEndsTheAssociationWithASentence) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kKeepAlive) ? Verdict::hold() : Verdict::model();
  };
  Io io(Kind::kVerify, 0, 1);
  EXPECT_TRUE(run(io).ok());
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }, 30 * kSecond));
  EXPECT_EQ(lost_[0].code, ETIMEDOUT);
  EXPECT_THAT(lost_[0].text, AllOf(HasSubstr(kSubsystem), HasSubstr("Keep Alive"), HasSubstr("not answered in time")));
  pass(30 * kSecond, 100 * kMs);
  EXPECT_EQ(lost_.size(), 1u);
}

TEST_F(KeepAliveTest, RefusedEndsTheAssociation) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kKeepAlive) ? Verdict::refuse(nvme::status::kKeepAliveTimerExpired)
                                                     : Verdict::model();
  };
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }, 30 * kSecond));
  EXPECT_THAT(lost_[0].text, HasSubstr("Keep Alive was refused"));
}

TEST_F(KeepAliveTest, GetsThroughAFullAdminQueue) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kGetFeatures) ? Verdict::hold() : Verdict::model();
  };
  std::vector<std::unique_ptr<Command>> commands;
  for (int i = 0; i < 40; ++i) {
    commands.push_back(std::make_unique<Command>(wire::get_features(nvme::feature::kTimestamp)));
    submit(*commands.back());
  }
  pass(11 * kSecond, 100 * kMs);
  EXPECT_EQ(sent(), 2u);
  drop_host();
}

TEST_F(KeepAliveTest, IsSentWhileQueuesAreStillBeingConnected) {
  options_.kato = std::chrono::milliseconds(2'000);
  options_.queues = 100;
  controller_->queues_granted = 100;
  controller_->script = [](const Received& command) {
    return command.is_fabrics(fabrics::fctype::kConnect) && command.sqe.cdw10 >> 16 != 0 ? Verdict::hold()
                                                                                         : Verdict::model();
  };
  std::optional<Result<std::unique_ptr<Host>>> result;
  Address address = *Address::parse("loop://here/" + kSubsystem);
  const auto answer_connects = [&] {  // each after a round trip
    Nanoseconds longest = 0, last = FakeClock::now();
    std::size_t heard = sent();
    for (int i = 0; i < 100; ++i) {
      pass(40 * kMs, 10 * kMs);
      if (sent() != heard) last = FakeClock::now();
      heard = sent();
      longest = std::max(longest, FakeClock::now() - last);
      if (controller_->held() > 0) controller_->answer(0);
      settle();
    }
    return longest;
  };
  Host::connect(*reactor_, registry_, address, options_,
                [&](Result<std::unique_ptr<Host>> host) { result = std::move(host); });
  settle();
  EXPECT_LT(answer_connects(), 2 * kSecond) << "the controller's time-out runs from the first Connect";
  ASSERT_TRUE(run_until([&] { return result.has_value(); }));
  ASSERT_TRUE(result->has_value());
  host_ = std::move(**result);
  bool again = false;
  host_->reset([&](Result<bool> done) { again = done.has_value(); });
  settle();
  EXPECT_LT(answer_connects(), 2 * kSecond) << "after a reset too";
  EXPECT_TRUE(run_until([&] { return again; }));
}

TEST_F(KeepAliveTest, RefusedWhileConnectingEndsThat) {
  options_.kato = std::chrono::milliseconds(2'000);
  controller_->script = [](const Received& command) {
    if (command.is_admin(nvme::admin::kKeepAlive)) return Verdict::refuse(nvme::status::kKeepAliveTimerExpired);
    return command.is_fabrics(fabrics::fctype::kConnect) && command.sqe.cdw10 >> 16 != 0 ? Verdict::hold()
                                                                                         : Verdict::model();
  };
  EXPECT_THAT(connect_error().text, HasSubstr("Keep Alive was refused"));
}

TEST_F(KeepAliveTest, IsNotSentWhileTheControllerIsReset) {
  connect();
  controller_->becomes_ready = false;
  controller_->cap = controller_->cap.with_to(200);
  bool done = false;
  host_->reset([&](Result<bool> result) { done = result.has_value(); });
  pass(11 * kSecond, 100 * kMs);
  EXPECT_EQ(sent(), 0u);
  controller_->csts = controller_->csts.with_ready(true);
  EXPECT_TRUE(run_until([&] { return done; }));
  pass(6 * kSecond, 100 * kMs);
  EXPECT_GE(sent(), 1u);
  EXPECT_TRUE(lost_.empty());
}

}  // namespace
}  // namespace weft::test

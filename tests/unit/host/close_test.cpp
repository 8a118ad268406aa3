// The end of an association, wanted or not, in every state of its requests: each ends once, then it is over, and nothing is left.
#include "request_mix.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;
using testing::AllOf;
using testing::HasSubstr;

using CloseTest = MixTest;

TEST_F(CloseTest, ShutsTheControllerDown) {
  connect();
  ASSERT_TRUE(close());
  EXPECT_EQ(controller_->cc.shn(), nvme::Cc::kShutdownNormal);
  EXPECT_EQ(controller_->queues(), 0u);
  EXPECT_TRUE(lost_.empty()) << "it was our will";
}

TEST_F(CloseTest, EndsEveryRequestBeforeItSaysClosed) {
  connect_small();
  const Mix mix = start_mix();
  ASSERT_TRUE(mix.none_ended());
  bool ended_before = false;
  bool closed = false;
  host_->close([&] {
    closed = true;
    ended_before = mix.all_ended();
  });
  EXPECT_TRUE(mix.none_ended()) << "not from inside the call";
  ASSERT_TRUE(run_until([&] { return closed; }));
  EXPECT_TRUE(ended_before);
  for (const auto& io : mix.io) EXPECT_EQ(io->completion.error, -ECANCELED);
}

TEST_F(CloseTest, APeerThatDiesEndsEveryRequestBeforeOnLost) {
  connect_small();
  const Mix mix = start_mix();
  bool ended_before = false;
  host_->set_events({.on_event = nullptr,
                     .on_lost =
                         [&](const Error& error) {
                           lost_.push_back(error);
                           ended_before = mix.all_ended();
                         },
                     .on_reset = nullptr});
  loopback_control().cut_now();
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
  EXPECT_TRUE(ended_before);
  EXPECT_THAT(lost_[0].text, AllOf(HasSubstr(kSubsystem), HasSubstr("the connection was cut")));
  for (const auto& io : mix.io) EXPECT_NE(io->completion.error, 0);
  settle();
  EXPECT_EQ(lost_.size(), 1u);
}

TEST_F(CloseTest, OneQueueThatDiesEndsTheAssociation) {
  connect_small();
  const Mix mix = start_mix();
  loopback_control().cut_now(2);
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
  EXPECT_TRUE(mix.all_ended());
  EXPECT_THAT(lost_[0].text, HasSubstr("I/O queue 2 was closed"));
  EXPECT_EQ(controller_->queues(), 0u);
}

TEST_F(CloseTest, AControllerThatHangsUpPolitelyIsLostToo) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kGetFeatures) ? Verdict::cut() : Verdict::model();
  };
  Command command(wire::get_features(nvme::feature::kTimestamp));
  EXPECT_NE(run(command).error, 0);
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
  EXPECT_EQ(lost_[0].code, ECONNRESET);
  EXPECT_THAT(lost_[0].text, HasSubstr("the admin queue was closed"));
}

TEST_F(CloseTest, WhatComesAfterTheEndFailsAndEndsOnceToo) {
  connect();
  loopback_control().cut_now();
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
  Io io(Kind::kVerify, 0, 1);
  EXPECT_EQ(run(io).error, -ENOTCONN);
  Command command(wire::keep_alive());
  EXPECT_EQ(run(command).error, -ENOTCONN);
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  EXPECT_EQ(list.error().code, ENOTCONN);
  auto reset = ask<bool>([](Host& host, auto done) { host.reset(std::move(done)); });
  EXPECT_FALSE(reset.has_value());
  EXPECT_TRUE(close()) << "closing what is lost is no error";
}

TEST_F(CloseTest, ARequestThatWasJustRefusedEndsThoughTheHostGoesAtOnce) {
  connect();
  ASSERT_TRUE(close());
  Io io(Kind::kVerify, 0, 1);
  submit(io);
  host_.reset();
  settle();
  EXPECT_EQ(io.ends, 1);
  EXPECT_EQ(io.completion.error, -ENOTCONN);
}

TEST_F(CloseTest, ClosingTwiceAndThriceSaysSoEachTime) {
  connect();
  int said = 0;
  host_->close([&] { ++said; });
  host_->close([&] { ++said; });
  ASSERT_TRUE(run_until([&] { return said == 2; }));
  host_->close([&] { ++said; });
  EXPECT_EQ(said, 2);
  ASSERT_TRUE(run_until([&] { return said == 3; }));
  EXPECT_EQ(controller_->cc.shn(), nvme::Cc::kShutdownNormal) << "the second did not cut the first short";
}

TEST_F(CloseTest, ClosingWhileItIsBeingLostWaitsForThat) {
  connect_small();
  const Mix mix = start_mix();
  bool closed = false;
  host_->set_events(
      {.on_event = nullptr, .on_lost = [&](const Error& error) { lost_.push_back(error); }, .on_reset = nullptr});
  mix.io[0]->then = [&] { host_->close([&] { closed = true; }); };
  loopback_control().cut_now();
  ASSERT_TRUE(run_until([&] { return closed; }));
  EXPECT_TRUE(mix.all_ended());
}

TEST_F(CloseTest, OnLostMayCloseAndDestroyTheHost) {
  connect();
  bool closed = false;
  host_->set_events({.on_event = nullptr,
                     .on_lost =
                         [&](const Error&) {
                           host_->close([&] { closed = true; });
                           host_.reset();
                         },
                     .on_reset = nullptr});
  loopback_control().cut_now();
  ASSERT_TRUE(run_until([&] { return closed; }));
  EXPECT_EQ(host_, nullptr);
}

TEST_F(CloseTest, AFarewellThatIsNotAnsweredIsNotWaitedForForever) {
  connect_small();
  controller_->script = [](const Received& command) {
    return command.is_fabrics(fabrics::fctype::kPropertySet) ? Verdict::hold() : Verdict::model();
  };
  const Nanoseconds before = FakeClock::now();
  ASSERT_TRUE(close());
  EXPECT_LE(FakeClock::now() - before, 3 * kSecond) << "one command's time-out";
}

TEST_F(CloseTest, AControllerThatNeverEndsItsShutdownIsLeft) {
  controller_->shuts_down = false;
  connect();
  const Nanoseconds before = FakeClock::now();
  ASSERT_TRUE(close());
  EXPECT_LE(FakeClock::now() - before, 6 * kSecond);
}

}  // namespace
}  // namespace weft::test

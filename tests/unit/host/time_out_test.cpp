// What is not answered in time: Abort, reset, and what becomes of the other requests.
#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;
using testing::AllOf;
using testing::HasSubstr;

class TimeOutTest : public HostTest {
 protected:
  TimeOutTest() { options_.timeout = std::chrono::milliseconds(1000); }
  void never(std::uint8_t opcode) {
    controller_->script = [opcode](const Received& command) {
      return command.is_io(opcode) ? Verdict::hold() : Verdict::model();
    };
  }
};

TEST_F(TimeOutTest, AnAbortedCommandEndsAlone) {
  connect();
  controller_->script = [this](const Received& command) {
    if (command.is_io(nvme::io::kVerify)) return Verdict::hold();
    if (!command.is_admin(nvme::admin::kAbort)) return Verdict::model();
    const auto abort = command.sqe.arguments<nvme::AbortArguments>();
    EXPECT_EQ(abort.sqid, 1);
    EXPECT_EQ(abort.cid, controller_->held_command(0).sqe.cid);
    controller_->answer(0, {nvme::status::kAbortRequested, 0, {}});
    return Verdict::refuse({}, 0);
  };
  Io io(Kind::kVerify, 0, 1);
  EXPECT_EQ(run(io).error, -ETIMEDOUT);
  pass(5 * kSecond, 10 * kMs);
  EXPECT_TRUE(resets_.empty() && lost_.empty());
  EXPECT_EQ(count_admin(nvme::admin::kAbort), 1u);
}

TEST_F(TimeOutTest, ALateAnswerIsAnAnswer) {
  connect();
  never(nvme::io::kVerify);
  Io io(Kind::kVerify, 0, 1);
  submit(io);
  pass(1200 * kMs, 10 * kMs);
  EXPECT_EQ(io.ends, 0);
  controller_->answer(0, {});
  settle();
  EXPECT_EQ(io.ends, 1);
  EXPECT_TRUE(io.completion.ok());
  pass(5 * kSecond, 10 * kMs);
  EXPECT_TRUE(resets_.empty());
}

TEST_F(TimeOutTest, ALateSuccessWithoutItsDataIsATimeOut) {
  connect();
  never(nvme::io::kRead);
  std::vector<std::byte> data(512);
  Io io(Kind::kRead, 0, data);
  submit(io);
  pass(1200 * kMs, 10 * kMs);
  controller_->answer(0, {});
  settle();
  EXPECT_EQ(io.ends, 1);
  EXPECT_EQ(io.completion.error, -ETIMEDOUT);
}

TEST_F(TimeOutTest, WhatAnAbortDoesNotEndAResetDoesAndTheRestGoesOn) {
  options_.qsize = 2;
  options_.queues = 2;
  connect();
  bool deaf = true;
  controller_->script = [&](const Received& command) {
    return deaf && command.is_io(nvme::io::kVerify) ? Verdict::hold() : Verdict::model();
  };
  std::vector<std::unique_ptr<Io>> requests;
  for (std::uint64_t i = 0; i < 12; ++i) {
    requests.push_back(std::make_unique<Io>(Kind::kVerify, i, 1));
    submit(*requests.back());
  }
  requests[0]->then = [&] { deaf = false; };  // when the reset closes its queue
  ASSERT_TRUE(run_until([&] { return !resets_.empty(); }));
  EXPECT_THAT(resets_[0].text, AllOf(HasSubstr("Verify"), HasSubstr("not answered in time, nor after an Abort")));
  settle();
  EXPECT_EQ(requests[0]->completion.error, -ETIMEDOUT);
  for (std::size_t i = 4; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i]->ends, 1);
    EXPECT_TRUE(requests[i]->completion.ok()) << i << " waited, and was sent after the reset";
  }
  EXPECT_TRUE(lost_.empty());
  EXPECT_EQ(controller_->queues(), 3u);
}

TEST_F(TimeOutTest, ManyAtOnceAskForFewAbortsAndOneReset) {
  connect();
  never(nvme::io::kVerify);
  std::vector<std::unique_ptr<Io>> requests;
  for (std::uint64_t i = 0; i < 100; ++i) {
    requests.push_back(std::make_unique<Io>(Kind::kVerify, i, 1));
    submit(*requests.back());
  }
  controller_->script = [](const Received& command) {
    return command.is_io(nvme::io::kVerify) || command.is_admin(nvme::admin::kAbort) ? Verdict::hold()
                                                                                     : Verdict::model();
  };
  ASSERT_TRUE(run_until([&] { return !resets_.empty() || !lost_.empty(); }));
  EXPECT_LE(count_admin(nvme::admin::kAbort), 4u) << "the Abort Command Limit is 3, 0's based";
  for (auto& request : requests) EXPECT_EQ(request->ends, 1);
}

TEST_F(TimeOutTest, AnAdminCommandThatIsNotAnsweredEndsTheAssociation) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kGetFeatures) ? Verdict::hold() : Verdict::model();
  };
  Command command(wire::get_features(nvme::feature::kTimestamp));
  EXPECT_EQ(run(command).error, -ETIMEDOUT);
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
  EXPECT_THAT(lost_[0].text, AllOf(HasSubstr("Get Features"), HasSubstr("not answered in time")));
}

TEST_F(TimeOutTest, AResetThatFailsEndsTheAssociation) {
  connect();
  never(nvme::io::kVerify);
  Io io(Kind::kVerify, 0, 1), waiting(Kind::kVerify, 1, 1);
  submit(io);
  settle();
  controller_->becomes_ready = false;
  ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
  EXPECT_THAT(lost_[0].text, AllOf(HasSubstr("the reset of the controller failed"), HasSubstr("did not become ready")));
  EXPECT_EQ(io.ends, 1);
}

TEST_F(TimeOutTest, AResetThatGrantsFewerQueuesEndsTheAssociation) {
  options_.queues = 4;
  connect();
  controller_->queues_granted = 2;
  auto done = ask<bool>([](Host& host, auto reply) { host.reset(std::move(reply)); });
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().text, HasSubstr("now only 2"));
  EXPECT_TRUE(run_until([&] { return !lost_.empty(); }));
}

TEST_F(TimeOutTest, AResetThatTheCallerAskedForIsNoTimeOut) {
  connect();
  auto done = ask<bool>([](Host& host, auto reply) { host.reset(std::move(reply)); });
  EXPECT_TRUE(done.has_value());
  EXPECT_TRUE(resets_.empty());
  Io io(Kind::kVerify, 0, 1);
  EXPECT_TRUE(run(io).ok());
}

TEST_F(TimeOutTest, TwoResetsAtOnceAreOne) {
  connect();
  std::vector<bool> results;
  host_->reset([&](Result<bool> result) { results.push_back(result.has_value()); });
  host_->reset([&](Result<bool> result) { results.push_back(result.has_value()); });
  ASSERT_TRUE(run_until([&] { return results.size() == 2; }));
  EXPECT_EQ(std::ranges::count(results, true), 1);
}

TEST_F(TimeOutTest, ARequestsOwnTimeOutCounts) {
  connect();
  never(nvme::io::kVerify);
  Io io(Kind::kVerify, 0, 1);
  io.timeout = 50 * kMs;
  submit(io);
  pass(60 * kMs);
  EXPECT_EQ(count_admin(nvme::admin::kAbort), 1u);
  drop_host();
}

TEST_F(TimeOutTest, OnResetMayDestroyTheHost) {
  connect();
  host_->set_events({.on_event = nullptr, .on_lost = nullptr, .on_reset = [this](const Error&) { host_.reset(); }});
  never(nvme::io::kVerify);
  Io io(Kind::kVerify, 0, 1);
  submit(io);
  EXPECT_TRUE(run_until([&] { return host_ == nullptr && controller_->queues() == 0; }));
  EXPECT_EQ(io.ends, 1);
}

}  // namespace
}  // namespace weft::test

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "support/scripted_transport.hpp"
#include "weft/queue_pair.hpp"

namespace weft {
namespace {

using test::ScriptedTransport;

class Recorder final : public ControllerQueuePair::Events {
 public:
  void on_ready(const weft_limits&) override { ++ready; }
  void on_command(const weft_command& command) override {
    tokens.push_back(command.token);
    statuses.push_back(command.status);
  }
  bool on_cid_reused(std::uint64_t token) override {
    reused.push_back(token);
    if (drops && releases != nullptr) {
      EXPECT_EQ((*releases)->release(token), 0);
    }
    return drops;
  }
  void on_data(std::uint64_t cookie, std::uint64_t moved, std::int32_t, NvmeStatus, std::uint32_t) override {
    data.emplace_back(cookie, moved);
  }
  void on_closed(const Error& error) override {
    ++closed;
    reason = error;
    if (destroys != nullptr && (*destroys)->finished()) destroys->reset();
  }
  int ready = 0, closed = 0;
  std::vector<std::uint64_t> tokens, reused;
  std::vector<std::uint16_t> statuses;
  bool drops = false;
  std::unique_ptr<ControllerQueuePair>* releases = nullptr;  // from inside on_cid_reused
  std::vector<std::pair<std::uint64_t, std::uint64_t>> data;
  Error reason;
  std::unique_ptr<ControllerQueuePair>* destroys = nullptr;
};

class ControllerQueuePairTest : public ::testing::Test {
 protected:
  ControllerQueuePairTest() : reactor_(*Reactor::create({.wait = WaitPolicy::kPoll})) {
    auto accepted = ControllerQueuePair::accept(*reactor_, script_.transport(), script_.pending(), params(32), events_);
    EXPECT_TRUE(accepted);
    if (accepted) qpair_ = std::move(*accepted);
    script_.ready();
    run();
  }
  ~ControllerQueuePairTest() override {
    if (!qpair_) return;
    if (events_.closed == 0) {
      qpair_->close(0, 0);
      run();
    }
    for (std::uint64_t token = 0; token < 128; ++token) static_cast<void>(qpair_->release(token));
    EXPECT_TRUE(qpair_->finished());
  }
  static weft_qpair_params params(std::uint32_t depth) {
    weft_qpair_params made{};
    made.size = sizeof made;
    made.depth = depth;
    return made;
  }
  void run() {
    while (reactor_->run_once() != 0) {
    }
  }
  void command(std::uint64_t token, std::uint16_t cid = 9) {
    script_.command(token, cid);
    run();
  }
  // Connect is answered and released; the queue has `entries`.
  void connect(std::uint32_t entries, bool flow_control) {
    command(0);
    ASSERT_TRUE(qpair_->configure(params(entries), flow_control));
    ASSERT_EQ(qpair_->respond(0, 9, NvmeStatus()), 0);
    ASSERT_EQ(qpair_->release(0), 0);
  }
  std::uint16_t last_sqhd() { return script_.answers.back().cqe.sqhd; }

  ScriptedTransport script_;
  std::unique_ptr<Reactor> reactor_;
  Recorder events_;
  std::unique_ptr<ControllerQueuePair> qpair_;
};

TEST_F(ControllerQueuePairTest, AcceptReportsWhyTheTransportRefuses) {
  qpair_->close(0, 0);
  run();
  qpair_.reset();
  script_.next_call = -ENOMEM;
  const auto refused =
      ControllerQueuePair::accept(*reactor_, script_.transport(), script_.pending(), params(32), events_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ENOMEM);
}

TEST_F(ControllerQueuePairTest, HandsUpEachCommandOnceAndCountsWhatIsHeld) {
  command(3);
  command(5);
  EXPECT_EQ(events_.tokens, (std::vector<std::uint64_t>{3, 5}));
  EXPECT_EQ(qpair_->held(), 2u);
  EXPECT_EQ(qpair_->release(3), 0);
  EXPECT_EQ(qpair_->held(), 1u);
  EXPECT_EQ(script_.released, std::vector<std::uint64_t>{3});
}

TEST_F(ControllerQueuePairTest, EchoesTheHostsCidWhateverItIs) {
  connect(16, true);
  command(1, 0xf123);
  ASSERT_EQ(qpair_->respond(1, 0xf123, NvmeStatus(1, 0x80), 0x1122334455667788), 0);
  const nvme::Cqe& cqe = script_.answers.back().cqe;
  EXPECT_EQ(cqe.cid, 0xf123u);
  EXPECT_EQ(cqe.status(), NvmeStatus(1, 0x80));
  EXPECT_EQ(cqe.result(), 0x1122334455667788u);
  EXPECT_EQ(script_.answers.back().token, 1u);
}

TEST_F(ControllerQueuePairTest, ACidInUseIsRefusedUnlessTheOtherIsDropped) {
  connect(16, true);
  command(1, 7);
  command(2, 7);
  EXPECT_EQ(events_.reused, std::vector<std::uint64_t>{1});
  EXPECT_EQ(events_.statuses.back(), 0x003);
  ASSERT_EQ(qpair_->respond(2, 7, NvmeStatus(0, 3)), 0);
  ASSERT_EQ(qpair_->release(2), 0);

  events_.drops = true;  // but released later
  command(3, 7);
  EXPECT_EQ(events_.statuses.back(), 0);
  ASSERT_EQ(qpair_->release(1), 0);
  events_.drops = false;
  command(4, 7);  // the CID stands for token 3 now
  EXPECT_EQ(events_.reused.back(), 3u);
  EXPECT_EQ(events_.statuses.back(), 0x003);
  EXPECT_EQ(qpair_->held(), 2u);
}

TEST_F(ControllerQueuePairTest, ADroppedCommandMayBeReleasedAtOnceAndItsEntryCountsAsTaken) {
  connect(16, true);
  command(1, 7);
  events_.drops = true;
  events_.releases = &qpair_;
  command(2, 7);
  EXPECT_EQ(script_.released.back(), 1u);
  EXPECT_EQ(qpair_->held(), 1u);
  ASSERT_EQ(qpair_->respond(2, 7, NvmeStatus()), 0);
  EXPECT_EQ(last_sqhd(), 3u) << "Connect, the one that was dropped, and this one";
}

TEST_F(ControllerQueuePairTest, AdvancesSqhdByOneForEachResponseAroundTheQueue) {
  connect(4, true);
  EXPECT_EQ(last_sqhd(), 1u) << "Connect's own entry was taken";
  for (const int expected : {2, 3, 0, 1, 2, 3, 0}) {
    command(1);
    ASSERT_EQ(qpair_->respond(1, 9, NvmeStatus()), 0);
    EXPECT_EQ(last_sqhd(), expected);
    ASSERT_EQ(qpair_->release(1), 0);
  }
}

TEST_F(ControllerQueuePairTest, TheLargestQueueWrapsToo) {
  connect(65536, true);
  for (std::uint32_t i = 2; i <= 65536; ++i) {
    script_.command(1, 9);
    reactor_->run_once();
    ASSERT_EQ(qpair_->respond(1, 9, NvmeStatus()), 0);
    ASSERT_EQ(last_sqhd(), static_cast<std::uint16_t>(i));
    ASSERT_EQ(qpair_->release(1), 0);
  }
}

TEST_F(ControllerQueuePairTest, DataWithAResponseAdvancesSqhdToo) {
  connect(8, true);
  command(1);
  ASSERT_EQ(qpair_->send_data(1, 0, {}, false, 9, 0, 1), 0);
  ASSERT_EQ(qpair_->send_data(1, 4096, {}, true, 9, 0, 2), 0);
  EXPECT_TRUE(script_.answers.back().with_data);
  EXPECT_EQ(last_sqhd(), 2u);
}

TEST_F(ControllerQueuePairTest, WithoutFlowControlConnectSaysFfffAndTheRestZero) {
  connect(8, false);
  EXPECT_EQ(last_sqhd(), 0xffffu);
  EXPECT_EQ(script_.params.flags & WEFT_QP_SQ_FLOW_CONTROL, 0u);
  command(1);
  ASSERT_EQ(qpair_->respond(1, 9, NvmeStatus()), 0);
  EXPECT_EQ(last_sqhd(), 0u);
}

TEST_F(ControllerQueuePairTest, AllowsImpliedSuccessOnlyWithoutFlowControlAndResult) {
  connect(8, false);
  command(1);
  ASSERT_EQ(qpair_->send_data(1, 0, {}, true, 9, 0, 1), 0);
  EXPECT_EQ(script_.answers.back().flags & WEFT_ALLOW_IMPLIED, WEFT_ALLOW_IMPLIED);
  command(2);
  ASSERT_EQ(qpair_->send_data(2, 0, {}, true, 9, 1, 1), 0);
  EXPECT_EQ(script_.answers.back().flags & WEFT_ALLOW_IMPLIED, 0u);
}

TEST_F(ControllerQueuePairTest, NeverAllowsImpliedSuccessUnderFlowControl) {
  connect(8, true);
  EXPECT_EQ(script_.params.flags & WEFT_QP_SQ_FLOW_CONTROL, WEFT_QP_SQ_FLOW_CONTROL);
  command(1);
  ASSERT_EQ(qpair_->send_data(1, 0, {}, true, 9, 0, 1), 0);
  EXPECT_EQ(script_.answers.back().flags & WEFT_ALLOW_IMPLIED, 0u);
}

TEST_F(ControllerQueuePairTest, ARefusedConnectHasSqhdZero) {
  command(0);
  ASSERT_EQ(qpair_->respond(0, 9, NvmeStatus(1, 0x82)), 0);
  EXPECT_EQ(last_sqhd(), 0u);
}

TEST_F(ControllerQueuePairTest, ConfigureMakesRoomForTheRealDepth) {
  connect(128, true);
  command(127);
  EXPECT_EQ(qpair_->held(), 1u);
}

TEST_F(ControllerQueuePairTest, ConfigureRefusesADepthThatNoQueueHas) {
  for (const std::uint32_t depth : {0u, 1u, 65537u}) {
    const Status configured = qpair_->configure(params(depth), true);
    ASSERT_FALSE(configured);
    EXPECT_EQ(configured.error().code, EINVAL);
  }
}

TEST_F(ControllerQueuePairTest, RefusesASecondAnswerAndUnknownTokens) {
  connect(8, true);
  command(1);
  ASSERT_EQ(qpair_->respond(1, 9, NvmeStatus()), 0);
  const std::size_t answers = script_.answers.size();
  EXPECT_EQ(qpair_->respond(1, 9, NvmeStatus()), -EINVAL);
  EXPECT_EQ(qpair_->send_data(1, 0, {}, true, 9, 0, 1), -EINVAL);
  EXPECT_EQ(qpair_->receive_data(1, 0, {}, 1), -EINVAL);
  EXPECT_EQ(qpair_->respond(2, 9, NvmeStatus()), -EINVAL);
  EXPECT_EQ(qpair_->respond(UINT64_MAX, 9, NvmeStatus()), -EINVAL);
  EXPECT_EQ(script_.answers.size(), answers);
}

TEST_F(ControllerQueuePairTest, RefusesASecondRelease) {
  command(1);
  EXPECT_EQ(qpair_->release(1), 0);
  EXPECT_EQ(qpair_->release(1), -EINVAL);
  EXPECT_EQ(qpair_->release(99), -EINVAL);
}

TEST_F(ControllerQueuePairTest, ACommandStaysHeldWhenTheTransportIsBusyWithIt) {
  command(1);
  script_.next_call = -EBUSY;
  EXPECT_EQ(qpair_->release(1), -EBUSY);
  EXPECT_EQ(qpair_->held(), 1u);
  EXPECT_EQ(qpair_->release(1), 0);
}

TEST_F(ControllerQueuePairTest, SqhdStaysWhereItWasWhenTheTransportRefusesAResponse) {
  connect(8, true);
  command(1);
  script_.next_call = -EINVAL;
  EXPECT_EQ(qpair_->respond(1, 9, NvmeStatus()), -EINVAL);
  EXPECT_EQ(qpair_->respond(1, 9, NvmeStatus()), 0);
  EXPECT_EQ(last_sqhd(), 2u);
}

TEST_F(ControllerQueuePairTest, PassesOnTheEndOfData) {
  command(1);
  script_.data(77, 4096);
  run();
  ASSERT_EQ(events_.data.size(), 1u);
  EXPECT_EQ(events_.data[0], (std::pair<std::uint64_t, std::uint64_t>{77, 4096}));
}

TEST_F(ControllerQueuePairTest, ATokenThatIsInUseOrBeyondTheQueueCloses) {
  command(1);
  for (const std::uint64_t bad : {std::uint64_t{1}, std::uint64_t{32}, UINT64_MAX}) script_.command(bad, 9);
  run();
  EXPECT_EQ(events_.tokens.size(), 1u);
  EXPECT_EQ(events_.closed, 1);
  EXPECT_EQ(events_.reason.code, EPROTO);
}

TEST_F(ControllerQueuePairTest, AfterClosedOnlyReleaseIsLeftAndTheLastOneFinishes) {
  connect(8, true);
  command(1);
  command(2);
  script_.closed(-ECONNRESET, "gone");
  run();
  ASSERT_EQ(events_.closed, 1);
  EXPECT_EQ(events_.reason.code, ECONNRESET);
  EXPECT_FALSE(qpair_->finished());
  EXPECT_EQ(qpair_->respond(1, 9, NvmeStatus()), -ENOTCONN);
  EXPECT_EQ(qpair_->receive_data(1, 0, {}, 1), -ENOTCONN);
  EXPECT_STREQ(qpair_->info().peer, "");
  EXPECT_EQ(qpair_->release(1), 0);
  EXPECT_FALSE(qpair_->finished());
  EXPECT_EQ(qpair_->release(2), 0);
  EXPECT_TRUE(qpair_->finished());
}

TEST_F(ControllerQueuePairTest, MayBeDestroyedFromClosedWhenNothingIsHeld) {
  events_.destroys = &qpair_;
  qpair_->close(0, 0);
  qpair_->close(0, 0);
  run();
  EXPECT_EQ(script_.closes, 1);
  EXPECT_EQ(events_.closed, 1);
  EXPECT_EQ(qpair_, nullptr);
}

TEST_F(ControllerQueuePairTest, ClosePassesItsFlags) {
  qpair_->close(WEFT_CLOSE_FLUSH, 5);
  EXPECT_EQ(script_.close_flags, WEFT_CLOSE_FLUSH);
  EXPECT_EQ(qpair_->respond(0, 9, NvmeStatus()), -ENOTCONN);
  EXPECT_FALSE(qpair_->configure(params(8), true));
}

}  // namespace
}  // namespace weft

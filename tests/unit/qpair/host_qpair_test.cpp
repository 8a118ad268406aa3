#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <vector>

#include "unit/qpair/host_events.hpp"

namespace weft {
namespace {

using test::Ended;
using test::HostQueuePairTest;

constexpr std::uint16_t kNoFlowControl = 0xffff;

TEST_F(HostQueuePairTest, PassesItsParametersToTheTransport) {
  open(64);
  EXPECT_EQ(script_.params.depth, 64u);
  EXPECT_EQ(script_.params.qid, 1u);
  EXPECT_EQ(script_.params.cntlid, 0xffffu);
  EXPECT_EQ(script_.params.flags & WEFT_QP_ADMIN, 0u);
  EXPECT_EQ(script_.traddr, "far");
  EXPECT_EQ(script_.trsvcid, "1");
}

TEST_F(HostQueuePairTest, OpenReportsWhyTheTransportRefuses) {
  script_.next_call = -ECONNREFUSED;
  const auto opened = HostQueuePair::open(*reactor_, script_.transport(),
                                          *Address::parse("script://far:1/nqn.2026-01.a:b"), {}, events_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ECONNREFUSED);
  EXPECT_NE(opened.error().text.find("the script says no"), std::string::npos) << opened.error().text;
}

TEST_F(HostQueuePairTest, OpenRefusesADepthThatNoQueueHas) {
  for (const std::uint32_t depth : {0u, 1u, 65537u}) {
    HostQueuePairParams params;
    params.depth = depth;
    const auto opened = HostQueuePair::open(*reactor_, script_.transport(),
                                            *Address::parse("script://far:1/nqn.2026-01.a:b"), params, events_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, EINVAL);
    EXPECT_NE(opened.error().text.find(std::to_string(depth)), std::string::npos);
  }
}

TEST_F(HostQueuePairTest, TakesNoCommandBeforeItIsReady) {
  open(8);
  Ended& ended = fresh();
  EXPECT_EQ(qpair_->submit(command(ended)), -ENOTCONN);
  EXPECT_EQ(qpair_->room(), 0u);
}

TEST_F(HostQueuePairTest, SaysReadyWithTheLimits) {
  open(8);
  weft_limits limits{};
  limits.max_depth = 77;
  script_.ready(limits);
  run();
  EXPECT_EQ(events_.ready, 1);
  EXPECT_EQ(qpair_->limits().max_depth, 77u);
}

TEST_F(HostQueuePairTest, TakesOneCommandBeforeFlowControlStarts) {
  open(8);
  script_.ready();
  run();
  Ended& connect = fresh();
  Ended& other = fresh();
  const auto cid = submit(connect);
  EXPECT_EQ(qpair_->submit(command(other)), -EAGAIN);
  script_.respond(cid, {.sqhd = 5});
  run();
  ASSERT_EQ(connect.calls, 1);
  EXPECT_TRUE(connect.completion.sqhd_valid);
  EXPECT_EQ(connect.completion.sqhd, 5u);
}

TEST_F(HostQueuePairTest, FlowControlMayStartInsideTheConnectResponse) {
  open(8);
  script_.ready();
  run();
  Ended& connect = fresh();
  connect.then = [&] { qpair_->start_flow_control(connect.completion.sqhd); };
  script_.respond(submit(connect), {.sqhd = 1});
  run();
  EXPECT_EQ(qpair_->room(), 7u);
}

TEST_F(HostQueuePairTest, SendsTheCommandWithItsCidAndNothingInPsdtAndSgl) {
  open_ready(8, 0);
  Ended& ended = fresh();
  auto made = command(ended);
  made.sqe.opcode = nvme::io::kCompare;
  made.sqe.flags = nvme::flags::kFuseFirst | nvme::flags::kPsdtSgl;
  made.sqe.sgl.length = 99;
  made.sqe.cid = 4711;
  made.sqe.cdw10 = 5;
  const std::int32_t cid = qpair_->submit(made);
  ASSERT_EQ(script_.sent.size(), 1u);
  const nvme::Sqe& sent = script_.sent[0].sqe;
  EXPECT_EQ(sent.cid, cid);
  EXPECT_EQ(sent.flags, nvme::flags::kFuseFirst);
  EXPECT_EQ(sent.sgl.length, 0u);
  EXPECT_EQ(sent.cdw10, 5u);
}

TEST_F(HostQueuePairTest, NamesTheDirectionOfTheData) {
  open_ready(8, 0);
  Ended& ended = fresh();
  char data[8] = {};
  const weft_iov iov{data, sizeof data, nullptr};
  auto made = command(ended);
  made.iov = &iov;
  made.iov_count = 1;
  made.direction = DataDirection::kOut;
  EXPECT_GE(qpair_->submit(made), 0);
  made.direction = DataDirection::kIn;
  EXPECT_GE(qpair_->submit(made), 0);
  EXPECT_GE(qpair_->submit(command(ended)), 0);
  ASSERT_EQ(script_.sent.size(), 3u);
  EXPECT_EQ(script_.sent[0].flags, WEFT_DIR_OUT);
  EXPECT_EQ(script_.sent[1].flags, WEFT_DIR_IN);
  EXPECT_EQ(script_.sent[2].flags, 0u);
  ASSERT_EQ(script_.sent[0].iov.size(), 1u);
  EXPECT_EQ(script_.sent[0].iov[0].base, data);
}

TEST_F(HostQueuePairTest, RefusesDataWithoutDirectionAndTheOtherWayRound) {
  open_ready(8, 0);
  Ended& ended = fresh();
  char data[8] = {};
  const weft_iov iov{data, sizeof data, nullptr};
  auto made = command(ended);
  made.iov = &iov;
  made.iov_count = 1;
  EXPECT_EQ(qpair_->submit(made), -EINVAL);
  made = command(ended);
  made.direction = DataDirection::kIn;
  EXPECT_EQ(qpair_->submit(made), -EINVAL);
  EXPECT_EQ(qpair_->outstanding(), 0u);
}

TEST_F(HostQueuePairTest, HandsBackStatusResultAndBytes) {
  open_ready(8, 0);
  Ended& ended = fresh();
  script_.respond(submit(ended),
                  {.status = NvmeStatus(0, 0x80).dnr(), .result = 0x1122334455667788, .sqhd = 1, .moved = 12});
  run();
  EXPECT_EQ(ended.calls, 1);
  EXPECT_EQ(ended.completion.error, 0);
  EXPECT_EQ(ended.completion.status, NvmeStatus(0, 0x80).dnr());
  EXPECT_EQ(ended.completion.result, 0x1122334455667788u);
  EXPECT_EQ(ended.completion.moved, 12u);
  EXPECT_FALSE(ended.completion.ok());
}

TEST_F(HostQueuePairTest, ReusesTheCidThatCameBackLastAndNeverOneInUse) {
  open_ready(8, 0);
  auto& ended = fresh(8);
  std::set<std::uint16_t> cids;
  for (int i = 0; i < 7; ++i) cids.insert(submit(ended[static_cast<std::size_t>(i)]));
  EXPECT_EQ(cids.size(), 7u);
  EXPECT_LT(*cids.rbegin(), 8u);
  script_.respond(3, {.sqhd = 1});
  run();
  EXPECT_EQ(submit(ended[7]), 3u);
}

TEST_F(HostQueuePairTest, IsFullAtItsDepthAndSaysSo) {
  open_ready(4, 0);
  auto& ended = fresh(4);
  for (int i = 0; i < 3; ++i) submit(ended[static_cast<std::size_t>(i)]);
  EXPECT_EQ(qpair_->room(), 0u);
  EXPECT_EQ(qpair_->submit(command(ended[3])), -EAGAIN);
  EXPECT_EQ(script_.sent.size(), 3u);
  EXPECT_EQ(qpair_->outstanding(), 3u);
}

TEST_F(HostQueuePairTest, WithoutFlowControlResponsesNeedNoSqhd) {
  open_ready(4, kNoFlowControl);
  auto& ended = fresh(4);
  std::vector<std::uint16_t> cids;
  for (Ended& one : ended) cids.push_back(submit(one));
  EXPECT_EQ(qpair_->room(), 0u);
  for (const std::uint16_t cid : cids) script_.respond(cid, {.sqhd_valid = false});
  run();
  for (const Ended& one : ended) EXPECT_TRUE(one.calls == 1 && one.completion.ok());
  EXPECT_EQ(qpair_->room(), 4u);
}

TEST_F(HostQueuePairTest, NeverUsesCidFfff) {
  open_ready(65536, kNoFlowControl);
  Ended& ended = fresh();
  std::uint16_t highest = 0;
  while (qpair_->room() != 0) highest = std::max(highest, submit(ended));
  EXPECT_EQ(highest, 0xfffeu);
  EXPECT_EQ(qpair_->outstanding(), 0xffffu);
}

TEST_F(HostQueuePairTest, ACommandThatTheTransportRefusesLeavesNothingBehind) {
  open_ready(4, 0);
  Ended& ended = fresh();
  script_.next_call = -EINVAL;
  EXPECT_EQ(qpair_->submit(command(ended)), -EINVAL);
  EXPECT_EQ(qpair_->outstanding(), 0u);
  EXPECT_EQ(qpair_->room(), 3u);
  EXPECT_EQ(ended.calls, 0);
}

TEST_F(HostQueuePairTest, ACallbackMaySubmitAgainIntoTheSlotThatItFreed) {
  open_ready(2, 0);
  Ended& first = fresh();
  Ended& second = fresh();
  std::uint16_t next = 0xffff;
  first.then = [&] { next = submit(second); };
  const std::uint16_t cid = submit(first);
  script_.respond(cid, {.sqhd = 1});
  run();
  EXPECT_EQ(next, cid);
  EXPECT_EQ(second.calls, 0);
  script_.respond(next, {.sqhd = 0});
  run();
  EXPECT_EQ(second.calls, 1);
}

TEST_F(HostQueuePairTest, ATransportsErrorBesideAResponseEndsTheCommandWithIt) {
  open_ready(4, 0);
  Ended& ended = fresh();
  script_.respond(submit(ended), {.sqhd = 1, .error = -EBADMSG});
  run();
  EXPECT_EQ(ended.completion.error, -EBADMSG);
  EXPECT_FALSE(ended.completion.ok());
  EXPECT_EQ(events_.closed, 0) << "that command alone failed";
}

// ---- Faults of the controller

TEST_F(HostQueuePairTest, AResponseForNoCommandClosesWithASentence) {
  open_ready(4, 0);
  Ended& ended = fresh();
  submit(ended);
  for (const std::uint16_t bad : std::vector<std::uint16_t>{3, 4, 0xfff0}) script_.respond(bad, {.sqhd = 1});
  run();
  EXPECT_EQ(script_.closes, 1);
  EXPECT_EQ(ended.calls, 1);
  EXPECT_EQ(ended.completion.error, -EPROTO);
  ASSERT_EQ(events_.closed, 1);
  EXPECT_EQ(events_.reason.code, EPROTO);
  EXPECT_NE(events_.reason.text.find("0003h"), std::string::npos) << events_.reason.text;
}

TEST_F(HostQueuePairTest, ASecondResponseForACommandCloses) {
  open_ready(4, 0);
  Ended& ended = fresh();
  const std::uint16_t cid = submit(ended);
  script_.respond(cid, {.sqhd = 1});
  script_.respond(cid, {.sqhd = 2});
  run();
  EXPECT_EQ(ended.calls, 1);
  EXPECT_EQ(events_.reason.code, EPROTO);
}

TEST_F(HostQueuePairTest, AnSqhdBeyondTheQueueClosesAndFailsThatCommand) {
  open_ready(4, 0);
  Ended& bad = fresh();
  Ended& other = fresh();
  const std::uint16_t cid = submit(bad);
  submit(other);
  script_.respond(cid, {.sqhd = 4});
  run();
  EXPECT_EQ(bad.completion.error, -EPROTO);
  EXPECT_EQ(other.completion.error, -EPROTO);
  EXPECT_EQ(bad.calls + other.calls, 2);
  ASSERT_EQ(events_.closed, 1);
  EXPECT_NE(events_.reason.text.find("SQHD 4 on a queue of 4 entries"), std::string::npos) << events_.reason.text;
}

TEST_F(HostQueuePairTest, ACommandThatTheTransportEndsForAViolationClosesTheQueuePair) {
  open_ready(4, 0);
  Ended& ended = fresh();
  const std::uint16_t cid = submit(ended);
  script_.end(cid, -EPROTO);
  run();
  EXPECT_EQ(ended.completion.error, -EPROTO);
  EXPECT_EQ(script_.closes, 1) << "the transport need not wait for the controller to close";
  EXPECT_EQ(events_.closed, 1);
}

TEST_F(HostQueuePairTest, AConnectResponseWithAnSqhdBeyondTheQueueCloses) {
  open(4);
  script_.ready();
  run();
  qpair_->start_flow_control(4);
  run();
  ASSERT_EQ(events_.closed, 1);
  EXPECT_EQ(events_.reason.code, EPROTO);
}

// ---- Closing

TEST_F(HostQueuePairTest, CloseEndsEveryCommandThenSaysClosed) {
  open_ready(4, 0);
  auto& ended = fresh(3);
  std::vector<int> closed_at_end;
  for (Ended& one : ended) {
    one.then = [&] { closed_at_end.push_back(events_.closed); };
    submit(one);
  }
  qpair_->close();
  qpair_->close();
  EXPECT_EQ(script_.closes, 1);
  EXPECT_EQ(closed_at_end.size(), 0u) << "never from inside the call";
  Ended& late = fresh();
  EXPECT_EQ(qpair_->submit(command(late)), -ENOTCONN);
  run();
  for (const Ended& one : ended) {
    EXPECT_EQ(one.calls, 1);
    EXPECT_EQ(one.completion.error, -ECANCELED);
  }
  EXPECT_EQ(closed_at_end, (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(events_.closed, 1);
  EXPECT_EQ(events_.reason.code, 0);
}

TEST_F(HostQueuePairTest, AResponseThatArrivesWhileClosingStillCounts) {
  open_ready(4, 0);
  script_.close_by_itself = false;
  Ended& ended = fresh();
  const std::uint16_t cid = submit(ended);
  qpair_->close();
  script_.respond(cid, {.sqhd = 1});
  script_.closed(0);
  run();
  EXPECT_TRUE(ended.completion.ok());
  EXPECT_EQ(ended.calls, 1);
}

TEST_F(HostQueuePairTest, WhatATransportForgotEndsBeforeClosed) {
  open_ready(4, 0);
  Ended& ended = fresh();
  submit(ended);
  script_.closed(-ECONNRESET, "the peer went away");
  run();
  EXPECT_EQ(ended.calls, 1);
  EXPECT_EQ(ended.completion.error, -ECONNRESET);
  ASSERT_EQ(events_.closed, 1);
  EXPECT_EQ(events_.reason.code, ECONNRESET);
  EXPECT_NE(events_.reason.text.find("the peer went away"), std::string::npos);
}

TEST_F(HostQueuePairTest, MayBeDestroyedFromClosed) {
  open_ready(4, 0);
  Ended& ended = fresh();
  submit(ended);
  events_.destroys = &qpair_;
  qpair_->close();
  run();
  EXPECT_EQ(events_.closed, 1);
  EXPECT_EQ(qpair_, nullptr);
  EXPECT_EQ(ended.calls, 1);
}

TEST_F(HostQueuePairTest, ACallbackMayClose) {
  open_ready(4, 0);
  Ended& first = fresh();
  Ended& second = fresh();
  first.then = [&] { qpair_->close(); };
  const std::uint16_t cid = submit(first);
  submit(second);
  script_.respond(cid, {.sqhd = 1});
  run();
  EXPECT_TRUE(first.completion.ok());
  EXPECT_EQ(second.completion.error, -ECANCELED);
  EXPECT_EQ(events_.closed, 1);
}

TEST_F(HostQueuePairTest, CloseBeforeReadyEndsInClosed) {
  open(4);
  qpair_->close();
  run();
  EXPECT_EQ(events_.ready, 0);
  EXPECT_EQ(events_.closed, 1);
}

TEST_F(HostQueuePairTest, TellsWhoIsThereUntilItIsClosed) {
  open_ready(4, 0);
  EXPECT_STREQ(qpair_->info().peer, "the script");
  qpair_->close();
  run();
  EXPECT_STREQ(qpair_->info().peer, "");
}

}  // namespace
}  // namespace weft

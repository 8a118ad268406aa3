// Room and order: what waits, in which order it goes, over which queue, and answers in any order.
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;
using testing::Each;

using HostWaitTest = HostTest;

class HostOrderTest : public HostTest, public testing::WithParamInterface<bool> {};

TEST_P(HostOrderTest, WhatFindsNoRoomWaitsInOrder) {
  options_.qsize = 4;
  options_.sq_flow_control = GetParam();
  connect();
  controller_->script = [](const Received& command) {
    return command.is_io(nvme::io::kVerify) ? Verdict::hold() : Verdict::model();
  };
  std::vector<std::unique_ptr<Io>> requests;
  std::vector<std::size_t> ended;
  for (std::size_t i = 0; i < 20; ++i) {
    requests.push_back(std::make_unique<Io>(Kind::kVerify, i, 1));
    requests.back()->then = [&ended, i] { ended.push_back(i); };
    submit(*requests.back());
  }
  settle();
  EXPECT_EQ(controller_->held(), GetParam() ? 3u : 4u) << "depth - 1 under SQ flow control";
  std::vector<std::uint64_t> arrived;
  while (controller_->held() > 0) {
    arrived.push_back(controller_->held_command(0).sqe.arguments<nvme::ReadWriteArguments>().slba);
    controller_->answer(0);
    settle();
  }
  std::vector<std::uint64_t> expected(20);
  std::iota(expected.begin(), expected.end(), 0u);
  EXPECT_EQ(arrived, expected);
  EXPECT_EQ(ended.size(), 20u);
}
INSTANTIATE_TEST_SUITE_P(FlowControl, HostOrderTest, testing::Bool());

TEST_F(HostWaitTest, AnswersOutOfOrderEachEndTheirOwn) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_io(nvme::io::kRead) ? Verdict::hold() : Verdict::model();
  };
  std::vector<std::byte> data[3] = {std::vector<std::byte>(512), std::vector<std::byte>(512),
                                    std::vector<std::byte>(512)};
  for (std::size_t i = 0; i < 3; ++i) blocks()[i * 512] = static_cast<std::byte>(i + 1);
  Io first(Kind::kRead, 0, data[0]), second(Kind::kRead, 1, data[1]), third(Kind::kRead, 2, data[2]);
  submit(first);
  submit(second);
  submit(third);
  settle();
  controller_->answer(2);
  settle();
  EXPECT_EQ(third.ends, 1);
  EXPECT_EQ(first.ends + second.ends, 0);
  controller_->answer(1);
  controller_->answer(0);
  settle();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(data[i][0], static_cast<std::byte>(i + 1));
}

TEST_F(HostWaitTest, ALargeRequestWaitsForRoomPieceByPiece) {
  controller_->identity.mdts = 1;
  options_.qsize = 3;
  connect();
  std::vector<std::byte> data = pattern(8192 * 9), small = pattern(512, 5);
  Io large(Kind::kWrite, 0, data), after(Kind::kWrite, 200, small);
  submit(large);
  submit(after);
  ASSERT_TRUE(run_until([&] { return large.ends + after.ends == 2; }));
  EXPECT_TRUE(large.completion.ok() && after.completion.ok());
  EXPECT_TRUE(std::equal(data.begin(), data.end(), blocks().begin()));
}

TEST_F(HostWaitTest, SpreadsOverItsQueuesAndKeepsToOneWhenTold) {
  options_.queues = 4;
  connect();
  std::vector<std::unique_ptr<Io>> requests;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(std::make_unique<Io>(Kind::kVerify, 0, 1));
    submit(*requests.back());
  }
  settle();
  std::vector<std::size_t> per_queue(5);
  for (const Received& command : controller_->log) per_queue[command.qid] += command.is_io(nvme::io::kVerify) ? 1u : 0u;
  EXPECT_THAT(std::vector(per_queue.begin() + 1, per_queue.end()), Each(std::size_t{2}));
  Io bound(Kind::kVerify, 0, 1);
  bound.queue = 3;
  EXPECT_TRUE(run(bound).ok());
  EXPECT_EQ(controller_->log.back().qid, 3);
}

TEST_F(HostWaitTest, ARequestMaySubmitTheNextFromItsEnd) {
  connect();
  Io io(Kind::kVerify, 0, 1);
  io.then = [&] {
    if (io.ends < 50) host_->submit(static_cast<IoRequest&>(io));
  };
  submit(io);
  ASSERT_TRUE(run_until([&] { return io.ends == 50; }));
}

}  // namespace
}  // namespace weft::test

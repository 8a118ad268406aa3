// The end of an association at awkward moments: in a reset, in a callback, halfway through data.
#include "request_mix.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;

using DestroyTest = MixTest;

TEST_F(DestroyTest, ClosingInTheMiddleOfAResetEndsBoth) {
  for (std::size_t step = 0; step < 8; ++step) {
    controller_->csts = {};
    controller_->script = nullptr;
    connect();
    std::size_t commands = 0;
    bool closed = false;
    int replies = 0;
    Io io(Kind::kVerify, 0, 1);
    controller_->script = [&](const Received&) {
      if (commands++ == step) host_->close([&] { closed = true; });
      return Verdict::model();
    };
    host_->reset([&](Result<bool>) { ++replies; });
    submit(io);
    ASSERT_TRUE(run_until([&] { return commands > step; })) << step;
    ASSERT_TRUE(run_until([&] { return closed; })) << step;
    EXPECT_EQ(replies, 1);
    EXPECT_EQ(io.ends, 1);
    EXPECT_EQ(controller_->queues(), 0u);
    controller_->script = nullptr;
    host_.reset();
  }
}

TEST_F(DestroyTest, DyingInTheMiddleOfAResetIsALossAndEndsIt) {
  for (std::size_t step = 0; step < 6; ++step) {
    controller_->csts = {};
    controller_->script = nullptr;
    lost_.clear();
    connect();
    std::size_t commands = 0;
    int replies = 0;
    Io io(Kind::kVerify, 0, 1);
    controller_->script = [&](const Received&) {
      if (commands++ == step) loopback_control().cut_now(0);
      return Verdict::model();
    };
    host_->reset([&](Result<bool> result) { replies += result ? 100 : 1; });
    submit(io);
    ASSERT_TRUE(run_until([&] { return !lost_.empty(); })) << step;
    settle();
    EXPECT_EQ(replies, 1) << step;
    EXPECT_EQ(io.ends, 1);
    EXPECT_EQ(lost_.size(), 1u);
    controller_->script = nullptr;
    host_.reset();
  }
}

TEST_F(DestroyTest, AQueueThatDiesWhileTheResetConnectsTheNextIsNoticed) {
  options_.queues = 2;
  connect();
  std::size_t connects = 0;
  controller_->script = [&](const Received& command) {
    if (command.is_fabrics(fabrics::fctype::kConnect) && ++connects == 2) loopback_control().cut_now(1);
    return Verdict::model();
  };
  auto done = ask<bool>([](Host& host, auto reply) { host.reset(std::move(reply)); });
  EXPECT_FALSE(done.has_value());
  EXPECT_TRUE(run_until([&] { return !lost_.empty(); }));
}

TEST_F(DestroyTest, TheHostMayBeDestroyedByARequestsEnd) {
  connect_small();
  Mix mix = start_mix();
  mix.io[0]->then = [&] { host_.reset(); };
  controller_->answer(0, {});
  ASSERT_TRUE(run_until([&] { return mix.all_ended() && controller_->queues() == 0; }));
  EXPECT_EQ(host_, nullptr);
}

TEST_F(DestroyTest, TheHostMayBeDestroyedByAnAnswer) {
  connect();
  bool answered = false;
  host_->list_namespaces([&](auto result) {
    answered = result.has_value();
    host_.reset();
  });
  ASSERT_TRUE(run_until([&] { return answered && controller_->queues() == 0; }));
}

TEST_F(DestroyTest, QuestionsUnderWayAreAnsweredWhenTheHostIsDestroyed) {
  connect();
  controller_->script = [](const Received& command) {
    return command.sqe.is_fabrics() ? Verdict::model() : Verdict::hold();
  };
  int answers = 0;
  const auto fails = [&](const auto& result) { answers += result.has_value() ? 100 : 1; };
  host_->list_namespaces(fails);
  host_->identify_namespace(1, fails);
  host_->get_log_page(2, nvme::kNsidAll, 0, 512, fails);
  host_->get_feature(7, 0, fails);
  host_->discover(fails);
  settle();
  host_.reset();
  ASSERT_TRUE(run_until([&] { return answers >= 5; }));
  EXPECT_EQ(answers, 5);
}

TEST_F(DestroyTest, DestroyedWhileACommandWaitsForItsAbort) {
  connect_small();
  Mix mix = start_mix();
  pass(2100 * kMs, 10 * kMs);
  host_.reset();
  ASSERT_TRUE(run_until([&] { return mix.all_ended() && controller_->queues() == 0; }));
}

TEST_F(DestroyTest, DataThatStopsHalfwayIsAnErrorOfItsRequest) {
  for (const CutPoint point : {CutPoint::kSendData, CutPoint::kReceiveData, CutPoint::kCommand, CutPoint::kResponse}) {
    controller_->csts = {};
    lost_.clear();
    connect();
    std::vector<std::byte> data(65536);
    loopback_control().cut_at(point, 1);
    Io io(point == CutPoint::kReceiveData ? Kind::kWrite : Kind::kRead, 0, data);
    EXPECT_NE(run(io).error, 0);
    ASSERT_TRUE(run_until([&] { return !lost_.empty(); }));
    host_.reset();
    settle();
  }
}

TEST_F(DestroyTest, ManyHostsComeAndGo) {
  for (int i = 0; i < 30; ++i) {
    controller_->csts = {};
    connect();
    Io io(Kind::kVerify, 0, 1);
    submit(io);
    if (i % 2 == 0) settle();
    host_.reset();
    ASSERT_TRUE(run_until([&] { return io.ends == 1 && controller_->queues() == 0; }));
  }
}

// From the first accept to the farewell, on either queue: who asked is answered, once, and nothing is left.
TEST_F(DestroyTest, WhereverTheLineIsCutEverythingEndsOnce) {
  options_.qsize = 3;
  options_.timeout = std::chrono::milliseconds(500);
  std::vector<std::byte> data = pattern(16384);
  for (const CutPoint point : {CutPoint::kAccept, CutPoint::kCommand, CutPoint::kResponse}) {
    for (std::uint16_t qid = 0; qid < 2; ++qid) {
      for (std::uint32_t after = 0; after < (point == CutPoint::kAccept ? 1u : 14u); ++after) {
        controller_->csts = {};
        loopback_control().cut_at(point, qid, after);
        auto host = try_connect();
        if (!host) continue;
        host_ = std::move(*host);
        std::vector<std::unique_ptr<Io>> requests;
        int answers = 0;
        bool closed = false;
        for (std::uint64_t i = 0; i < 6; ++i) {
          requests.push_back(std::make_unique<Io>(i % 2 == 0 ? Kind::kWrite : Kind::kRead, i * 32, data));
          submit(*requests.back());
        }
        host_->list_namespaces([&](auto) { ++answers; });
        host_->identify_namespace(1, [&](auto) { ++answers; });
        if (after % 3 == 0) settle();
        host_->close([&] { closed = true; });
        ASSERT_TRUE(run_until([&] { return closed; })) << "queue " << qid << " after " << after;
        for (auto& request : requests) EXPECT_EQ(request->ends, 1) << "queue " << qid << " after " << after;
        EXPECT_EQ(answers, 2);
        host_.reset();
        settle();
        EXPECT_EQ(loopback_control().live().qpairs, 0u);
      }
    }
  }
}

}  // namespace
}  // namespace weft::test

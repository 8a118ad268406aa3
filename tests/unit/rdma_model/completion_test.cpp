// Completion queues and their descriptors.
#include <poll.h>

#include "joined.hpp"
#include "support/rdma_model/queue_pair.hpp"

namespace weft::rdma::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

// A queue of four entries, and as many completions as a test wants.
struct CompletionTest : testing::Test {
  CompletionTest() : device(*two.host.devices().front()) {
    channel = *device.make_completion_channel();
    queue = *device.make_completion_queue(4, *channel, 0);
    pair = std::make_unique<QueuePair>(device, dynamic_cast<CompletionQueue&>(*queue), nullptr,
                                       verbs::QueuePairSizes{.sends = 16});
    pair->to_error();
  }
  void complete(int count = 1) {
    for (int i = 0; i < count; ++i) {
      ibv_send_wr request{}, *failed = nullptr;
      ASSERT_EQ(pair->post_sends(request, failed), 0);
    }
    two.fabric.settle();
  }
  int poll() { return queue->poll(got); }
  TwoMachines two;
  Device& device;
  std::unique_ptr<verbs::CompletionChannel> channel;
  std::unique_ptr<verbs::CompletionQueue> queue;
  std::unique_ptr<QueuePair> pair;
  std::array<ibv_wc, 8> got{};
};

TEST_F(CompletionTest, OnlyACompletionAfterArmingIsToldAndOnlyOnce) {
  complete();
  EXPECT_EQ(queue->arm(), 0);
  EXPECT_FALSE(readable(channel->fd())) << "it was there before";
  complete();
  EXPECT_TRUE(readable(channel->fd()));
  channel->drain();
  complete();
  EXPECT_FALSE(readable(channel->fd())) << "it is not armed any more";
  EXPECT_EQ(poll(), 3);
}

TEST_F(CompletionTest, WhatComesBetweenPollAndArmIsNotTold) {
  EXPECT_EQ(poll(), 0);
  two.host.script.before_arm = [&] { complete(); };
  EXPECT_EQ(queue->arm(), 0);
  EXPECT_FALSE(readable(channel->fd()));
  EXPECT_EQ(poll(), 1) << "so a poll after arming is needed";
}

TEST_F(CompletionTest, AQueueThatOverranIsAFaultAndOfNoUse) {
  complete(5);
  EXPECT_THAT(two.host.record.faults(), ElementsAre(HasSubstr("overran")));
  EXPECT_EQ(poll(), -EIO);
}

TEST_F(CompletionTest, AQueueThatIsPolledInTimeDoesNotOverrun) {
  for (int i = 0; i < 10; ++i) {
    complete(4);
    EXPECT_EQ(poll(), 4);
  }
  EXPECT_TRUE(two.host.record.faults().empty());
}

}  // namespace
}  // namespace weft::rdma::model

// The send queue: room, chains, signalling, and what it tells back.
#include "plugins/rdma/send_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace weft::rdma {
namespace {

// Notes what is posted; takes `takes` requests and refuses the rest.
class NotingPair final : public verbs::QueuePair {
 public:
  int post_sends(ibv_send_wr& chain, ibv_send_wr*& failed) override {
    ++posts;
    for (ibv_send_wr* request = &chain; request != nullptr; request = request->next) {
      if (posted.size() == takes) {
        failed = request;
        return -ENOMEM;
      }
      posted.push_back(*request);
    }
    return 0;
  }
  int post_receives(ibv_recv_wr&, ibv_recv_wr*&) override { return 0; }
  int fail() override { return 0; }
  [[nodiscard]] std::uint32_t number() const override { return 1; }
  [[nodiscard]] std::uint32_t inline_bytes() const override { return 0; }

  std::size_t takes = SIZE_MAX;
  std::size_t posts = 0;
  std::vector<ibv_send_wr> posted;
};

class SendQueueTest : public testing::Test {
 protected:
  void add(SendQueue& queue, std::uint32_t count, bool signalled = false) {
    for (std::uint32_t i = 0; i < count; ++i) queue.add(Work::kSend, next_++, IBV_WR_SEND, signalled);
  }
  std::vector<std::uint32_t> told(SendQueue& queue) {
    std::vector<std::uint32_t> indexes;
    for (Posted posted; queue.next_done(posted);) indexes.push_back(posted.index);
    return indexes;
  }
  static std::uint64_t id_of(std::uint32_t index) {
    return WorkId{.queue_pair = 9, .work = Work::kSend, .index = index}.pack();
  }
  [[nodiscard]] bool signalled(std::size_t i) const { return (pair_.posted[i].send_flags & IBV_SEND_SIGNALED) != 0; }

  NotingPair pair_;
  std::uint32_t next_ = 0;
};

TEST_F(SendQueueTest, ATurnIsOneChainWhoseLastRequestIsSignalled) {
  SendQueue queue(64, 2, 9);
  add(queue, 5);
  EXPECT_EQ(queue.post(pair_), 0);
  EXPECT_EQ(pair_.posts, 1U);
  ASSERT_EQ(pair_.posted.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(signalled(i), i == 4) << i;
  EXPECT_EQ(pair_.posted[3].wr_id, id_of(3));
  EXPECT_EQ(queue.post(pair_), 0);
  EXPECT_EQ(pair_.posts, 1U);
}

TEST_F(SendQueueTest, OneCompletionTellsAllBeforeItInOrder) {
  SendQueue queue(64, 2, 9);
  add(queue, 3);
  ASSERT_EQ(queue.post(pair_), 0);
  EXPECT_TRUE(told(queue).empty());
  EXPECT_TRUE(queue.completed(id_of(2)));
  EXPECT_THAT(told(queue), testing::ElementsAre(0, 1, 2));
  EXPECT_TRUE(queue.empty());
}

TEST_F(SendQueueTest, TheFlushOfAnUnsignalledRequestTellsNothing) {
  SendQueue queue(64, 2, 9);
  add(queue, 3);
  ASSERT_EQ(queue.post(pair_), 0);
  EXPECT_FALSE(queue.completed(id_of(0)));
  EXPECT_FALSE(queue.completed(id_of(77)));
  EXPECT_TRUE(told(queue).empty());
}

TEST_F(SendQueueTest, RoomLeavesAPlaceForTheDrainRequest) {
  SendQueue queue(4, 1, 9);
  EXPECT_EQ(queue.room(), 3U);
  add(queue, 3);
  EXPECT_EQ(queue.room(), 0U);
  queue.add(Work::kDrain, 0, IBV_WR_RDMA_WRITE, true);
  EXPECT_EQ(queue.post(pair_), 0);
  EXPECT_EQ(pair_.posted.size(), 4U);
}

TEST_F(SendQueueTest, RoomComesBackOnlyWithWhatIsTold) {
  SendQueue queue(4, 1, 9);
  add(queue, 3);
  EXPECT_FALSE(queue.make_room(pair_, 1));
  EXPECT_EQ(pair_.posted.size(), 3U);
  for (std::uint32_t index = 0; index < 3; ++index) EXPECT_TRUE(queue.completed(id_of(index)));
  EXPECT_FALSE(queue.make_room(pair_, 1));
  EXPECT_EQ(told(queue).size(), 3U);
  EXPECT_TRUE(queue.make_room(pair_, 3));
}

TEST_F(SendQueueTest, AFullChainIsPostedToMakeRoom) {
  SendQueue queue(1000, 1, 9);
  add(queue, SendQueue::kLongestChain);
  EXPECT_EQ(queue.room(), 0U);
  EXPECT_TRUE(queue.make_room(pair_, 2));
  EXPECT_EQ(pair_.posted.size(), SendQueue::kLongestChain);
}

TEST_F(SendQueueTest, AQueueThatIsFilledSlowlyAlwaysHasASignalledRequest) {
  SendQueue queue(16, 1, 9);
  add(queue, 15);
  EXPECT_EQ(queue.post(pair_), 0);
  std::size_t since = 0;
  for (std::size_t i = 0; i < pair_.posted.size(); ++i) {
    since = signalled(i) ? 0 : since + 1;
    EXPECT_LT(since, 4U);
  }
}

TEST_F(SendQueueTest, WhatTheDeviceDidNotTakeIsNotWaitedFor) {
  SendQueue queue(16, 1, 9);
  pair_.takes = 2;
  add(queue, 1);
  add(queue, 1, true);
  add(queue, 2);
  EXPECT_EQ(queue.post(pair_), -ENOMEM);
  EXPECT_EQ(queue.post(pair_), -ENOMEM);  // it stays
  EXPECT_EQ(pair_.posts, 1U);
  EXPECT_EQ(queue.room(), 0U);
  EXPECT_TRUE(queue.completed(id_of(1)));
  EXPECT_EQ(told(queue).size(), 2U);
  EXPECT_TRUE(queue.empty());
}

TEST_F(SendQueueTest, ItIsDrainedAfterAPostThatFailedToo) {
  SendQueue queue(16, 1, 9);
  pair_.takes = 2;
  add(queue, 3);
  EXPECT_EQ(queue.post(pair_), -ENOMEM);
  pair_.takes = SIZE_MAX;
  EXPECT_EQ(queue.drain(pair_, 4), 0);
  ASSERT_EQ(pair_.posted.size(), 3U);
  EXPECT_EQ(WorkId::unpack(pair_.posted.back().wr_id).work, Work::kDrain);
  EXPECT_EQ(WorkId::unpack(pair_.posted.back().wr_id).index, 4U);
  EXPECT_TRUE(signalled(2));
  EXPECT_EQ(queue.room(), 0U) << "nothing else goes behind it";
}

TEST_F(SendQueueTest, WhatWasNotPostedIsNotDrained) {
  SendQueue queue(4, 1, 9);
  add(queue, 3);
  EXPECT_EQ(queue.drain(pair_, 0), 0);
  ASSERT_EQ(pair_.posted.size(), 1U);
  EXPECT_EQ(WorkId::unpack(pair_.posted.back().wr_id).work, Work::kDrain);
}

TEST_F(SendQueueTest, ManyRoundsUseItsPlacesAgain) {
  SendQueue queue(11, 3, 9);
  for (int round = 0; round < 1000; ++round) {
    ASSERT_TRUE(queue.make_room(pair_, 5));
    add(queue, 5);
    ASSERT_EQ(queue.post(pair_), 0);
    for (const ibv_send_wr& request : pair_.posted) {
      const bool is_told = (request.send_flags & IBV_SEND_SIGNALED) != 0;
      EXPECT_EQ(queue.completed(request.wr_id), is_told);
    }
    ASSERT_EQ(told(queue).size(), 5U);
    pair_.posted.clear();
  }
}

}  // namespace
}  // namespace weft::rdma

#include "core/qpair/submission_queue.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <random>

namespace weft {
namespace {

constexpr std::uint32_t kAllCids = 0xffff;

SubmissionQueue started(std::uint32_t size, std::uint16_t sqhd) {
  SubmissionQueue queue(size, kAllCids);
  EXPECT_TRUE(queue.start(sqhd));
  return queue;
}

std::uint32_t fill(SubmissionQueue& queue) {
  std::uint32_t count = 0;
  for (; queue.room() != 0; ++count) queue.submitted();
  return count;
}

TEST(SubmissionQueue, BeforeConnectWasAnsweredTakesOneCommand) {
  SubmissionQueue queue(32, kAllCids);
  EXPECT_EQ(fill(queue), 1u);
  queue.ended();
  EXPECT_EQ(queue.room(), 1u);
}

TEST(SubmissionQueue, WithFlowControlTakesOneFewerThanItsEntries) {
  for (const std::uint32_t size : {2u, 3u, 32u, 65536u}) {
    auto queue = started(size, 1);
    EXPECT_EQ(fill(queue), size - 1) << size;
  }
}

TEST(SubmissionQueue, WithoutFlowControlTakesAsManyAsItsEntries) {
  auto queue = started(32, fabrics::kSqhdFlowControlDisabled);
  EXPECT_EQ(fill(queue), 32u);
  EXPECT_TRUE(queue.ended(12'345)) << "SQHD means nothing";
  EXPECT_EQ(queue.room(), 1u);
}

TEST(SubmissionQueue, TheLargestQueueIsBoundedByItsCommandIdentifiers) {
  auto queue = started(65536, fabrics::kSqhdFlowControlDisabled);
  EXPECT_EQ(fill(queue), 65535u);
}

TEST(SubmissionQueue, StartRefusesAHeadBeyondTheQueue) {
  SubmissionQueue queue(32, kAllCids);
  EXPECT_FALSE(queue.start(32));
  EXPECT_FALSE(queue.start(0xfffe));
  EXPECT_TRUE(queue.start(31));
}

// go-nvme's target sends the size of the queue, whatever the host asked for.
TEST(SubmissionQueue, AHeadBeyondTheQueueMeansNothingWhereFlowControlWasNotWanted) {
  for (const std::uint16_t first : std::vector<std::uint16_t>{1, 4, 0xffff}) {
    SCOPED_TRACE(first);
    SubmissionQueue queue(4, 0xffff);
    ASSERT_TRUE(queue.start(first, false));
    for (int i = 0; i < 20; ++i) {
      ASSERT_NE(queue.room(), 0u);
      queue.submitted();
      EXPECT_TRUE(queue.ended(4));
    }
  }
  SubmissionQueue wanted(4, 0xffff);
  EXPECT_FALSE(wanted.start(4, true));
}

TEST(SubmissionQueue, FollowsTheHeadAroundTheEnd) {
  auto queue = started(4, 2);
  for (std::uint16_t round = 0; round < 20; ++round) {
    EXPECT_EQ(queue.room(), 3u);
    queue.submitted();
    EXPECT_TRUE(queue.ended(static_cast<std::uint16_t>((3 + round) % 4)));
  }
}

TEST(SubmissionQueue, WaitsForAHeadThatLagsBehindTheAnswers) {
  auto queue = started(4, 0);
  fill(queue);
  EXPECT_TRUE(queue.ended(0)) << "answered, but its entry is not given back yet";
  EXPECT_EQ(queue.room(), 0u);
  EXPECT_TRUE(queue.ended(2));
  EXPECT_EQ(queue.room(), 2u);
}

TEST(SubmissionQueue, NeverHasMoreOutstandingThanEntriesThoughTheHeadRunsAhead) {
  auto queue = started(4, 0);
  fill(queue);
  EXPECT_TRUE(queue.ended(3)) << "the controller took all three and answered one";
  EXPECT_EQ(queue.outstanding(), 2u);
  EXPECT_EQ(fill(queue), 1u);
}

TEST(SubmissionQueue, IgnoresAHeadFromBefore) {
  auto queue = started(8, 0);
  for (int i = 0; i < 4; ++i) queue.submitted();
  EXPECT_TRUE(queue.ended(2)) << "overtook the response that carries 1";
  EXPECT_EQ(queue.room(), 7u - 3u);
  EXPECT_TRUE(queue.ended(1));
  EXPECT_EQ(queue.room(), 7u - 2u) << "two taken, two outstanding";
  EXPECT_TRUE(queue.ended(3));
  EXPECT_TRUE(queue.ended(4));
  EXPECT_EQ(queue.room(), 7u);
}

TEST(SubmissionQueue, ResponsesWithoutAHeadGiveOneEntryBackEach) {
  auto queue = started(4, 0);
  for (int round = 0; round < 10; ++round) {
    fill(queue);
    queue.ended();
    EXPECT_EQ(queue.room(), 1u);
  }
}

TEST(SubmissionQueue, IsWholeAgainWhenNothingIsOutstanding) {
  auto queue = started(4, 0);
  fill(queue);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.ended(0)) << "a head that never moves";
  EXPECT_EQ(queue.room(), 3u);
}

TEST(SubmissionQueue, SaysThatAHeadIsBeyondTheQueue) {
  auto queue = started(8, 0);
  queue.submitted();
  EXPECT_FALSE(queue.ended(8));
  EXPECT_EQ(queue.outstanding(), 0u);
  queue.submitted();
  EXPECT_FALSE(queue.ended(0xffff));
}

// A controller that takes entries in order and answers in any: the queue must never overrun it and never stall.
TEST(SubmissionQueue, AgreesWithAModelController) {
  for (const std::uint32_t size : {2u, 3u, 7u, 128u}) {
    std::mt19937 random(size);
    auto queue = started(size, 0);
    std::uint64_t submitted = 0, taken = 0, answered = 0;
    for (int step = 0; step < 20'000; ++step) {
      if (random() % 2 == 0 && queue.room() != 0) {
        queue.submitted();
        ++submitted;
        ASSERT_LE(submitted - taken, size - 1) << "overran the queue";
      }
      if (random() % 3 == 0 && taken < submitted) ++taken;
      if (random() % 2 == 0 && answered < taken) {
        ++answered;
        if (random() % 8 == 0) {
          queue.ended();
        } else {
          ASSERT_TRUE(queue.ended(static_cast<std::uint16_t>(taken % size)));
        }
      }
      ASSERT_EQ(queue.outstanding(), submitted - answered);
    }
    while (answered < submitted) {
      taken = std::max(taken, answered + 1);
      ++answered;
      ASSERT_TRUE(queue.ended(static_cast<std::uint16_t>(taken % size)));
    }
    EXPECT_EQ(queue.room(), size - 1);
    EXPECT_GT(submitted, 1'000u);
  }
}

}  // namespace
}  // namespace weft

// Deadlines of a host's commands: one timer for the queue, one call for each command.
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "unit/qpair/host_events.hpp"

namespace weft {
namespace {

using test::Ended;
using test::FakeClock;

constexpr Nanoseconds kStart = 1'000'000'000;

class DeadlineTest : public test::HostQueuePairTest {
 protected:
  void at(Nanoseconds now) {
    FakeClock::set(now);
    run();
  }
};

TEST_F(DeadlineTest, PassesOncePerCommandAndTheCommandGoesOn) {
  open_ready(8, 0);
  Ended& ended = fresh();
  const std::uint16_t cid = submit(ended, kStart + 100);
  at(kStart + 99);
  EXPECT_TRUE(events_.timeouts.empty());
  at(kStart + 100);
  at(kStart + 10'000);
  EXPECT_EQ(events_.timeouts, std::vector<std::uint16_t>{cid});
  EXPECT_EQ(ended.calls, 0);
  script_.respond(cid, {.sqhd = 1});
  run();
  EXPECT_EQ(ended.calls, 1);
  EXPECT_TRUE(ended.completion.ok());
}

TEST_F(DeadlineTest, EachCommandHasItsOwn) {
  open_ready(8, 0);
  Ended& ended = fresh();
  const std::uint16_t late = submit(ended, kStart + 300);
  const std::uint16_t early = submit(ended, kStart + 100);
  submit(ended);  // none
  const std::uint16_t middle = submit(ended, kStart + 200);
  at(kStart + 100);
  EXPECT_EQ(events_.timeouts, std::vector<std::uint16_t>{early});
  at(kStart + 200);
  at(kStart + 300);
  EXPECT_EQ(events_.timeouts, (std::vector<std::uint16_t>{early, middle, late}));
  at(kStart + 99'999);
  EXPECT_EQ(events_.timeouts.size(), 3u);
}

TEST_F(DeadlineTest, AnAnsweredCommandHasNoneAnyMore) {
  open_ready(8, 0);
  Ended& ended = fresh();
  const std::uint16_t cid = submit(ended, kStart + 100);
  script_.respond(cid, {.sqhd = 1});
  run();
  EXPECT_EQ(submit(ended), cid) << "the CID is used again, now without a deadline";
  at(kStart + 500);
  EXPECT_TRUE(events_.timeouts.empty());
}

TEST_F(DeadlineTest, AnIdleQueueArmsNoTimer) {
  open_ready(8, 0);
  Ended& ended = fresh();
  script_.respond(submit(ended, kStart + 100), {.sqhd = 1});
  run();
  FakeClock::set(kStart + 1'000);
  EXPECT_EQ(reactor_->run_once(), 0u) << "a timer of an idle queue wakes a sleeping process";
}

TEST_F(DeadlineTest, ALaterCommandIsSeenAfterAnEarlierOneWasAnswered) {
  open_ready(8, 0);
  Ended& ended = fresh();
  const std::uint16_t first = submit(ended, kStart + 100);
  const std::uint16_t second = submit(ended, kStart + 200);
  script_.respond(first, {.sqhd = 1});
  at(kStart + 150);
  EXPECT_TRUE(events_.timeouts.empty());
  at(kStart + 200);
  EXPECT_EQ(events_.timeouts, std::vector<std::uint16_t>{second});
}

TEST_F(DeadlineTest, ItsCallMaySubmitWithADeadline) {
  open_ready(8, 0);
  Ended& ended = fresh();
  std::uint16_t next = 0;
  events_.when_timed_out = [&](std::uint16_t) {
    if (events_.timeouts.size() == 1) next = submit(ended, kStart + 150);
  };
  const std::uint16_t first = submit(ended, kStart + 100);
  const std::uint16_t other = submit(ended, kStart + 900);
  at(kStart + 100);
  at(kStart + 150);
  EXPECT_EQ(events_.timeouts, (std::vector<std::uint16_t>{first, next}));
  at(kStart + 900);
  EXPECT_EQ(events_.timeouts.back(), other);
}

TEST_F(DeadlineTest, ItsCallMayCloseAndThenNoneComes) {
  open_ready(8, 0);
  auto& ended = fresh(3);
  events_.when_timed_out = [&](std::uint16_t) { qpair_->close(); };
  for (Ended& one : ended) submit(one, kStart + 100);
  at(kStart + 100);
  EXPECT_EQ(events_.timeouts.size(), 1u);
  EXPECT_EQ(events_.closed, 1);
  for (const Ended& one : ended) EXPECT_EQ(one.calls, 1);
}

TEST_F(DeadlineTest, OneInThePastPassesInTheNextTurn) {
  open_ready(8, 0);
  Ended& ended = fresh();
  submit(ended, 1);
  EXPECT_TRUE(events_.timeouts.empty());
  reactor_->run_once();
  EXPECT_EQ(events_.timeouts.size(), 1u);
}

}  // namespace
}  // namespace weft

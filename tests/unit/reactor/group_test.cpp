// A reactor and the poll group of a transport.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "core/util/unique_fd.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"
#include "weft/reactor.hpp"

namespace weft {
namespace {

using test::ScriptedTransport;

class GroupTest : public ::testing::Test {
 protected:
  GroupTest() : reactor_(*Reactor::create({.wait = WaitPolicy::kSleep})) {
    EXPECT_TRUE(reactor_->group(script_.transport()));
  }
  ScriptedTransport script_;  // outlives the reactor: groups close first
  std::unique_ptr<Reactor> reactor_;
};

TEST_F(GroupTest, IsOpenedOnceAndClosedWithTheReactor) {
  const auto again = reactor_->group(script_.transport());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, script_.group);
  EXPECT_EQ(script_.groups, 1);
  reactor_.reset();
  EXPECT_EQ(script_.groups, 0);
}

TEST_F(GroupTest, IsPolledAndFlushedOncePerTurn) {
  for (int i = 0; i < 3; ++i) reactor_->run_once();
  EXPECT_EQ(script_.polls, 3);
  EXPECT_EQ(script_.flushes, 3);
}

TEST_F(GroupTest, IsFlushedAfterTasksAndTimersOfTheTurn) {
  int flushes_seen = -1;
  reactor_->post([&] { flushes_seen = script_.flushes; });
  reactor_->run_once();
  EXPECT_EQ(flushes_seen, 0);
  EXPECT_EQ(script_.flushes, 1);
}

TEST_F(GroupTest, HasABudgetPerTurn) {
  int played = 0;
  for (int i = 0; i < 1000; ++i) script_.play([&] { ++played; });
  reactor_->run_once();
  EXPECT_GT(played, 0);
  EXPECT_LT(played, 1000);
  while (played < 1000) ASSERT_GT(reactor_->run_once(), 0u);
}

TEST_F(GroupTest, IsPolledAgainWhenItCannotBeArmed) {
  script_.arm_again = 4;
  for (int i = 0; i < 4; ++i) reactor_->run_once(kForever);
  EXPECT_EQ(reactor_->stats().sleeps, 0u);
  EXPECT_EQ(script_.arms, 4);
}

TEST_F(GroupTest, EndsTheSleepByItsDescriptor) {
  const UniqueFd fd(::eventfd(1, EFD_NONBLOCK));
  script_.arm_fd = fd.get();
  reactor_->run_once(kForever);  // hangs without the descriptor
  EXPECT_EQ(reactor_->stats().sleeps, 1u);
  std::uint64_t value = 0;
  EXPECT_EQ(::read(fd.get(), &value, sizeof value), 8);
  reactor_->run_once(monotonic_now() + 2'000'000);
  EXPECT_EQ(reactor_->stats().sleeps, 2u);
}

TEST_F(GroupTest, EndsTheSleepByItsDeadline) {
  const Nanoseconds deadline = monotonic_now() + 2'000'000;
  script_.arm_deadline = deadline;
  reactor_->run_once(kForever);  // hangs without the deadline
  EXPECT_GE(monotonic_now(), deadline);
}

TEST_F(GroupTest, IsLoggedOnceWhenItFails) {
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    script_.next_poll = -EBADF;
    reactor_->run_once();
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  const std::size_t first = text.find("transport 'script' cannot poll its group");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("cannot poll", first + 20), std::string::npos) << text;
}

TEST_F(GroupTest, OpensAnotherGroupFromInsideAnEvent) {
  // The scripted transport allows one instance; the same transport from an event must give the same group.
  weft_group* seen = nullptr;
  script_.play([&] { seen = *reactor_->group(script_.transport()); });
  reactor_->run_once();
  EXPECT_EQ(seen, script_.group);
}

}  // namespace
}  // namespace weft

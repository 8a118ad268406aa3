#include "weft/reactor.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "core/util/unique_fd.hpp"
#include "support/fake_clock.hpp"

namespace weft {
namespace {

using test::FakeClock;

std::unique_ptr<Reactor> fake_time_reactor(WaitPolicy wait = WaitPolicy::kAdaptive) {
  FakeClock::set(1'000'000);
  return *Reactor::create({.wait = wait, .clock = &FakeClock::now});
}

TEST(Reactor, NowStandsStillDuringATurn) {
  const auto reactor = fake_time_reactor();
  Nanoseconds during = 0, read_now = 0;
  reactor->post([&] {
    FakeClock::advance(500);
    during = reactor->now();
    read_now = reactor->clock_now();
  });
  reactor->run_once();
  EXPECT_EQ(during, 1'000'000u);
  EXPECT_EQ(read_now, 1'000'500u);
}

TEST(Reactor, NowOutsideATurnIsTheClock) {
  const auto reactor = fake_time_reactor();
  reactor->run_once();
  FakeClock::advance(700);
  EXPECT_EQ(reactor->now(), 1'000'700u);
}

TEST(Reactor, RunsPostedTasksInOrderFromATurn) {
  const auto reactor = fake_time_reactor();
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) reactor->post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(reactor->run_once(), 5u);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Reactor, RunEndsAfterTheTasksPostedBeforeStop) {
  const auto reactor = fake_time_reactor(WaitPolicy::kPoll);
  int ran = 0;
  reactor->post([&] {
    ++ran;
    reactor->post([&] { ++ran; });
    reactor->stop();
  });
  reactor->run();
  EXPECT_EQ(ran, 2);
  reactor->stop();
  reactor->run();  // can be run again, and stopped before
}

TEST(Reactor, RunUntilReturnsWhenDoneOrAtTheDeadline) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kPoll});  // nothing would wake it but its deadline
  int turns = 0;
  EXPECT_TRUE(reactor->run_until([&] { return ++turns == 10; }, 0));
  const Nanoseconds deadline = monotonic_now() + 2'000'000;
  EXPECT_FALSE(reactor->run_until([] { return false; }, deadline));
  EXPECT_GE(monotonic_now(), deadline);
}

TEST(Reactor, RunUntilSleepsThroughToItsDeadline) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  EXPECT_FALSE(reactor->run_until([] { return false; }, monotonic_now() + 20'000'000));
  EXPECT_GE(reactor->stats().sleeps, 1u);
  EXPECT_LT(reactor->stats().sleeps, 10u);
}

TEST(Reactor, CountsItsTurnsAndEvents) {
  const auto reactor = fake_time_reactor();
  reactor->run_once();
  reactor->post([] {});
  reactor->run_once();
  const ReactorStats stats = reactor->stats();
  EXPECT_EQ(stats.turns, 2u);
  EXPECT_EQ(stats.idle_turns, 1u);
  EXPECT_EQ(stats.events, 1u);
  EXPECT_EQ(stats.sleeps, 0u);
}

TEST(Reactor, DestroysUnrunTasksWhileItIsWhole) {
  auto reactor = fake_time_reactor();
  auto timer = std::make_shared<Timer>(*reactor, [](void*) {}, nullptr);
  timer->set(kForever - 1);
  reactor->post([timer] {});
  const std::weak_ptr<Timer> seen = timer;
  timer.reset();
  reactor.reset();
  EXPECT_TRUE(seen.expired());
}

// ---- Pollers

struct CountingPoller : Poller {
  std::uint32_t poll() override {
    ++polls;
    if (removes_itself != nullptr) removes_itself->remove(*this);
    return 0;
  }
  void submit() override { ++submits; }
  int polls = 0, submits = 0;
  Reactor* removes_itself = nullptr;
};

TEST(Reactor, PollsAndSubmitsEachPollerOncePerTurn) {
  const auto reactor = fake_time_reactor();
  CountingPoller poller;
  reactor->add(poller);
  reactor->run_once();
  reactor->run_once();
  EXPECT_EQ(poller.polls, 2);
  EXPECT_EQ(poller.submits, 2);
  reactor->remove(poller);
  reactor->run_once();
  EXPECT_EQ(poller.polls, 2);
}

TEST(Reactor, APollerMayRemoveItselfFromItsPoll) {
  const auto reactor = fake_time_reactor();
  CountingPoller first, second;
  first.removes_itself = reactor.get();
  reactor->add(first);
  reactor->add(second);
  reactor->run_once();
  reactor->run_once();
  EXPECT_EQ(first.polls, 1);
  EXPECT_EQ(first.submits, 0);
  EXPECT_EQ(second.polls, 2);
}

// ---- Watched descriptors

struct Watched {
  Watched() : fd(::eventfd(0, EFD_NONBLOCK)) {}
  static void ready(void* self) {
    auto* const watched = static_cast<Watched*>(self);
    ++watched->calls;
    std::uint64_t value = 0;
    if (watched->drain) {
      EXPECT_EQ(::read(watched->fd.get(), &value, sizeof value), 8);
    }
    if (watched->unwatch_other != nullptr) watched->reactor->unwatch(watched->unwatch_other->fd.get());
  }
  void signal() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(fd.get(), &one, sizeof one), 8);
  }
  UniqueFd fd;
  int calls = 0;
  bool drain = true;
  Reactor* reactor = nullptr;
  Watched* unwatch_other = nullptr;
};

TEST(Reactor, CallsReadyWhileADescriptorIsReadable) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  Watched watched;
  watched.drain = false;
  ASSERT_TRUE(reactor->watch(watched.fd.get(), &Watched::ready, &watched));
  reactor->run_once();
  EXPECT_EQ(watched.calls, 0);
  watched.signal();
  EXPECT_TRUE(reactor->run_until([&] { return watched.calls >= 3; }, monotonic_now() + 10'000'000'000));
  reactor->unwatch(watched.fd.get());
  const int calls = watched.calls;
  reactor->run_once(monotonic_now() + 1'000'000);
  EXPECT_EQ(watched.calls, calls);
}

TEST(Reactor, LooksAtDescriptorsWithoutSleepingToo) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kPoll});
  Watched watched;
  ASSERT_TRUE(reactor->watch(watched.fd.get(), &Watched::ready, &watched));
  watched.signal();
  EXPECT_TRUE(reactor->run_until([&] { return watched.calls == 1; }, monotonic_now() + 10'000'000'000));
  EXPECT_EQ(reactor->stats().sleeps, 0u);
}

TEST(Reactor, ACallMayUnwatchAnotherReadyDescriptor) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  Watched a, b;
  a.reactor = b.reactor = reactor.get();
  a.unwatch_other = &b;
  b.unwatch_other = &a;
  ASSERT_TRUE(reactor->watch(a.fd.get(), &Watched::ready, &a));
  ASSERT_TRUE(reactor->watch(b.fd.get(), &Watched::ready, &b));
  a.signal();
  b.signal();
  reactor->run_once(monotonic_now() + 1'000'000'000);
  reactor->run_once(monotonic_now() + 1'000'000);
  EXPECT_EQ(a.calls + b.calls, 1);
}

TEST(Reactor, WatchSaysWhyADescriptorIsRefused) {
  const auto reactor = *Reactor::create();
  const Status watched = reactor->watch(-1, &Watched::ready, nullptr);
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().code, EBADF);
  EXPECT_NE(watched.error().text.find("descriptor -1"), std::string::npos);
}

}  // namespace
}  // namespace weft

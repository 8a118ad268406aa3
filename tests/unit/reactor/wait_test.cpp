// How a reactor waits: when it sleeps, and what ends the sleep.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/util/unique_fd.hpp"
#include "support/fake_clock.hpp"
#include "weft/reactor.hpp"

namespace weft {
namespace {

using test::FakeClock;

constexpr Nanoseconds kPatience = 20'000'000'000;  // a test that needs it has failed

TEST(Waiting, PollPolicyNeverSleeps) {
  FakeClock::set(1000);
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kPoll, .clock = &FakeClock::now});
  for (int i = 0; i < 100; ++i) {
    FakeClock::advance(1'000'000);
    reactor->run_once(kForever);
  }
  EXPECT_EQ(reactor->stats().sleeps, 0u);
}

TEST(Waiting, AdaptiveSpinsForItsTimeAfterAnEventThenSleeps) {
  FakeClock::set(1'000'000);
  const auto reactor = *Reactor::create({.spin_ns = 50'000, .clock = &FakeClock::now});
  FakeClock::set(2'000'000);
  reactor->post([] {});
  reactor->run_once(FakeClock::now() + 1);
  FakeClock::set(2'049'999);
  reactor->run_once(FakeClock::now() + 1);
  EXPECT_EQ(reactor->stats().sleeps, 0u);
  FakeClock::set(2'050'000);
  reactor->run_once(FakeClock::now() + 1);
  EXPECT_EQ(reactor->stats().sleeps, 1u);
}

TEST(Waiting, WithoutUntilATurnDoesNotSleep) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  for (int i = 0; i < 10; ++i) reactor->run_once();
  EXPECT_EQ(reactor->stats().sleeps, 0u);
}

TEST(Waiting, ATimerEndsTheSleepAtItsDeadline) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  bool fired = false;
  Timer timer(*reactor, [](void* flag) { *static_cast<bool*>(flag) = true; }, &fired);
  const Nanoseconds deadline = monotonic_now() + 3'000'000;
  timer.set(deadline);
  EXPECT_TRUE(reactor->run_until([&] { return fired; }, monotonic_now() + kPatience));
  EXPECT_GE(monotonic_now(), deadline);
  EXPECT_LE(reactor->stats().sleeps, 3u);
}

TEST(Waiting, AnEventThatEndsTheSleepIsHandledInTheSameCall) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  bool fired = false;
  Timer timer(*reactor, [](void* flag) { *static_cast<bool*>(flag) = true; }, &fired);
  timer.set(monotonic_now() + 1'000'000);
  EXPECT_EQ(reactor->run_once(kForever), 1u);
  EXPECT_TRUE(fired);
}

struct ArmedPoller : Poller {
  ArmedPoller() : fd(::eventfd(0, EFD_NONBLOCK)) {}
  std::uint32_t poll() override {
    std::uint64_t value = 0;
    return ::read(fd.get(), &value, sizeof value) == 8 ? 1 : 0;
  }
  int arm() override {
    if (busy > 0) {
      --busy;
      return -2;
    }
    return fd.get();
  }
  UniqueFd fd;
  int busy = 0;
};

TEST(Waiting, APollersDescriptorEndsTheSleep) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  ArmedPoller poller;
  reactor->add(poller);
  std::thread writer([&] {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(poller.fd.get(), &one, sizeof one), 8);
  });
  std::uint32_t events = 0;
  while (events == 0) events = reactor->run_once(monotonic_now() + kPatience);
  EXPECT_EQ(events, 1u);
  writer.join();
  reactor->remove(poller);
}

TEST(Waiting, APollerWithWorkPreventsTheSleep) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  ArmedPoller poller;
  poller.busy = 5;
  reactor->add(poller);
  for (int i = 0; i < 5; ++i) reactor->run_once(kForever);
  EXPECT_EQ(reactor->stats().sleeps, 0u);
  EXPECT_EQ(poller.busy, 0);
  reactor->remove(poller);
}

// A post that comes when the turn has looked at the mailbox and the sleep has not begun.
TEST(Waiting, APostBetweenTheTurnAndTheSleepPreventsTheSleep) {
  struct LatePost : Poller {
    std::uint32_t poll() override { return 0; }
    int arm() override {
      if (!posted) reactor->post([this] { ran = true; });
      posted = true;
      return -1;
    }
    Reactor* reactor = nullptr;
    bool posted = false, ran = false;
  } poller;
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  poller.reactor = reactor.get();
  reactor->add(poller);
  reactor->run_once(monotonic_now() + kPatience);
  EXPECT_TRUE(poller.ran);
  EXPECT_EQ(reactor->stats().sleeps, 0u);
  reactor->remove(poller);
}

// Each post must end the sleep that the last one left the reactor in; nothing else will. The pause before a post varies,
// so that it meets the reactor at every stage of falling asleep.
TEST(Waiting, NoPostIsLostWhileTheReactorFallsAsleep) {
  const auto reactor = *Reactor::create({.wait = WaitPolicy::kSleep});
  constexpr int kRounds = 5'000;
  std::atomic<int> ran{0};
  std::atomic<bool> stop{false};
  std::thread poster([&] {
    for (int round = 1; round <= kRounds && !stop; ++round) {
      for (int pause = round % 256; pause > 0; --pause) std::atomic_signal_fence(std::memory_order_seq_cst);
      reactor->post([&] { ++ran; });
      while (ran < round && !stop) std::this_thread::yield();
    }
  });
  EXPECT_TRUE(reactor->run_until([&] { return ran == kRounds; }, monotonic_now() + kPatience));
  stop = true;
  poster.join();
}

TEST(Waiting, ManyThreadsPostAndEachKeepsItsOrder) {
  const auto reactor = *Reactor::create();
  constexpr int kThreads = 8, kPosts = 2'000;
  std::vector<std::vector<int>> seen(kThreads);
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        reactor->post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          ++total;
        });
      }
    });
  }
  EXPECT_TRUE(reactor->run_until([&] { return total == kThreads * kPosts; }, monotonic_now() + kPatience));
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : seen) EXPECT_TRUE(std::ranges::is_sorted(one));
}

}  // namespace
}  // namespace weft

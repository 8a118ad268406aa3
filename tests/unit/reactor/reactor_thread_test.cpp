#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <string>
#include <thread>

#include "weft/reactor.hpp"

namespace weft {
namespace {

TEST(ReactorThread, RunsUnderItsNameWithSignalsBlocked) {
  const auto thread = *ReactorThread::start({}, "weft-test");
  std::string name;
  bool blocked = false;
  thread->call([&] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name = text;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, nullptr, &set);
    blocked = sigismember(&set, SIGTERM) == 1 && sigismember(&set, SIGINT) == 1;
  });
  EXPECT_EQ(name, "weft-test");
  EXPECT_TRUE(blocked);
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGTERM), 0) << "the starter's own mask is left as it was";
}

TEST(ReactorThread, CutsANameThatTheKernelWouldRefuse) {
  const auto thread = *ReactorThread::start({}, "a name of more than fifteen");
  std::string name;
  thread->call([&] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name = text;
  });
  EXPECT_EQ(name, "a name of more ");
}

TEST(ReactorThread, OnlyItsOwnThreadIsOnThread) {
  const auto thread = *ReactorThread::start();
  EXPECT_FALSE(thread->reactor().on_thread());
  bool inside = false;
  thread->call([&] { inside = thread->reactor().on_thread(); });
  EXPECT_TRUE(inside);
}

TEST(ReactorThread, BeforeRunTheMakerIsOnThread) {
  const auto reactor = *Reactor::create();
  EXPECT_TRUE(reactor->on_thread());
  bool other = true;
  std::thread([&] { other = reactor->on_thread(); }).join();
  EXPECT_FALSE(other);
}

TEST(ReactorThread, CallWaitsForTheEndOfItsTask) {
  for (const WaitPolicy wait : {WaitPolicy::kAdaptive, WaitPolicy::kSleep}) {
    const auto thread = *ReactorThread::start({.wait = wait});
    int value = 0;
    for (int i = 0; i < 1000; ++i) thread->call([&] { ++value; });
    EXPECT_EQ(value, 1000);
  }
}

TEST(ReactorThread, TasksPostedBeforeItsEndRun) {
  std::atomic<int> ran{0};
  {
    const auto thread = *ReactorThread::start();
    for (int i = 0; i < 100; ++i) thread->reactor().post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(ReactorThread, IsPinnedToTheCpuThatIsAskedFor) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  std::size_t cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  const auto thread = *ReactorThread::start({.cpu = static_cast<int>(cpu)});
  int count = 0;
  bool on_it = false;
  thread->call([&] {
    cpu_set_t set;
    pthread_getaffinity_np(pthread_self(), sizeof set, &set);
    count = CPU_COUNT(&set);
    on_it = CPU_ISSET(cpu, &set);
  });
  EXPECT_EQ(count, 1);
  EXPECT_TRUE(on_it);
}

}  // namespace
}  // namespace weft

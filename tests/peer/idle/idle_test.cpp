// Idle costs nothing: no wake-ups but for keep-alives, and little memory for a connection that does nothing.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "tests/support/build_folders.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/process_counts.hpp"

namespace weft {
namespace {

constexpr char kNqn[] = "nqn.2026-01.org.example:idle";

class Idle : public testing::Test {
 protected:
  Idle()
      : target_({program("weft"), "serve", "--listen", "tcp://127.0.0.1:0", "--nqn", kNqn, "--namespace",
                 "ram://?size=16M"}) {
    const auto line = target_.read_line();
    if (line && line->starts_with("listening ")) address_ = line->substr(10) + "/" + kNqn;
  }
  [[nodiscard]] std::vector<std::string> host(const std::string& options, unsigned associations) const {
    return {WEFT_IDLE_HOST, plugin_folder(), address_ + options, std::to_string(associations)};
  }
  static void expect_end(ChildProcess& process) {
    process.send_signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0);
  }

  ChildProcess target_;
  std::string address_;
};

// The measurement itself is ten seconds of nothing.
TEST_F(Idle, TargetAndHostSleepButForKeepAlives) {
  ChildProcess connected(host("?kato=4s&queues=4", 1));
  ASSERT_EQ(connected.read_line(), "connected");
  std::this_thread::sleep_for(std::chrono::seconds(1));  // what connecting left to do is done
  const std::uint64_t target_before = voluntary_switches(target_.pid());
  const std::uint64_t host_before = voluntary_switches(connected.pid());
  std::this_thread::sleep_for(std::chrono::seconds(10));
  // A Keep Alive every 2 s: five or six, each of which wakes a side for the command or its answer, and for its timer.
  EXPECT_LE(voluntary_switches(target_.pid()) - target_before, 6u * 3);
  EXPECT_LE(voluntary_switches(connected.pid()) - host_before, 6u * 3);
  expect_end(connected);
  expect_end(target_);
}

TEST_F(Idle, WithoutAssociationsTheTargetDoesNotWakeAtAll) {
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::uint64_t before = voluntary_switches(target_.pid());
  std::this_thread::sleep_for(std::chrono::seconds(10));
  EXPECT_EQ(voluntary_switches(target_.pid()) - before, 0u);
  expect_end(target_);
}

TEST_F(Idle, AnIdleQueuePairOfDepth128CostsAtMost48KiBOfEachProcess) {
  constexpr unsigned kAssociations = 16, kQueues = 8;  // and an admin queue each
  ChildProcess first(host("?qsize=128", 1));
  ASSERT_EQ(first.read_line(), "connected");
  const std::uint64_t before = resident_bytes(target_.pid());
  const std::uint64_t host_before = resident_bytes(first.pid());
  ChildProcess many(host(fmt::format("?qsize=128&queues={}", kQueues), kAssociations));
  ASSERT_EQ(many.read_line(std::chrono::seconds(60)), "connected");
  const std::uint64_t pairs = kAssociations * (kQueues + 1);
  EXPECT_LE((resident_bytes(target_.pid()) - before) / pairs, 48u << 10);
  EXPECT_LE((resident_bytes(many.pid()) - host_before) / pairs, 48u << 10);
  expect_end(many);
  expect_end(first);
  expect_end(target_);
}

}  // namespace
}  // namespace weft

#include "tests/support/leak_watch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace weft {
namespace {

// Of each descriptor what it is open on, of each thread its name; as far as they are still there when they are looked at.
std::map<std::string, std::string> holdings() {
  std::map<std::string, std::string> held;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const auto what = std::filesystem::read_symlink(entry.path(), gone);
    if (!gone) held["descriptor " + entry.path().filename().string()] = what.string();
  }
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    if (std::getline(std::ifstream(entry.path() / "comm"), name))
      held["thread " + entry.path().filename().string()] = name;
  }
  return held;
}

bool within(const ProcessCounts& now, const ProcessCounts& before) {
  return now.descriptors <= before.descriptors && now.threads <= before.threads;
}

}  // namespace

void LeakWatch::OnTestProgramStart(const testing::UnitTest&) {
  std::thread([] {}).join();  // with a process's first thread the thread sanitizer starts one of its own, for good
}

void LeakWatch::OnTestStart(const testing::TestInfo&) {
  before_ = process_counts(getpid());
  held_ = holdings();
}

void LeakWatch::OnTestEnd(const testing::TestInfo&) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  ProcessCounts now;
  while (!within(now = process_counts(getpid()), before_)) {
    if (std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
      continue;
    }
    std::string fresh;
    for (const auto& [name, what] : holdings()) {
      const auto known = held_.find(name);
      if (known == held_.end() || known->second != what) fresh += fmt::format("\n  {}: {}", name, what);
    }
    ADD_FAILURE() << "the test leaves " << now << "; before it there were " << before_ << ". New are:" << fresh;
    return;
  }
}

}  // namespace weft

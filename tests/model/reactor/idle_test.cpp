// An idle process costs nothing: no thread of it is switched to, however long one looks.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "core/util/unique_fd.hpp"

extern char** environ;

namespace weft {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

// Voluntary and involuntary switches of each thread, by thread id.
using Switches = std::map<std::string, std::uint64_t>;

Switches switches_of(pid_t pid) {
  Switches all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string word; status >> word;) {
      std::uint64_t count = 0;
      if (word == "voluntary_ctxt_switches:" && status >> count) all[task.path().filename()] = count;
    }
  }
  return all;
}

class IdleProcess {
 public:
  IdleProcess() {
    int in[2], out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    const UniqueFd child_in(in[0]), child_out(out[1]);
    input_.reset(in[1]);
    output_.reset(out[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::string path = WEFT_TEST_IDLE_PROCESS;
    char* const arguments[] = {path.data(), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, path.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~IdleProcess() { EXPECT_EQ(end(), 0); }

  [[nodiscard]] bool says_idle() const {
    pollfd entry{.fd = output_.get(), .events = POLLIN, .revents = 0};
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience).count();
    char text[8] = {};
    return ::poll(&entry, 1, static_cast<int>(milliseconds)) == 1 && ::read(output_.get(), text, 5) == 5 &&
           std::string(text) == "idle\n";
  }
  // Threads fall asleep one after the other: the first moment at which none was switched to for a while.
  [[nodiscard]] bool settles() const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    Switches before = switches_of(pid_);
    while (std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      Switches after = switches_of(pid_);
      if (after == before) return true;
      before = std::move(after);
    }
    return false;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  int end() {
    input_.reset();
    int status = -1;
    ::waitpid(pid_, &status, 0);
    return status;
  }
  pid_t pid_ = -1;
  UniqueFd input_, output_;
};

TEST(IdleProcess, MakesNoContextSwitch) {
  const IdleProcess process;
  ASSERT_TRUE(process.says_idle());
  ASSERT_TRUE(process.settles());
  const Switches before = switches_of(process.pid());
  std::this_thread::sleep_for(
      std::chrono::seconds(WEFT_TEST_IDLE_SECONDS));  // what is measured is time in which nothing happens
  EXPECT_EQ(switches_of(process.pid()), before);
  EXPECT_EQ(before.size(), 5u) << "its own thread and four reactors";
}

}  // namespace
}  // namespace weft

// child_process.hpp - a program that a test starts, reads from with a deadline, and ends for sure.
// Thread rule: one thread. The destructor kills what still runs and collects it.
#ifndef WEFT_TESTS_SUPPORT_CHILD_PROCESS_HPP
#define WEFT_TESTS_SUPPORT_CHILD_PROCESS_HPP

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/util/unique_fd.hpp"

namespace weft {

class ChildProcess {
 public:
  // Standard output is read by read_line()/read_all(); standard error stays the test's. `environment`: "NAME=value", added.
  ChildProcess(std::vector<std::string> command, std::vector<std::string> environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // A line of its output without the newline; nothing when it ended or the time is over.
  [[nodiscard]] std::optional<std::string> read_line(std::chrono::milliseconds limit = std::chrono::seconds(20));
  // The rest of its output, up to its end or the limit.
  [[nodiscard]] std::string read_all(std::chrono::milliseconds limit = std::chrono::seconds(120));
  void send_signal(int signal) const;
  // Its exit code, 128 + signal when it was killed; nothing when it still runs at the limit.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit = std::chrono::seconds(60));
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  bool fill(std::chrono::steady_clock::time_point deadline);
  pid_t pid_ = -1;
  UniqueFd output_;
  UniqueFd pidfd_;
  std::string buffer_;
  std::optional<int> exit_code_;
};

}  // namespace weft

#endif

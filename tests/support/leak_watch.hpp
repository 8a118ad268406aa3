// leak_watch.hpp - after each test the process has no more descriptors and threads than before it.
//
// A count that is higher is a failure of that test, and names what is new. What ends in its own time (a thread that was
// detached, a ring's worker in the kernel) is waited for. weft_test()'s main() adds one; any other program may.
// Thread rule: the thread that runs the tests.
#ifndef WEFT_TESTS_SUPPORT_LEAK_WATCH_HPP
#define WEFT_TESTS_SUPPORT_LEAK_WATCH_HPP

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "tests/support/process_counts.hpp"

namespace weft {

class LeakWatch final : public testing::EmptyTestEventListener {
 public:
  explicit LeakWatch(std::chrono::milliseconds patience = std::chrono::seconds(10)) : patience_(patience) {}

  void OnTestProgramStart(const testing::UnitTest& program) override;
  void OnTestStart(const testing::TestInfo& test) override;
  void OnTestEnd(const testing::TestInfo& test) override;

 private:
  const std::chrono::milliseconds patience_;
  ProcessCounts before_;
  std::map<std::string, std::string> held_;  // what each of them was
};

}  // namespace weft

#endif

#include <gmock/gmock.h>

#include "tests/support/child_process.hpp"

namespace weft {
namespace {

using testing::HasSubstr;

class LeakWatchTest : public testing::Test {
 protected:
  // The program's output and how it ended.
  void run(const std::string& test, int expected) {
    ChildProcess tests({WEFT_LEAKING_TESTS, "--gtest_color=no", "--gtest_filter=Leaking." + test});
    says_ = tests.read_all();
    EXPECT_EQ(tests.wait(), expected) << says_;
  }
  std::string says_;
};

TEST_F(LeakWatchTest, ADescriptorThatStaysFailsItsTestAndIsNamed) {
  run("ADescriptor", 1);
  EXPECT_THAT(says_, HasSubstr("[  FAILED  ] Leaking.ADescriptor"));
  EXPECT_THAT(says_, HasSubstr(": /dev/null"));
}

TEST_F(LeakWatchTest, AThreadThatStaysFailsItsTestAndIsNamed) {
  run("AThread", 1);
  EXPECT_THAT(says_, HasSubstr("[  FAILED  ] Leaking.AThread"));
  EXPECT_THAT(says_, HasSubstr(": left-behind"));
}

TEST_F(LeakWatchTest, WhatEndsInItsOwnTimeIsNoFailure) { run("Nothing*", 0); }

TEST_F(LeakWatchTest, OnlyTheTestThatLeftItIsBlamed) {
  run("*", 1);
  EXPECT_THAT(says_, HasSubstr("[       OK ] Leaking.NothingThatStays"));
  EXPECT_THAT(says_, HasSubstr("[       OK ] Leaking.NothingAgain"));
  EXPECT_THAT(says_, HasSubstr("2 FAILED TESTS"));
}

}  // namespace
}  // namespace weft

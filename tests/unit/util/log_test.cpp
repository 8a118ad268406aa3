#include "core/util/log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weft {
namespace {

class Log : public ::testing::Test {
 protected:
  ~Log() override { set_log_level(before_); }
  const LogLevel before_ = log_level();
};

TEST_F(Log, WritesALineToStandardError) {
  ::testing::internal::CaptureStderr();
  log::error("queue {} is {}", 3, "gone");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("queue 3 is gone\n"), std::string::npos) << text;
}

TEST_F(Log, SaysNothingBelowItsLevel) {
  set_log_level(LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  log::info("not this");
  log::warning("but this");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("not this"), std::string::npos) << text;
  EXPECT_NE(text.find("but this"), std::string::npos) << text;
}

}  // namespace
}  // namespace weft

#include <gtest/gtest.h>

#include "weft/address.hpp"

namespace weft {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

TEST(Size, KnowsPowersOf1024) {
  EXPECT_EQ(*parse_size("0"), 0u);
  EXPECT_EQ(*parse_size("4096"), 4096u);
  EXPECT_EQ(*parse_size("4k"), 4096u);
  EXPECT_EQ(*parse_size("64M"), 64ull << 20);
  EXPECT_EQ(*parse_size("1GiB"), 1ull << 30);
  EXPECT_EQ(*parse_size("2T"), 2ull << 40);
  EXPECT_EQ(*parse_size("18446744073709551615"), UINT64_MAX);
}

TEST(Size, RefusesWhatIsNoneOrDoesNotFit) {
  for (const char* text : {"", "k", "-1", "+1", " 1", "1 k", "1.5G", "1kb", "1x", "0x10", "18446744073709551616",
                           "16777216T", "99999999999999999999T"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Duration, KnowsItsUnitsAndTakesABareNumberForSeconds) {
  EXPECT_EQ(*parse_duration("30"), nanoseconds(30s));
  EXPECT_EQ(*parse_duration("30s"), nanoseconds(30s));
  EXPECT_EQ(*parse_duration("500ms"), nanoseconds(500ms));
  EXPECT_EQ(*parse_duration("7us"), nanoseconds(7us));
  EXPECT_EQ(*parse_duration("9ns"), nanoseconds(9));
  EXPECT_EQ(*parse_duration("2m"), nanoseconds(120s));
  EXPECT_EQ(*parse_duration("1h"), nanoseconds(3600s));
}

TEST(Duration, RefusesWhatIsNoneOrDoesNotFit) {
  for (const char* text : {"", "s", "-1s", "1.5s", "1 s", "1d", "1sec", "9223372037s", "99999999999999999999ns"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Switch, KnowsEveryPairOfWords) {
  for (const char* text : {"on", "yes", "true", "1", "ON"}) EXPECT_TRUE(*parse_switch(text)) << text;
  for (const char* text : {"off", "no", "false", "0", "Off"}) EXPECT_FALSE(*parse_switch(text)) << text;
  for (const char* text : {"", "2", "enable", "o"}) EXPECT_FALSE(parse_switch(text).has_value()) << text;
}

TEST(Count, KeepsItsBounds) {
  EXPECT_EQ(*parse_count("1", 1, 3), 1u);
  EXPECT_EQ(*parse_count("3", 1, 3), 3u);
  for (const char* text : {"0", "4", "", "x", "1x", "-1", "1.0", "99999999999999999999"}) {
    EXPECT_FALSE(parse_count(text, 1, 3)) << text;
  }
}

TEST(Wait, KnowsThreePolicies) {
  EXPECT_EQ(*parse_wait("adaptive"), WaitPolicy::kAdaptive);
  EXPECT_EQ(*parse_wait("poll"), WaitPolicy::kPoll);
  EXPECT_EQ(*parse_wait("sleep"), WaitPolicy::kSleep);
  EXPECT_FALSE(parse_wait("spin"));
}

TEST(ParseUuid, TakesAUuidAndItsDigitsAlone) {
  const auto uuid = parse_uuid("0A000000-0000-4000-8000-00000000000f");
  ASSERT_TRUE(uuid.has_value());
  EXPECT_EQ((*uuid)[0], 0x0a);
  EXPECT_EQ((*uuid)[15], 0x0f);
  EXPECT_EQ(*parse_uuid("0a00000000004000800000000000000f"), *uuid);
  for (const char* bad : {"", "0a", "0a000000000040008000000000000-0f", "0a00-000000-4000-8000-00000000000f0",
                          "0a0000000000400080000000000000xf", "{0a000000-0000-4000-8000-00000000000f}"})
    EXPECT_EQ(parse_uuid(bad).error().code, EINVAL) << bad;
}

}  // namespace
}  // namespace weft

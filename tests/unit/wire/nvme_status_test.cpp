#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "weft/fabrics.hpp"
#include "weft/nvme/status_codes.hpp"

namespace weft {
namespace {

TEST(NvmeStatusWords, NameTheCode) {
  EXPECT_EQ(nvme::status::kSuccess.describe(), "Successful Completion (000h)");
  EXPECT_EQ(nvme::status::kLbaOutOfRange.describe(), "LBA Out of Range (080h)");
  EXPECT_EQ(nvme::status::kInvalidField.describe(), "Invalid Field in Command (002h)");
  EXPECT_EQ(nvme::status::kCompareFailure.describe(), "Compare Failure (285h)");
  EXPECT_EQ(nvme::status::kAnaTransition.describe(), "Asymmetric Access Transition (303h)");
}

TEST(NvmeStatusWords, LeaveOutRetryBits) {
  EXPECT_EQ(nvme::status::kLbaOutOfRange.dnr().describe(), "LBA Out of Range (080h)");
  EXPECT_EQ(NvmeStatus(static_cast<std::uint16_t>(0x7980)).describe(true), "Connect Incompatible Format (180h)");
}

TEST(NvmeStatusWords, DependOnTheCommandFor180hAndAbove) {
  EXPECT_EQ(NvmeStatus(1, 0x80).describe(), "Conflicting Attributes (180h)");
  EXPECT_EQ(NvmeStatus(1, 0x80).describe(true), "Connect Incompatible Format (180h)");
  EXPECT_EQ(NvmeStatus(1, 0x82).describe(), "Attempted Write to Read Only Range (182h)");
  EXPECT_EQ(fabrics::status::kConnectInvalidParameters.describe(true), "Connect Invalid Parameters (182h)");
}

TEST(NvmeStatusWords, FabricsCommandsKeepTheCommonMeanings) {
  EXPECT_EQ(nvme::status::kCommandSequenceError.describe(true), "Command Sequence Error (00Ch)");
  EXPECT_EQ(nvme::status::kInvalidQueueId.describe(true), "Invalid Queue Identifier (101h)");
}

TEST(NvmeStatusWords, CodesWithOneMeaningHaveItEverywhere) {
  EXPECT_EQ(fabrics::status::kDiscoverRestart.describe(), "Discover Restart (190h)");
  EXPECT_EQ(fabrics::status::kAuthenticationRequired.describe(), "Authentication Required (191h)");
}

TEST(NvmeStatusWords, UnknownCodesSayTheirType) {
  EXPECT_EQ(NvmeStatus(0, 0x7F).describe(), "Unknown Generic Status (07Fh)");
  EXPECT_EQ(NvmeStatus(1, 0x7F).describe(), "Unknown Command Specific Status (17Fh)");
  EXPECT_EQ(NvmeStatus(2, 0x00).describe(), "Unknown Media and Data Integrity Status (200h)");
  EXPECT_EQ(NvmeStatus(3, 0x7F).describe(), "Unknown Path Related Status (37Fh)");
  EXPECT_EQ(NvmeStatus(5, 0x01).describe(), "Reserved Status (501h)");
  EXPECT_EQ(NvmeStatus(7, 0x01).describe(), "Vendor Specific Status (701h)");
}

std::vector<int> known_codes(bool fabrics) {
  std::vector<int> known;
  for (int code = 0; code < 0x800; ++code) {
    const std::string words = NvmeStatus(static_cast<std::uint16_t>(code)).describe(fabrics);
    if (!words.starts_with("Unknown") && !words.starts_with("Reserved") && !words.starts_with("Vendor")) {
      known.push_back(code);
    }
  }
  return known;
}

void add_range(std::vector<int>& codes, int first, int last) {
  for (int code = first; code <= last; ++code) codes.push_back(code);
}

TEST(NvmeStatusWords, AreThereForEveryCodeOfTheSpecificationAndNoOther) {
  std::vector<int> expected;
  add_range(expected, 0x000, 0x016);
  add_range(expected, 0x018, 0x024);
  for (const int code : {0x029, 0x02A, 0x02C}) expected.push_back(code);
  add_range(expected, 0x080, 0x084);
  add_range(expected, 0x100, 0x103);
  add_range(expected, 0x105, 0x116);
  add_range(expected, 0x118, 0x125);
  add_range(expected, 0x129, 0x12C);
  add_range(expected, 0x180, 0x185);
  for (const int code : {0x190, 0x191}) expected.push_back(code);
  add_range(expected, 0x1B8, 0x1BF);
  add_range(expected, 0x280, 0x288);
  add_range(expected, 0x300, 0x303);
  for (const int code : {0x360, 0x370, 0x371}) expected.push_back(code);
  EXPECT_EQ(known_codes(false), expected);
  EXPECT_EQ(known_codes(true), expected);
}

TEST(NvmeStatusWords, AreDistinct) {
  std::set<std::string> words;
  for (int code = 0; code < 0x800; ++code) words.insert(NvmeStatus(static_cast<std::uint16_t>(code)).describe());
  EXPECT_EQ(words.size(), 0x800U);
}

TEST(NvmeStatusValue, KeepsCodeAndBitsApart) {
  const NvmeStatus status = nvme::status::kInvalidField.dnr();
  EXPECT_EQ(status.value(), 0x4002);
  EXPECT_EQ(status.code(), 0x002);
  EXPECT_TRUE(status.do_not_retry());
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace weft

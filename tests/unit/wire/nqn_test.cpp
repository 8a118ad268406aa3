#include "core/wire/nqn.hpp"

#include "core/wire/doubtful_nqn.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace weft::wire {
namespace {

constexpr std::string_view kGood = "nqn.2026-01.org.example:disk";
constexpr Uuid kUuid = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
constexpr std::string_view kUuidName = "nqn.2014-08.org.nvmexpress:uuid:01234567-89ab-cdef-fedc-ba9876543210";

std::string name_of_length(std::size_t length) {
  std::string name = "nqn.2026-01.";
  name.resize(length, 'x');
  return name;
}

WireText<256> field_of(std::string_view text) {
  WireText<256> field{};
  std::ranges::copy(text, field.begin());
  return field;
}

TEST(Nqn, WellFormedNamesAreAccepted) {
  for (const std::string& nqn :
       {std::string(kGood), std::string(fabrics::kDiscoveryNqn), std::string(kUuidName), std::string("nqn.2014-08.a"),
        std::string("nqn.2014-08.o\xc3\xa9.example"), name_of_length(223)}) {
    EXPECT_TRUE(nqn_valid(nqn)) << nqn;
    EXPECT_TRUE(nqn_valid_strict(nqn)) << nqn;
  }
}

TEST(Nqn, UsableNamesNeedNotBeWellFormed) {
  for (const std::string_view nqn : {"x",
                                     "iqn.2026-01.org.example:disk",
                                     "nqn.",
                                     "nqn.2026-01.",
                                     "nqn.26-01.org",
                                     "NQN.2026-01.org.example",
                                     "nqn.2026-1.org.example",
                                     "nqn.2026_01.org",
                                     "nqn.20x6-01.org",
                                     "nqn.2026-0",
                                     " nqn.2026-01.org",
                                     "nqn.2026-01:org",
                                     "nqn.2026-01.a:b\nc",
                                     "nqn.2026-01.a:\x7f",
                                     "nqn.2026-01.a:\xff",
                                     "nqn.2026-01.a:\xc2\x85",
                                     "nqn.2026-01.a:\xc0\x8a",
                                     "nqn.2026-01.a:\xe0\x80\x8a",
                                     "nqn.2026-01.a:\xed\xa0\x80",
                                     "nqn.2026-01.a:\xc3"}) {
    EXPECT_TRUE(nqn_valid(nqn)) << nqn;
    EXPECT_FALSE(nqn_valid_strict(nqn)) << nqn;
  }
}

TEST(Nqn, LikelyMistakesAreDoubted) {
  for (const std::string_view nqn :
       {"nqm.2014-08.org.example:a", "NQN.2014-08.org.example:a", "Nqn.2014-08.org.example:a",
        "nqn2014-08.org.example:a", "qnn.2014-08.org.example:a", "nqqn.2014-08.org.example:a",
        "nqn:2014-08.org.example:a", "iqn.2014-08.org.example:a", "nqn.2014-08.org.example:a ",
        " nqn.2014-08.org.example:a", "disk\n", "nqn.2014-8.org", "nqn.", "a\x1b[2J", "disk\xff"})
    EXPECT_NE(doubt_about_nqn(nqn), "") << nqn;
  for (const std::string_view nqn : {"blktests-subsystem-1", "disk", "d\xc3\xa9", "nqn.2014-08.org.example:a", "nq",
                                     "2014-08.org", "x/y", "q.2014-08"})
    EXPECT_EQ(doubt_about_nqn(nqn), "") << nqn;
}

TEST(Nqn, ADoubtfulNameIsWarnedOfOnceAndEscaped) {
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) warn_of_doubtful_nqn("nqm.2014-08.org.example:once\x1b", "the host NQN");
  warn_of_doubtful_nqn("a-name-without-doubt", "the host NQN");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
  EXPECT_NE(said.find("the host NQN 'nqm.2014-08.org.example:once\\x1b'"), std::string::npos) << said;
}

TEST(Nqn, UnusableNamesAreRejected) {
  for (const std::string& nqn :
       {std::string(), name_of_length(224), name_of_length(1000), std::string("nqn.2026-01.a\0b", 15)}) {
    EXPECT_FALSE(nqn_valid(nqn)) << nqn;
    EXPECT_FALSE(nqn_valid_strict(nqn)) << nqn;
  }
}

TEST(Nqn, EachFaultHasItsOwnSentenceThatNamesTheThing) {
  std::set<std::string> sentences;
  const std::vector<std::string> bad = {"",      name_of_length(224), std::string("a\0b", 3), "iqn.x",
                                        "nqn.x", "nqn.2026-01.",      "nqn.2026-01.a\n"};
  for (const std::string& nqn : bad) {
    const Status status = nqn_valid_strict(nqn, "the host NQN");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, EINVAL);
    EXPECT_TRUE(status.error().text.starts_with("the host NQN ")) << status.error().text;
    sentences.insert(status.error().text);
  }
  EXPECT_EQ(sentences.size(), bad.size());
  EXPECT_TRUE(sentences.contains("the host NQN 'iqn.x' does not start with 'nqn.'"));
}

TEST(Nqn, BytesOfThePeerAreNotPrintedRaw) {
  const Status status = nqn_valid_strict("iqn\x1b[2J");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text.find('\x1b'), std::string::npos);
}

TEST(Nqn, IsReadOutOfItsField) {
  const auto field = field_of(kGood);
  const auto nqn = read_nqn(field);
  ASSERT_TRUE(nqn);
  EXPECT_EQ(*nqn, kGood);
}

TEST(Nqn, ReadStopsAtTheFirstNul) {
  const auto field = field_of(std::string_view("nqn\0more", 8));
  const auto nqn = read_nqn(field);
  ASSERT_TRUE(nqn);
  EXPECT_EQ(*nqn, "nqn");
}

TEST(Nqn, FieldWithoutNulIsRejected) {
  const auto field = field_of(std::string(256, 'x'));
  const auto nqn = read_nqn(field, "SUBNQN");
  ASSERT_FALSE(nqn);
  EXPECT_EQ(nqn.error().text, "SUBNQN has no NUL at its end within its 256 bytes");
}

TEST(Nqn, FieldWithTooLongOrNoNameIsRejected) {
  for (const std::size_t length : {0U, 224U, 255U}) {
    const auto field = field_of(std::string(length, 'x'));
    EXPECT_FALSE(read_nqn(field)) << length;
  }
  const auto longest = field_of(std::string(fabrics::kNqnMaxLength, 'x'));
  EXPECT_TRUE(read_nqn(longest));
}

TEST(Nqn, IsWrittenWithNulsBehindIt) {
  WireText<256> field;
  field.fill('z');
  ASSERT_TRUE(write_nqn(field, kGood));
  EXPECT_TRUE(std::ranges::equal(field, field_of(kGood)));
}

TEST(Nqn, NameThatCannotBeWrittenLeavesTheFieldAlone) {
  WireText<256> field = field_of(kGood);
  EXPECT_FALSE(write_nqn(field, name_of_length(224)));
  EXPECT_TRUE(std::ranges::equal(field, field_of(kGood)));
}

TEST(Nqn, OfAUuidIsMadeAndUndone) {
  EXPECT_EQ(uuid_nqn(kUuid), kUuidName);
  const auto uuid = uuid_of_nqn(kUuidName);
  ASSERT_TRUE(uuid);
  EXPECT_EQ(*uuid, kUuid);
}

TEST(Nqn, OfAnotherFormHasNoUuid) {
  EXPECT_FALSE(uuid_of_nqn(kGood));
  EXPECT_FALSE(uuid_of_nqn(kUuidNqnPrefix));
  EXPECT_FALSE(uuid_of_nqn(std::string(kUuidName) + "0"));
}

TEST(Nqn, ConnectDataCarriesAllFourFields) {
  const auto data = connect_data(kUuid, fabrics::kCntlidAny, kGood, kUuidName);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->hostid, kUuid);
  EXPECT_EQ(data->cntlid, 0xFFFF);
  EXPECT_EQ(read_nqn(data->subnqn).value(), kGood);
  EXPECT_EQ(read_nqn(data->hostnqn).value(), kUuidName);
}

TEST(Nqn, ConnectDataSaysWhichNameIsBad) {
  const auto bad_subsystem = connect_data(kUuid, 1, "", kUuidName);
  ASSERT_FALSE(bad_subsystem);
  EXPECT_EQ(bad_subsystem.error().text, "the subsystem NQN is empty");
  const auto bad_host = connect_data(kUuid, 1, kGood, "");
  ASSERT_FALSE(bad_host);
  EXPECT_EQ(bad_host.error().text, "the host NQN is empty");
}

TEST(Nqn, DiscoveryIsKnownByItsExactBytes) {
  EXPECT_TRUE(is_discovery_nqn("nqn.2014-08.org.nvmexpress.discovery"));
  EXPECT_FALSE(is_discovery_nqn("nqn.2014-08.org.nvmexpress.Discovery"));
  EXPECT_FALSE(is_discovery_nqn("nqn.2014-08.org.nvmexpress.discovery2"));
}

}  // namespace
}  // namespace weft::wire

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "plugins/tcp/transfer.hpp"

namespace weft::tcp {
namespace {

constexpr std::uint32_t kMaxH2c = 8192;

Pdu h2c(std::uint16_t cccid, std::uint16_t ttag, std::uint32_t offset, std::uint32_t length, bool last) {
  Pdu pdu;
  pdu.type = PduType::kH2cData;
  pdu.flags = last ? kFlagLast : std::uint8_t{0};
  pdu.cccid = cccid;
  pdu.ttag = ttag;
  pdu.offset = offset;
  pdu.length = length;
  pdu.data_len = length;
  return pdu;
}

// Opens a window the way the connection does.
std::uint16_t open(ControllerTransfers& t, std::uint32_t token, std::uint32_t offset, std::uint32_t len) {
  EXPECT_TRUE(t.request(token, offset, len));
  std::uint16_t ttag = 0;
  EXPECT_TRUE(t.open_window(token, offset, len, ttag));
  return ttag;
}

TEST(ControllerTransfers, JudgesH2cData) {
  ControllerTransfers prototype(4, 2, kMaxH2c);
  ASSERT_TRUE(prototype.begin(0, 0x3007, 65536));
  const std::uint16_t tag = open(prototype, 0, 0, 12288);
  const std::uint16_t later = open(prototype, 0, 12288, 4096);
  H2cTarget target;
  ASSERT_FALSE(prototype.on_h2c(h2c(0x3007, tag, 0, 4096, false), target));

  Pdu short_payload = h2c(0x3007, tag, 4096, 4096, false);
  short_payload.data_len = 4092;
  Pdu long_payload = h2c(0x3007, tag, 4096, 4096, false);
  long_payload.data_len = 0xfffffff0;
  const struct {
    const char* name;
    Pdu pdu;
    const Rule* rule;
    std::uint16_t fes;
    std::uint32_t fei;
  } rows[] = {
      {"the next bytes", h2c(0x3007, tag, 4096, 4096, false), nullptr, 0, 0},
      {"the rest", h2c(0x3007, tag, 4096, 8192, true), nullptr, 0, 0},
      {"one byte", h2c(0x3007, tag, 4096, 1, false), nullptr, 0, 0},
      {"more than MAXH2CDATA", h2c(0x3007, tag, 4096, 8193, false), &rules::kH2cTooLong, 5, 0},
      {"more than MAXH2CDATA for an unknown tag", h2c(0x3007, 0x999, 0, 0xffffffff, false), &rules::kH2cTooLong, 5, 0},
      {"tag that was never given", h2c(0x3007, 3, 4096, 512, false), &rules::kH2cUnknownTag, 1, 10},
      {"tag of another generation", h2c(0x3007, static_cast<std::uint16_t>(tag + 8), 4096, 512, false),
       &rules::kH2cStaleTag, 1, 10},
      {"tag FFFFh", h2c(0x3007, 0xffff, 4096, 512, false), &rules::kH2cUnknownTag, 1, 10},
      {"command 0 with the tag of another", h2c(0, tag, 4096, 512, false), &rules::kH2cWrongCommand, 1, 8},
      {"command with another generation of the CID", h2c(0x4007, tag, 4096, 512, false), &rules::kH2cWrongCommand, 1,
       8},
      {"less data than DATAL", short_payload, &rules::kH2cLength, 1, 16},
      {"more data than DATAL", long_payload, &rules::kH2cLength, 1, 16},
      {"no data", h2c(0x3007, tag, 4096, 0, false), &rules::kH2cEmpty, 1, 16},
      {"beyond the R2T", h2c(0x3007, tag, 8192, 8192, true), &rules::kH2cOutOfRange, 4, 0},
      {"wholly behind the R2T", h2c(0x3007, tag, 12288, 512, false), &rules::kH2cOutOfRange, 4, 0},
      {"wraps to 0 in 32 bits", h2c(0x3007, tag, 0xfffff000, 0x1000, false), &rules::kH2cOutOfRange, 4, 0},
      {"before the R2T", h2c(0x3007, later, 8192, 4096, false), &rules::kH2cOutOfRange, 4, 0},
      {"gap", h2c(0x3007, tag, 8192, 512, false), &rules::kH2cOutOfOrder, 2, 0},
      {"again", h2c(0x3007, tag, 0, 4096, false), &rules::kH2cOutOfOrder, 2, 0},
      {"the second R2T before the first is complete", h2c(0x3007, later, 12288, 4096, true), &rules::kH2cOutOfOrder, 2,
       0},
      {"LAST too early", h2c(0x3007, tag, 4096, 4096, true), &rules::kH2cLastEarly, 2, 0},
      {"LAST missing", h2c(0x3007, tag, 4096, 8192, false), &rules::kH2cLastMissing, 2, 0},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    ControllerTransfers t = prototype;
    const Violation bad = t.on_h2c(row.pdu, target);
    ASSERT_EQ(bad.rule, row.rule);
    if (row.rule != nullptr) {
      EXPECT_EQ(bad.fes(), row.fes);
      EXPECT_EQ(bad.fei, row.fei);
      EXPECT_EQ(bad.echo, 24);
    }
  }
}

TEST(ControllerTransfers, TakesATransferPieceByPiece) {
  ControllerTransfers t(2, 1, kMaxH2c);
  ASSERT_TRUE(t.begin(1, 77, 20000));
  const std::uint16_t tag = open(t, 1, 0, 20000);
  H2cTarget target;
  std::uint32_t at = 0;
  for (std::uint32_t length : {1u, 8192u, 8192u, 3615u}) {
    const bool last = at + length == 20000;
    ASSERT_FALSE(t.on_h2c(h2c(77, tag, at, length, last), target));
    EXPECT_EQ(target.token, 1u);
    EXPECT_EQ(target.last, last);
    EXPECT_FALSE(target.drop);
    at += length;
  }
  EXPECT_EQ(t.on_h2c(h2c(77, tag, 20000, 1, false), target).rule, &rules::kH2cStaleTag) << "data after LAST";
  t.close_window(tag);
  EXPECT_EQ(t.open_windows(1), 0u);
  EXPECT_EQ(t.on_h2c(h2c(77, tag, 0, 1, false), target).rule, &rules::kH2cStaleTag);
}

TEST(ControllerTransfers, KeepsToTheNumberOfR2tsThatTheHostBears) {
  for (std::uint32_t allowed : {1u, 2u, 16u}) {
    ControllerTransfers t(2, allowed, kMaxH2c);
    ASSERT_TRUE(t.begin(0, 5, 1u << 20));
    ASSERT_TRUE(t.request(0, 0, 1u << 20));
    std::vector<std::uint16_t> tags(allowed);
    for (std::uint32_t i = 0; i < allowed; ++i) {
      ASSERT_TRUE(t.open_window(0, i * 4096, 4096, tags[i]));
    }
    std::uint16_t extra = 0;
    EXPECT_FALSE(t.open_window(0, allowed * 4096, 4096, extra));
    H2cTarget target;
    ASSERT_FALSE(t.on_h2c(h2c(5, tags[0], 0, 4096, true), target));
    t.close_window(tags[0]);
    EXPECT_TRUE(t.open_window(0, allowed * 4096, 4096, extra));
    ASSERT_TRUE(t.begin(1, 6, 4096)) << "other commands have windows of their own";
    open(t, 1, 0, 4096);
  }
}

TEST(ControllerTransfers, GivesTagsThatAreDistinctWhileOutstanding) {
  ControllerTransfers t(64, 4, kMaxH2c);
  std::set<std::uint16_t> tags;
  for (std::uint32_t token = 0; token < 64; ++token) {
    ASSERT_TRUE(t.begin(token, static_cast<std::uint16_t>(token), 65536));
    for (std::uint32_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(tags.insert(open(t, token, i * 512, 512)).second);
    }
  }
  EXPECT_EQ(tags.size(), 256u);
}

TEST(ControllerTransfers, RecognisesAStaleTagWhenTheSlotIsUsedAgain) {
  ControllerTransfers t(1, 1, kMaxH2c);
  H2cTarget target;
  std::uint16_t previous = 0;
  for (int round = 0; round < 70000; ++round) {  // through every generation
    ASSERT_TRUE(t.begin(0, 1, 512));
    const std::uint16_t tag = open(t, 0, 0, 512);
    if (round != 0) {
      ASSERT_NE(tag, previous);
      ASSERT_EQ(t.on_h2c(h2c(1, previous, 0, 512, true), target).rule, &rules::kH2cStaleTag);
    }
    ASSERT_FALSE(t.on_h2c(h2c(1, tag, 0, 512, true), target));
    t.close_window(tag);
    t.end(0);
    previous = tag;
  }
}

TEST(ControllerTransfers, DropsDataOfACommandThatWasAnswered) {
  ControllerTransfers t(2, 2, kMaxH2c);
  ASSERT_TRUE(t.begin(0, 9, 8192));
  const std::uint16_t first = open(t, 0, 0, 4096);
  const std::uint16_t second = open(t, 0, 4096, 4096);
  H2cTarget target;
  ASSERT_FALSE(t.on_h2c(h2c(9, first, 0, 512, false), target));
  t.end(0);
  EXPECT_FALSE(t.active(0));
  EXPECT_EQ(t.abandoned_windows(), 2u);
  ASSERT_TRUE(t.begin(0, 10, 4096)) << "the token is free at once";

  ASSERT_FALSE(t.on_h2c(h2c(9, first, 512, 3584, true), target));
  EXPECT_TRUE(target.drop);
  EXPECT_TRUE(target.last);
  t.close_window(first);
  EXPECT_EQ(t.on_h2c(h2c(9, second, 0, 4096, true), target).rule, &rules::kH2cOutOfRange) << "checked all the same";
  ASSERT_FALSE(t.on_h2c(h2c(9, second, 4096, 4096, true), target));
  EXPECT_TRUE(target.drop);
  t.close_window(second);
  EXPECT_EQ(t.abandoned_windows(), 0u);
}

TEST(ControllerTransfers, ForgetsAbandonedWindowsWhenTheCidIsUsedAgain) {
  ControllerTransfers t(3, 2, kMaxH2c);
  ASSERT_TRUE(t.begin(0, 9, 8192));
  ASSERT_TRUE(t.begin(1, 8, 8192));
  const std::uint16_t nine = open(t, 0, 0, 4096);
  const std::uint16_t eight = open(t, 1, 0, 4096);
  t.end(0);
  t.end(1);
  ASSERT_TRUE(t.begin(2, 9, 8192));
  EXPECT_EQ(t.abandoned_windows(), 1u);
  H2cTarget target;
  EXPECT_EQ(t.on_h2c(h2c(9, nine, 0, 4096, true), target).rule, &rules::kH2cStaleTag);
  EXPECT_FALSE(t.on_h2c(h2c(8, eight, 0, 4096, true), target));
}

TEST(ControllerTransfers, GivesUpTheOldestAbandonedWindowBeforeItRunsOutOfTags) {
  ControllerTransfers t(2, 1, kMaxH2c);
  ASSERT_EQ(t.tag_count(), 2u);
  H2cTarget target;
  std::vector<std::uint16_t> tags;
  for (std::uint16_t cid = 100; cid < 150; ++cid) {
    ASSERT_TRUE(t.begin(0, cid, 4096));
    tags.push_back(open(t, 0, 0, 4096));
    t.end(0);
    EXPECT_LE(t.abandoned_windows(), 2u);
  }
  EXPECT_FALSE(t.on_h2c(h2c(149, tags[49], 0, 4096, true), target));
  EXPECT_FALSE(t.on_h2c(h2c(148, tags[48], 0, 4096, true), target));
  EXPECT_EQ(t.on_h2c(h2c(147, tags[47], 0, 4096, true), target).rule, &rules::kH2cStaleTag);
  t.close_window(tags[47]);  // passed over
  EXPECT_EQ(t.abandoned_windows(), 2u);
}

TEST(ControllerTransfers, WantsRequestsThatFollowOneAnother) {
  ControllerTransfers t(1, 4, kMaxH2c);
  EXPECT_FALSE(t.request(0, 0, 512)) << "no such command";
  EXPECT_FALSE(t.request(1, 0, 512)) << "no such token";
  ASSERT_TRUE(t.begin(0, 1, 8192));
  EXPECT_FALSE(t.request(0, 512, 512)) << "not from the start";
  EXPECT_FALSE(t.request(0, 0, 0)) << "no bytes";
  EXPECT_FALSE(t.request(0, 0, 8193)) << "too many";
  EXPECT_FALSE(t.request(0, 0, 0xffffffffffffffff));
  EXPECT_TRUE(t.request(0, 0, 4096));
  EXPECT_FALSE(t.request(0, 0, 4096)) << "again";
  EXPECT_FALSE(t.request(0, 4096, 4097));
  EXPECT_FALSE(t.request(0, 0xfffffffffffff000, 4096));
  EXPECT_TRUE(t.request(0, 4096, 4096));
  EXPECT_FALSE(t.request(0, 8192, 1));
  EXPECT_TRUE(t.send(0, 0, 8192)) << "the other direction counts apart";
  EXPECT_FALSE(t.send(0, 8192, 1));
  t.abandon(0);
  EXPECT_TRUE(t.active(0));
  EXPECT_FALSE(t.begin(0, 2, 512)) << "the token is in use until its end";
  t.end(0);
  ASSERT_TRUE(t.begin(0, 2, 512));
  t.abandon(0);
  EXPECT_FALSE(t.request(0, 0, 512)) << "the data was cancelled";
  EXPECT_FALSE(t.send(0, 0, 512));
}

TEST(ControllerTransfers, GrowsWithItsCommandsButNotUnderOpenWindows) {
  ControllerTransfers t(2, 1, kMaxH2c);
  ASSERT_TRUE(t.begin(1, 0x55, 1024));
  const std::uint16_t tag = open(t, 1, 0, 1024);
  EXPECT_FALSE(t.grow(128));
  H2cTarget target;
  ASSERT_FALSE(t.on_h2c(h2c(0x55, tag, 0, 1024, true), target));
  t.close_window(tag);
  ASSERT_TRUE(t.grow(128));
  EXPECT_EQ(t.depth(), 128u);
  EXPECT_EQ(t.tag_count(), 128u);
  EXPECT_TRUE(t.active(1));
  EXPECT_EQ(t.cid(1), 0x55);
  EXPECT_EQ(t.length(1), 1024u);
  ASSERT_TRUE(t.grow(4)) << "never shrinks";
  EXPECT_EQ(t.depth(), 128u);
  ASSERT_TRUE(t.begin(127, 1, 512));
  open(t, 127, 0, 512);
}

TEST(ControllerTransfers, DoesNotGrowUnderAbandonedWindows) {
  ControllerTransfers t(2, 1, kMaxH2c);
  ASSERT_TRUE(t.begin(1, 0x55, 1024));
  const std::uint16_t tag = open(t, 1, 0, 1024);
  t.end(1);
  EXPECT_FALSE(t.grow(128));
  H2cTarget target;
  EXPECT_FALSE(t.on_h2c(h2c(0x55, tag, 0, 1024, true), target)) << "its data is taken all the same";
  t.close_window(tag);
  EXPECT_TRUE(t.grow(128));
}

TEST(ControllerTransfers, HasNoMoreTagsThanTheFieldHolds) {
  ControllerTransfers t(65536, 16, kMaxH2c);
  EXPECT_EQ(t.tag_count(), 65536u);
  std::uint16_t tag = 0;
  for (std::uint32_t token = 0; token < 4096; ++token) {
    ASSERT_TRUE(t.begin(token, static_cast<std::uint16_t>(token), 65536));
    ASSERT_TRUE(t.request(token, 0, 65536));
    for (std::uint32_t i = 0; i < 16; ++i) {
      ASSERT_TRUE(t.open_window(token, i * 512, 512, tag));
    }
  }
  ASSERT_TRUE(t.begin(4096, 4096, 512));
  ASSERT_TRUE(t.request(4096, 0, 512));
  EXPECT_FALSE(t.open_window(4096, 0, 512, tag)) << "all tags are out: it waits";
  t.end(0);
  EXPECT_TRUE(t.open_window(4096, 0, 512, tag));
}

TEST(NextC2h, MarksTheEndOfTheCommandOnly) {
  const C2hChunk all = next_c2h(8192, 0, 8192, 262144, false);
  EXPECT_EQ(all.length, 8192u);
  EXPECT_TRUE(all.last);
  EXPECT_FALSE(all.success);
  EXPECT_TRUE(next_c2h(8192, 0, 8192, 262144, true).success);

  const C2hChunk first = next_c2h(8192, 0, 8192, 4096, true);
  EXPECT_EQ(first.length, 4096u);
  EXPECT_FALSE(first.last);
  EXPECT_FALSE(first.success) << "SUCCESS never goes without LAST";
  const C2hChunk second = next_c2h(8192, 4096, 4096, 4096, true);
  EXPECT_TRUE(second.last);
  EXPECT_TRUE(second.success);

  EXPECT_FALSE(next_c2h(8192, 0, 4096, 262144, true).last) << "less than the command is not its end";
  const C2hChunk huge = next_c2h(0xffffffff, 0xfffffff0, 15, 262144, true);
  EXPECT_TRUE(huge.last);
}

}  // namespace
}  // namespace weft::tcp

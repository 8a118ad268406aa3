#include <gtest/gtest.h>

#include <array>

#include "plugins/tcp/transfer.hpp"

namespace weft::tcp {
namespace {

constexpr std::uint8_t kBoth = kFlagLast | kFlagSuccess;

Pdu r2t(std::uint16_t cccid, std::uint32_t offset, std::uint32_t length, std::uint16_t ttag = 9) {
  Pdu pdu;
  pdu.type = PduType::kR2t;
  pdu.cccid = cccid;
  pdu.ttag = ttag;
  pdu.offset = offset;
  pdu.length = length;
  return pdu;
}

Pdu c2h(std::uint16_t cccid, std::uint32_t offset, std::uint32_t length, std::uint8_t flags) {
  Pdu pdu;
  pdu.type = PduType::kC2hData;
  pdu.cccid = cccid;
  pdu.flags = flags;
  pdu.offset = offset;
  pdu.length = length;
  pdu.data_len = length;
  return pdu;
}

// CIDs of a table of depth 8 with 2 outstanding R2Ts: 0 reads 8192, 1 writes 8192, 2 writes in the capsule, 3 has no
// data, 4 reads 0xffffffff, 5 writes 0xffffffff; 6 is free, 7 writes 8192 and has had R2Ts for all of it.
HostTransfers table() {
  HostTransfers t(8, 2);
  EXPECT_TRUE(t.begin(0, HostData::kIn, 8192));
  EXPECT_TRUE(t.begin(1, HostData::kOut, 8192));
  EXPECT_TRUE(t.begin(2, HostData::kSentInCapsule, 4096));
  EXPECT_TRUE(t.begin(3, HostData::kNone, 0));
  EXPECT_TRUE(t.begin(4, HostData::kIn, 0xffffffff));
  EXPECT_TRUE(t.begin(5, HostData::kOut, 0xffffffff));
  EXPECT_TRUE(t.begin(7, HostData::kOut, 8192));
  EXPECT_FALSE(t.on_r2t(r2t(7, 0, 4096)));
  EXPECT_FALSE(t.on_r2t(r2t(7, 4096, 4096)));
  return t;
}

struct Row {
  const char* name;
  Pdu pdu;
  const Rule* rule;  // null: accepted
  std::uint16_t fes;
  std::uint32_t fei;
};

TEST(HostTransfers, JudgesR2ts) {
  const Row rows[] = {
      {"whole command", r2t(1, 0, 8192), nullptr, 0, 0},
      {"first part", r2t(1, 0, 1), nullptr, 0, 0},
      {"4 GiB less one", r2t(5, 0, 0xffffffff), nullptr, 0, 0},
      {"free CID", r2t(6, 0, 512), &rules::kR2tUnknownCommand, 1, 8},
      {"CID as large as the depth", r2t(8, 0, 512), &rules::kR2tUnknownCommand, 1, 8},
      {"CID FFFFh", r2t(0xffff, 0, 512), &rules::kR2tUnknownCommand, 1, 8},
      {"command that reads", r2t(0, 0, 512), &rules::kR2tUnknownCommand, 1, 8},
      {"command whose data went in the capsule", r2t(2, 0, 512), &rules::kR2tUnknownCommand, 1, 8},
      {"command without data", r2t(3, 0, 512), &rules::kR2tUnknownCommand, 1, 8},
      {"no bytes", r2t(1, 0, 0), &rules::kR2tEmpty, 1, 16},
      {"one byte too many", r2t(1, 0, 8193), &rules::kR2tOutOfRange, 4, 0},
      {"beyond the end", r2t(1, 8192, 512), &rules::kR2tOutOfRange, 4, 0},
      {"far beyond the end", r2t(1, 0x80000000, 0x80000000), &rules::kR2tOutOfRange, 4, 0},
      {"offset and length that wrap to 0 in 32 bits", r2t(1, 0xfffff000, 0x1000), &rules::kR2tOutOfRange, 4, 0},
      {"... to a small number", r2t(1, 0xfffff000, 0x1200), &rules::kR2tOutOfRange, 4, 0},
      {"... of a command of 4 GiB less one", r2t(5, 0xffffffff, 2), &rules::kR2tOutOfRange, 4, 0},
      {"not from the start", r2t(1, 4096, 4096), &rules::kR2tOutOfOrder, 2, 0},
      {"again what was granted", r2t(7, 4096, 4096), &rules::kR2tOutOfOrder, 2, 0},
      {"again from the start", r2t(7, 0, 8192), &rules::kR2tOutOfOrder, 2, 0},
      {"after all was granted", r2t(7, 8192, 1), &rules::kR2tOutOfRange, 4, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    HostTransfers t = table();
    const Violation bad = t.on_r2t(row.pdu);
    ASSERT_EQ(bad.rule, row.rule);
    if (row.rule != nullptr) {
      EXPECT_EQ(bad.fes(), row.fes);
      EXPECT_EQ(bad.fei, row.fei);
      EXPECT_EQ(bad.echo, 24);
    }
  }
}

TEST(HostTransfers, JudgesC2hData) {
  Pdu short_payload = c2h(0, 0, 512, 0);
  short_payload.data_len = 508;
  Pdu long_payload = c2h(0, 0, 512, 0);
  long_payload.data_len = 0xfffffff0;
  const Row rows[] = {
      {"whole command", c2h(0, 0, 8192, kFlagLast), nullptr, 0, 0},
      {"whole command and success", c2h(0, 0, 8192, kBoth), nullptr, 0, 0},
      {"first part", c2h(0, 0, 1, 0), nullptr, 0, 0},
      {"4 GiB less one", c2h(4, 0, 0xffffffff, kFlagLast), nullptr, 0, 0},
      {"free CID", c2h(6, 0, 512, 0), &rules::kC2hUnknownCommand, 1, 8},
      {"CID as large as the depth", c2h(8, 0, 512, 0), &rules::kC2hUnknownCommand, 1, 8},
      {"CID FFFFh", c2h(0xffff, 0, 512, 0), &rules::kC2hUnknownCommand, 1, 8},
      {"command that writes", c2h(1, 0, 512, 0), &rules::kC2hUnknownCommand, 1, 8},
      {"command whose data went in the capsule", c2h(2, 0, 512, 0), &rules::kC2hUnknownCommand, 1, 8},
      {"command without data", c2h(3, 0, 512, kFlagLast), &rules::kC2hUnknownCommand, 1, 8},
      {"less data than DATAL", short_payload, &rules::kC2hLength, 1, 16},
      {"more data than DATAL", long_payload, &rules::kC2hLength, 1, 16},
      {"no data", c2h(0, 0, 0, 0), &rules::kC2hEmpty, 1, 16},
      {"no data, marked LAST", c2h(0, 0, 0, kFlagLast), &rules::kC2hEmpty, 1, 16},
      {"one byte too many", c2h(0, 0, 8193, kFlagLast), &rules::kC2hOutOfRange, 4, 0},
      {"beyond the end", c2h(0, 8192, 512, kFlagLast), &rules::kC2hOutOfRange, 4, 0},
      {"wraps to 0 in 32 bits", c2h(0, 0xfffff000, 0x1000, 0), &rules::kC2hOutOfRange, 4, 0},
      {"wraps in a command of 4 GiB less one", c2h(4, 0xffffffff, 1, 0), &rules::kC2hOutOfRange, 4, 0},
      {"gap", c2h(0, 512, 512, 0), &rules::kC2hOutOfOrder, 2, 0},
      {"LAST too early", c2h(0, 0, 512, kFlagLast), &rules::kC2hLastEarly, 2, 0},
      {"SUCCESS too early", c2h(0, 0, 512, kBoth), &rules::kC2hLastEarly, 2, 0},
      {"LAST missing", c2h(0, 0, 8192, 0), nullptr, 0, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    HostTransfers t = table();
    const Violation bad = t.on_c2h(row.pdu);
    ASSERT_EQ(bad.rule, row.rule);
    if (row.rule != nullptr) {
      EXPECT_EQ(bad.fes(), row.fes);
      EXPECT_EQ(bad.fei, row.fei);
    }
  }
}

TEST(HostTransfers, RefusesDataThatComesAgainOrAfterLast) {
  HostTransfers t = table();
  ASSERT_FALSE(t.on_c2h(c2h(0, 0, 4096, 0)));
  EXPECT_EQ(t.on_c2h(c2h(0, 0, 4096, 0)).rule, &rules::kC2hOutOfOrder);
  ASSERT_FALSE(t.on_c2h(c2h(0, 4096, 4096, kFlagLast)));
  EXPECT_EQ(t.on_c2h(c2h(0, 8192, 1, 0)).rule, &rules::kC2hAfterLast);
  EXPECT_EQ(t.on_c2h(c2h(0, 4096, 4096, kFlagLast)).rule, &rules::kC2hAfterLast);
  EXPECT_EQ(t.on_c2h(c2h(0, 8192, 1, 0)).fes(), 2);
}

TEST(HostTransfers, TakesDataThatIsCompleteForCompleteWithoutLast) {
  HostTransfers t = table();
  ASSERT_FALSE(t.on_c2h(c2h(0, 0, 4096, 0)));
  ASSERT_FALSE(t.on_c2h(c2h(0, 4096, 4096, 0)));
  EXPECT_EQ(t.on_c2h(c2h(0, 8192, 1, 0)).rule, &rules::kC2hAfterLast);
}

TEST(HostTransfers, EndsWhenMoreR2tsAreOutstandingThanItOffered) {
  for (std::uint32_t allowed : {1u, 2u, 16u}) {
    HostTransfers t(1, allowed);
    ASSERT_TRUE(t.begin(0, HostData::kOut, 1u << 20));
    for (std::uint32_t i = 0; i < allowed; ++i) {
      ASSERT_FALSE(t.on_r2t(r2t(0, i * 512, 512)));
    }
    const Violation bad = t.on_r2t(r2t(0, allowed * 512, 512));
    EXPECT_EQ(bad.rule, &rules::kR2tTooMany);
    EXPECT_EQ(bad.fes(), 5);
    H2cChunk chunk;
    ASSERT_TRUE(t.next_h2c(0, 512, chunk));
    EXPECT_FALSE(t.on_r2t(r2t(0, allowed * 512, 512))) << "one was served";
  }
}

TEST(HostTransfers, ServesR2tsInOrderInPiecesOfMaxH2cData) {
  HostTransfers t(2, 3);
  ASSERT_TRUE(t.begin(1, HostData::kOut, 30000));
  ASSERT_FALSE(t.on_r2t(r2t(1, 0, 10000, 100)));
  ASSERT_FALSE(t.on_r2t(r2t(1, 10000, 4096, 200)));
  ASSERT_FALSE(t.on_r2t(r2t(1, 14096, 15904, 300)));
  const H2cChunk expected[] = {{1, 100, 0, 4096, false},     {1, 100, 4096, 4096, false},  {1, 100, 8192, 1808, true},
                               {1, 200, 10000, 4096, true},  {1, 300, 14096, 4096, false}, {1, 300, 18192, 4096, false},
                               {1, 300, 22288, 4096, false}, {1, 300, 26384, 3616, true}};
  H2cChunk chunk;
  for (const H2cChunk& want : expected) {
    ASSERT_TRUE(t.has_h2c(1));
    ASSERT_TRUE(t.next_h2c(1, 4096, chunk));
    EXPECT_EQ(chunk.cccid, want.cccid);
    EXPECT_EQ(chunk.ttag, want.ttag);
    EXPECT_EQ(chunk.offset, want.offset);
    EXPECT_EQ(chunk.length, want.length);
    EXPECT_EQ(chunk.last, want.last);
  }
  EXPECT_FALSE(t.has_h2c(1));
  EXPECT_FALSE(t.next_h2c(1, 4096, chunk));
}

TEST(HostTransfers, SendsWhatAnR2tAsksForInOnePieceWhenItMay) {
  HostTransfers t(1, 1);
  ASSERT_TRUE(t.begin(0, HostData::kOut, 0xffffffff));
  ASSERT_FALSE(t.on_r2t(r2t(0, 0, 0xffffffff)));
  H2cChunk chunk;
  ASSERT_TRUE(t.next_h2c(0, 0xfffffffc, chunk));
  EXPECT_EQ(chunk.length, 0xfffffffcu);
  ASSERT_TRUE(t.next_h2c(0, 0xfffffffc, chunk));
  EXPECT_EQ(chunk.offset, 0xfffffffcu);
  EXPECT_EQ(chunk.length, 3u);
  EXPECT_TRUE(chunk.last);
}

TEST(HostTransfers, ForgetsR2tsWithTheirCommand) {
  HostTransfers t(2, 2);
  ASSERT_TRUE(t.begin(0, HostData::kOut, 8192));
  ASSERT_FALSE(t.on_r2t(r2t(0, 0, 4096)));
  t.moved(0, 1000);
  EXPECT_EQ(t.in_flight(), 1u);
  const HostTransfers::Outcome outcome = t.finish(0);
  EXPECT_EQ(outcome.moved, 1000u);
  EXPECT_EQ(t.in_flight(), 0u);
  EXPECT_EQ(t.on_r2t(r2t(0, 4096, 4096)).rule, &rules::kR2tUnknownCommand);
  ASSERT_TRUE(t.begin(0, HostData::kOut, 8192));
  EXPECT_FALSE(t.has_h2c(0)) << "the next command under the CID starts afresh";
  EXPECT_FALSE(t.on_r2t(r2t(0, 0, 8192)));
}

TEST(HostTransfers, AcceptsTheRestOfAReadWhoseDigestWasWrong) {
  HostTransfers t(1, 1);
  ASSERT_TRUE(t.begin(0, HostData::kIn, 8192));
  ASSERT_FALSE(t.on_c2h(c2h(0, 0, 4096, 0)));
  t.fail(0);
  EXPECT_FALSE(t.on_c2h(c2h(0, 4096, 4096, kBoth)));
  const HostTransfers::Outcome outcome = t.finish(0);
  EXPECT_TRUE(outcome.failed);
  ASSERT_TRUE(t.begin(0, HostData::kIn, 8192));
  EXPECT_FALSE(t.finish(0).failed);
}

TEST(HostTransfers, RefusesResponsesToWhatIsNotOutstanding) {
  HostTransfers t = table();
  EXPECT_FALSE(t.on_response(0));
  EXPECT_FALSE(t.on_response(3));
  for (std::uint16_t cid : std::to_array<std::uint16_t>({6, 8, 0x7fff, 0xffff})) {
    const Violation bad = t.on_response(cid);
    EXPECT_EQ(bad.rule, &rules::kResponseUnknownCommand);
    EXPECT_EQ(bad.fes(), 1);
    EXPECT_EQ(bad.fei, 20u) << "the CID of the CQE in the PDU";
  }
}

TEST(HostTransfers, RefusesCidsBeyondTheDepthAndInUse) {
  HostTransfers t(2, 1);
  EXPECT_FALSE(t.begin(2, HostData::kNone, 0));
  EXPECT_TRUE(t.begin(1, HostData::kNone, 0));
  EXPECT_FALSE(t.begin(1, HostData::kNone, 0));
}

}  // namespace
}  // namespace weft::tcp

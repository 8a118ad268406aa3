#include "plugins/tcp/pdu_reader.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "raw_pdu.hpp"
#include "violation_table.hpp"

namespace weft::tcp::test {
namespace {

// Rules of the side that is to read such a PDU.
ReadRules rules_for(PduType type, bool header_digest, bool data_digest, std::uint32_t alignment = 4) {
  const bool handshake = type == PduType::kIcReq || type == PduType::kIcResp;
  return ReadRules{.role = (static_cast<unsigned>(type) & 1) != 0 ? Role::kHost : Role::kController,
                   .phase = handshake ? Phase::kHandshake : Phase::kEstablished,
                   .header_digest = header_digest,
                   .data_digest = data_digest,
                   .alignment = alignment,
                   .max_in_capsule = 8192};
}

// Reads byte by byte and returns the final outcome, having seen that nothing before it said anything but "more".
ReadOutcome read_stepwise(const ReadRules& rules, const Bytes& bytes) {
  std::uint32_t needed = 0;
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    // A copy of exactly n bytes, so that a sanitizer sees a read beyond them.
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    ReadOutcome out = read_pdu(rules, part);
    if (out.kind != ReadKind::kNeedMore) {
      EXPECT_GE(n, needed) << "judged before the bytes it had asked for were there";
      out.pdu.header = nullptr;
      return out;
    }
    EXPECT_GT(out.needed, n);
    EXPECT_GE(out.needed, needed);
    EXPECT_LE(out.needed, kMaxHeaderSize);
    needed = out.needed;
  }
  return {};
}

// With digests and without, whole and byte by byte.
ReadOutcome read_all_ways(const ReadRules& rules, const Bytes& bytes) {
  const ReadOutcome whole = read_pdu(rules, bytes);
  const ReadOutcome stepwise = read_stepwise(rules, bytes);
  EXPECT_EQ(whole.kind, stepwise.kind);
  EXPECT_EQ(whole.violation, stepwise.violation);
  return whole;
}

// Of a PDU that is to have a header digest: whether its common header says that none comes.
bool says_no_digest(const RawPdu& pdu) {
  return (pdu.flags & kFlagHeaderDigest) == 0 || pdu.plen < pdu.specific.size() + 12;
}
bool judged_at_once(const RawPdu& pdu) {
  return header_size(static_cast<PduType>(pdu.type)) == 0 || says_no_digest(pdu);
}

TEST(PduReader, ReportsEachViolationWithItsField) {
  for (const ViolationRow& row : kViolationTable) {
    SCOPED_TRACE(row.name);
    const RawPdu pdu = damaged(row, false);
    const ReadOutcome out = read_all_ways(rules_for(row.base, false, row.data_digest), pdu.bytes(nullptr, 200));
    ASSERT_EQ(out.kind, ReadKind::kViolation);
    EXPECT_EQ(out.violation.fes(), row.fes);
    EXPECT_EQ(out.violation.fei, row.fei);
    EXPECT_TRUE(out.violation.rule->term_req);
    EXPECT_EQ(out.violation.type, pdu.type);
  }
}

TEST(PduReader, ReportsEachViolationWithItsFieldWhenTheHeaderDigestIsRight) {
  for (const ViolationRow& row : kViolationTable) {
    SCOPED_TRACE(row.name);
    const RawPdu pdu = damaged(row, true);
    const ReadOutcome out = read_all_ways(rules_for(row.base, true, row.data_digest), pdu.bytes(nullptr, 200));
    ASSERT_EQ(out.kind, ReadKind::kViolation);
    EXPECT_EQ(out.violation.fes(), row.fes);
    EXPECT_EQ(out.violation.fei, row.fei);
  }
}

TEST(PduReader, CallsEachViolationADigestErrorWhenTheDigestIsOfAnotherHeader) {
  for (const ViolationRow& row : kViolationTable) {
    SCOPED_TRACE(row.name);
    const RawPdu pdu = damaged(row, true);
    const Bytes intact = RawPdu::valid(row.base, row.data_len, true, row.data_digest).header();
    const ReadOutcome out = read_all_ways(rules_for(row.base, true, row.data_digest), pdu.bytes(&intact, 200));
    ASSERT_EQ(out.kind, ReadKind::kViolation);
    if (judged_at_once(pdu) || !pdu.digested) {
      EXPECT_EQ(out.violation.fes(), row.fes);
      EXPECT_EQ(out.violation.fei, row.fei);
    } else {
      EXPECT_EQ(out.violation.fes(), 3);
      EXPECT_EQ(out.violation.fei, crc32c(intact.data(), intact.size())) << "FEI is the digest that was received";
      EXPECT_EQ(out.violation.echo, pdu.specific.size() + 8);
    }
  }
}

TEST(ViolationTable, HasRowsForEveryTypeAndField) {
  std::set<std::pair<PduType, Field>> seen;
  std::set<std::string> names;
  for (const ViolationRow& row : kViolationTable) {
    seen.emplace(row.base, row.field);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
  EXPECT_GE(std::size(kViolationTable), 100u);
  for (int type : {0, 1, 2, 3, 4, 5, 6, 7, 9}) {
    const auto of = static_cast<PduType>(type);
    EXPECT_TRUE(seen.contains({of, Field::kHlen})) << type;
    EXPECT_EQ(seen.contains({of, Field::kFlags}), !is_ic(of) && !is_term_req(of)) << type;
    EXPECT_EQ(seen.contains({of, Field::kPdo}), may_carry_data(of)) << type;
  }
}

constexpr PduType kAllTypes[] = {PduType::kIcReq,      PduType::kIcResp,     PduType::kH2cTermReq,
                                 PduType::kC2hTermReq, PduType::kCapsuleCmd, PduType::kCapsuleResp,
                                 PduType::kH2cData,    PduType::kC2hData,    PduType::kR2t};

std::uint8_t flags_with_a_meaning(PduType type) {
  switch (type) {
    case PduType::kCapsuleCmd:
      return 0x03;
    case PduType::kCapsuleResp:
    case PduType::kR2t:
      return 0x01;
    case PduType::kH2cData:
      return 0x07;
    case PduType::kC2hData:
      return 0x0f;
    default:
      return 0;
  }
}

TEST(PduReader, JudgesNothingThatIsReserved) {
  for (PduType type : kAllTypes) {
    for (bool header_digest : {false, true}) {
      for (bool data_digest : {false, true}) {
        SCOPED_TRACE(pdu_name(static_cast<std::uint8_t>(type)));
        const ReadRules rules = rules_for(type, header_digest, data_digest);
        const std::uint32_t data = may_carry_data(type) ? 512 : 0;
        RawPdu pdu = RawPdu::valid(type, data, header_digest, data_digest);
        const ReadOutcome plain = read_all_ways(rules, pdu.bytes(nullptr, 160));
        ASSERT_EQ(plain.kind, ReadKind::kPdu);
        pdu.flags = static_cast<std::uint8_t>(pdu.flags | ~flags_with_a_meaning(type));
        if (!may_carry_data(type)) pdu.pdo = 0x33;
        if (type == PduType::kR2t || may_carry_data(type)) put32(pdu.specific, 12, 0xa5a5a5a5);
        const ReadOutcome out = read_all_ways(rules, pdu.bytes(nullptr, 160));
        ASSERT_EQ(out.kind, ReadKind::kPdu);
        EXPECT_EQ(out.pdu.flags, plain.pdu.flags);
        EXPECT_EQ(out.pdu.data_offset, plain.pdu.data_offset);
        EXPECT_EQ(out.pdu.data_len, plain.pdu.data_len);
        EXPECT_EQ(out.pdu.data_digest_len, plain.pdu.data_digest_len);
      }
    }
  }
}

Bytes common_header(const RawPdu& pdu) {
  Bytes bytes = pdu.header();
  bytes.resize(kCommonHeaderSize);
  return bytes;
}

// What the common header denies is not waited for: eight bytes are enough.
TEST(PduReader, WaitsForNoDigestThatTheCommonHeaderDenies) {
  for (PduType type :
       {PduType::kCapsuleCmd, PduType::kCapsuleResp, PduType::kH2cData, PduType::kC2hData, PduType::kR2t}) {
    SCOPED_TRACE(pdu_name(static_cast<std::uint8_t>(type)));
    const std::uint32_t data = type == PduType::kCapsuleResp || type == PduType::kR2t ? 0 : 512;
    for (const std::uint32_t length : {0u, data}) {
      RawPdu bare = RawPdu::valid(type, length, false, false);  // PLEN without the digest, as its sender means it
      ReadOutcome out = read_pdu(rules_for(type, true, false), common_header(bare));
      ASSERT_EQ(out.kind, ReadKind::kViolation);
      EXPECT_EQ(out.violation.rule, &rules::kHeaderDigestFlagMissing);
      EXPECT_EQ(out.violation.fes(), 1);
      EXPECT_EQ(out.violation.fei, 1u);
      if (length != 0) continue;
      bare.flags |= kFlagHeaderDigest;  // but PLEN has no room for it
      bare.pdo = 0;
      out = read_pdu(rules_for(type, true, false), common_header(bare));
      ASSERT_EQ(out.kind, ReadKind::kViolation);
      EXPECT_EQ(out.violation.fes(), 1);
      EXPECT_EQ(out.violation.fei, 4u);
    }
    if (data == 0) continue;
    const RawPdu bare = RawPdu::valid(type, data, false, false);
    const ReadOutcome out = read_pdu(rules_for(type, false, true), common_header(bare));
    ASSERT_EQ(out.kind, ReadKind::kViolation);
    EXPECT_EQ(out.violation.rule, &rules::kDataDigestFlagMissing);
  }
}

TEST(PduReader, RefusesEveryTypeGoingTheWrongWay) {
  for (PduType type : kAllTypes) {
    for (bool header_digest : {false, true}) {
      ReadRules rules = rules_for(type, header_digest, false);
      rules.role = rules.role == Role::kHost ? Role::kController : Role::kHost;
      const RawPdu pdu = RawPdu::valid(type, 0, header_digest, false);
      const ReadOutcome out = read_all_ways(rules, pdu.bytes(nullptr, 200));
      ASSERT_EQ(out.kind, ReadKind::kViolation) << pdu_name(pdu.type);
      EXPECT_EQ(out.violation.rule, &rules::kWrongDirection);
      EXPECT_EQ(out.violation.fes(), 1);
      EXPECT_EQ(out.violation.fei, 0u);
    }
  }
}

TEST(PduReader, CallsAMisdirectedHeaderDamagedWhenItsDigestIsWrong) {
  ReadRules rules = rules_for(PduType::kR2t, true, false);
  rules.role = Role::kController;
  const RawPdu pdu = RawPdu::valid(PduType::kR2t, 0, true, false);
  const Bytes other(24);
  const ReadOutcome out = read_all_ways(rules, pdu.bytes(&other));
  ASSERT_EQ(out.kind, ReadKind::kViolation);
  EXPECT_EQ(out.violation.rule, &rules::kHeaderDigestWrong);
}

TEST(PduReader, RefusesAHandshakePduOnAnEstablishedConnection) {
  for (PduType type : {PduType::kIcReq, PduType::kIcResp}) {
    for (bool header_digest : {false, true}) {
      ReadRules rules = rules_for(type, header_digest, true);
      rules.phase = Phase::kEstablished;
      const ReadOutcome out = read_all_ways(rules, RawPdu::valid(type, 0, false, false).bytes());
      ASSERT_EQ(out.kind, ReadKind::kViolation);
      EXPECT_EQ(out.violation.rule, &rules::kIcPduTooLate);
      EXPECT_EQ(out.violation.fes(), 1);
      EXPECT_EQ(out.violation.fei, 0u);
    }
  }
}

TEST(PduReader, RefusesEverythingButHandshakeAndTermReqBeforeTheHandshake) {
  for (PduType type : kAllTypes) {
    ReadRules rules = rules_for(type, false, false);
    rules.phase = Phase::kHandshake;
    const ReadOutcome out = read_all_ways(rules, RawPdu::valid(type, 0, false, false).bytes());
    if (is_ic(type) || is_term_req(type)) {
      EXPECT_EQ(out.kind, ReadKind::kPdu) << pdu_name(static_cast<std::uint8_t>(type));
    } else {
      ASSERT_EQ(out.kind, ReadKind::kViolation) << pdu_name(static_cast<std::uint8_t>(type));
      EXPECT_EQ(out.violation.rule, &rules::kIcPduExpected);
    }
  }
}

TEST(PduReader, DropsATermReqOfImpossibleLengthWithoutAnswer) {
  for (PduType type : {PduType::kH2cTermReq, PduType::kC2hTermReq}) {
    for (std::uint32_t plen : {0u, 8u, 23u, 153u, 4096u, 0xffffffffu}) {
      for (bool header_digest : {false, true}) {
        RawPdu pdu = RawPdu::valid(type, 0, false, false);
        pdu.plen = plen;
        pdu.flags = 0xff;  // so that the length is seen to come first
        const ReadOutcome out = read_all_ways(rules_for(type, header_digest, true), pdu.bytes(nullptr, 160));
        ASSERT_EQ(out.kind, ReadKind::kViolation) << plen;
        EXPECT_EQ(out.violation.rule, &rules::kTermReqLength);
        EXPECT_FALSE(out.violation.rule->term_req);
      }
    }
  }
}

TEST(PduReader, WaitsForTheWholeTermReqAndReadsItsReason) {
  for (std::uint32_t echo : {0u, 8u, 24u, 127u, 128u}) {
    RawPdu pdu = RawPdu::valid(PduType::kC2hTermReq, echo, false, false);
    put16(pdu.specific, 0, 3);
    put32(pdu.specific, 2, 0x8903129b);
    const Bytes bytes = pdu.bytes(nullptr, 24 + echo);
    const ReadOutcome out = read_all_ways(rules_for(PduType::kC2hTermReq, true, true), bytes);
    ASSERT_EQ(out.kind, ReadKind::kPdu);
    EXPECT_EQ(out.pdu.fes, 3);
    EXPECT_EQ(out.pdu.fei, 0x8903129bu);
    EXPECT_EQ(out.pdu.data_offset, 24u);
    EXPECT_EQ(out.pdu.data_len, echo);
    EXPECT_EQ(read_pdu(rules_for(PduType::kC2hTermReq, true, true), std::span(bytes).first(23 + echo)).kind,
              ReadKind::kNeedMore);
  }
}

// Every pair of bad fields: the lower one is reported.
TEST(PduReader, ReportsTheLowestBadField) {
  const auto spoil = [](RawPdu& pdu, int field) {
    switch (field) {
      case 0:
        pdu.type = 0x0c;
        break;
      case 1:
        pdu.flags ^= kFlagHeaderDigest;
        break;
      case 2:
        pdu.hlen = 25;
        break;
      case 3:
        pdu.pdo = 2;
        break;
      default:
        pdu.plen = 25;
        break;
    }
  };
  const auto judged = [](PduType type, int field) {
    return field == 1 ? !is_ic(type) : field == 3 ? may_carry_data(type) : true;
  };
  for (PduType type : {PduType::kCapsuleResp, PduType::kR2t, PduType::kC2hData, PduType::kH2cData, PduType::kIcReq}) {
    for (bool header_digest : {false, true}) {
      for (int low = 0; low < 5; ++low) {
        for (int high = low + 1; high < 5; ++high) {
          if (!judged(type, low)) continue;
          RawPdu pdu = RawPdu::valid(type, 0, header_digest, false);
          spoil(pdu, low);
          spoil(pdu, high);
          const ReadOutcome out = read_all_ways(rules_for(type, header_digest, false), pdu.bytes(nullptr, 200));
          ASSERT_EQ(out.kind, ReadKind::kViolation);
          EXPECT_EQ(out.violation.fei, static_cast<std::uint32_t>(low)) << pdu_name(pdu.type) << " " << low << high;
        }
      }
    }
  }
}

TEST(PduReader, FindsEveryFlippedBitOfADigestedHeader) {
  for (PduType type :
       {PduType::kCapsuleCmd, PduType::kCapsuleResp, PduType::kH2cData, PduType::kC2hData, PduType::kR2t}) {
    const Bytes intact = RawPdu::valid(type, 0, true, false).bytes(nullptr, 200);
    const std::uint32_t framed = table_hlen(type) + 4;
    const ReadRules rules = rules_for(type, true, false);
    for (std::uint32_t bit = 0; bit < framed * 8; ++bit) {
      Bytes bytes = intact;
      bytes[bit / 8] ^= std::byte(1u << (bit % 8));
      const ReadOutcome out = read_pdu(rules, bytes);
      // A flipped bit of the type may make it unknown, or a TermReq, which has no digest and ends the connection as well.
      if (bit < 8 && is_term_req(static_cast<PduType>(bytes[0]))) continue;
      ASSERT_EQ(out.kind, ReadKind::kViolation) << "bit " << bit;
      if (bit < 8) continue;
      const bool no_flag = bit == 8;
      const bool no_room = load<le32>(&bytes[4]) < framed;
      if (no_flag || no_room) {  // no digest comes, says the header: what would be one is not looked at
        ASSERT_EQ(out.violation.fes(), 1) << "bit " << bit;
        ASSERT_EQ(out.violation.fei, no_flag ? 1u : 4u) << "bit " << bit;
        continue;
      }
      ASSERT_EQ(out.violation.fes(), 3) << "bit " << bit;
      ASSERT_EQ(out.violation.fei, read_digest(&bytes[framed - 4]));
    }
  }
}

// A PDU of 4 GiB must be seen from its header, whoever sends it.
TEST(PduReader, NeverAsksForMoreThanAHeader) {
  for (PduType type : kAllTypes) {
    for (std::uint32_t plen : {0x7fffffffu, 0x80000000u, 0xfffffffcu, 0xffffffffu}) {
      for (bool header_digest : {false, true}) {
        RawPdu pdu = RawPdu::valid(type, may_carry_data(type) ? 512 : 0, header_digest, false);
        pdu.plen = plen;
        const ReadOutcome out = read_all_ways(rules_for(type, header_digest, false), pdu.bytes());
        if (type == PduType::kH2cData || type == PduType::kC2hData) {
          ASSERT_EQ(out.kind, ReadKind::kPdu);  // judged by the command's transfer, before any data is read
          EXPECT_EQ(std::uint64_t{out.pdu.data_offset} + out.pdu.data_len, plen);
        } else {
          ASSERT_EQ(out.kind, ReadKind::kViolation) << pdu_name(pdu.type);
        }
      }
    }
  }
}

TEST(PduReader, TakesInCapsuleDataUpToTheBoundExactly) {
  for (bool data_digest : {false, true}) {
    ReadRules rules = rules_for(PduType::kCapsuleCmd, false, data_digest);
    rules.max_in_capsule = 16384;
    const auto kind = [&](std::uint32_t data_len) {
      return read_pdu(rules, RawPdu::valid(PduType::kCapsuleCmd, data_len, false, data_digest).bytes()).kind;
    };
    EXPECT_EQ(kind(16384), ReadKind::kPdu);
    EXPECT_EQ(kind(16385), ReadKind::kViolation);
  }
}

TEST(PduReader, TakesAnOffsetOfDataWhereThereIsNone) {
  for (PduType type : {PduType::kCapsuleCmd, PduType::kH2cData, PduType::kC2hData}) {
    RawPdu pdu = RawPdu::valid(type, 0, false, true);
    pdu.pdo = static_cast<std::uint8_t>(pdu.plen);
    const ReadOutcome out = read_all_ways(rules_for(type, false, true), pdu.bytes());
    ASSERT_EQ(out.kind, ReadKind::kPdu);
    EXPECT_EQ(out.pdu.data_len, 0u);
    EXPECT_EQ(out.pdu.data_digest_len, 0u);
    EXPECT_EQ(out.pdu.data_offset, out.pdu.plen);
  }
}

TEST(PduReader, ReadsTheFieldsOfTransfers) {
  for (PduType type : {PduType::kH2cData, PduType::kC2hData, PduType::kR2t}) {
    RawPdu pdu = RawPdu::valid(type, type == PduType::kR2t ? 0 : 4096, false, false);
    pdu.transfer(0x1234, 0xfedc, 0x89abcdef, 4096);
    const ReadOutcome out = read_all_ways(rules_for(type, false, false), pdu.bytes());
    ASSERT_EQ(out.kind, ReadKind::kPdu);
    EXPECT_EQ(out.pdu.type, type);
    EXPECT_EQ(out.pdu.cccid, 0x1234);
    EXPECT_EQ(out.pdu.ttag, 0xfedc);
    EXPECT_EQ(out.pdu.offset, 0x89abcdefu);
    EXPECT_EQ(out.pdu.length, 4096u);
  }
}

TEST(PduReader, AcceptsEveryAlignmentThatWasAgreedAndNothingBelow) {
  for (std::uint32_t alignment = 4; alignment <= 128; alignment += 4) {
    for (std::uint32_t pdo = 24; pdo < 256; ++pdo) {
      RawPdu pdu = RawPdu::valid(PduType::kC2hData, 512, false, false);
      pdu.pdo = static_cast<std::uint8_t>(pdo);
      pdu.plen = pdo + 512;
      const ReadOutcome out = read_pdu(rules_for(PduType::kC2hData, false, false, alignment), pdu.bytes());
      ASSERT_EQ(out.kind == ReadKind::kPdu, pdo % alignment == 0) << pdo << " with " << alignment;
    }
  }
}

}  // namespace
}  // namespace weft::tcp::test

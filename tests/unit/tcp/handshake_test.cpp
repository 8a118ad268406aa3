#include "plugins/tcp/handshake.hpp"

#include <gtest/gtest.h>

#include <array>

#include "raw_pdu.hpp"

namespace weft::tcp::test {
namespace {

Bytes ic(PduType type, std::uint16_t pfv, std::uint8_t pda, std::uint8_t dgst, std::uint32_t last) {
  RawPdu pdu = RawPdu::valid(type, 0, false, false);
  put16(pdu.specific, 0, pfv);
  pdu.specific[2] = std::byte{pda};
  pdu.specific[3] = std::byte{dgst};
  put32(pdu.specific, 4, last);
  return pdu.bytes();
}

struct IcRow {
  const char* name;
  PduType type;
  std::uint16_t pfv;
  std::uint8_t pda;
  std::uint8_t dgst;
  std::uint32_t last;  // MAXR2T or MAXH2CDATA
  std::uint16_t fes;   // 0: accepted
  std::uint32_t fei;
};

// The host has asked for a header digest and no data digest.
constexpr IcRow kRows[] = {
    {"request as Linux sends it", PduType::kIcReq, 0, 0, 0, 0, 0, 0},
    {"request with everything", PduType::kIcReq, 0, 31, 3, 0xffffffff, 0, 0},
    {"request of another version", PduType::kIcReq, 1, 0, 0, 0, 6, 8},
    {"request of a version in the high byte", PduType::kIcReq, 0x0100, 0, 0, 0, 6, 8},
    {"request with HPDA 32", PduType::kIcReq, 0, 32, 0, 0, 1, 10},
    {"request with HPDA 255", PduType::kIcReq, 0, 255, 0, 0, 1, 10},
    {"request with digest bit 2", PduType::kIcReq, 0, 0, 4, 0, 0, 0},
    {"request with digest bit 7", PduType::kIcReq, 0, 0, 0x83, 0, 0, 0},
    {"request: version before HPDA", PduType::kIcReq, 2, 99, 4, 0, 6, 8},
    {"request: HPDA before digests", PduType::kIcReq, 0, 99, 4, 0, 1, 10},
    {"response as nvmet sends it", PduType::kIcResp, 0, 0, 1, 0x400000, 0, 0},
    {"response that refuses the digest", PduType::kIcResp, 0, 0, 0, 4096, 0, 0},
    {"response with the largest MAXH2CDATA", PduType::kIcResp, 0, 31, 1, 0xfffffffc, 0, 0},
    {"response of another version", PduType::kIcResp, 0xffff, 0, 1, 4096, 6, 8},
    {"response with CPDA 32", PduType::kIcResp, 0, 32, 1, 4096, 1, 10},
    {"response with reserved digest bits", PduType::kIcResp, 0, 0, 0xf1, 4096, 0, 0},
    {"response that turns on a digest nobody asked for", PduType::kIcResp, 0, 0, 3, 4096, 1, 11},
    {"response with only that", PduType::kIcResp, 0, 0, 2, 4096, 1, 11},
    {"response with MAXH2CDATA 0", PduType::kIcResp, 0, 0, 1, 0, 1, 12},
    {"response with MAXH2CDATA 4092", PduType::kIcResp, 0, 0, 1, 4092, 1, 12},
    {"response with MAXH2CDATA 4095", PduType::kIcResp, 0, 0, 1, 4095, 1, 12},
    {"response with MAXH2CDATA 4097", PduType::kIcResp, 0, 0, 1, 4097, 1, 12},
    {"response with MAXH2CDATA 4098", PduType::kIcResp, 0, 0, 1, 4098, 1, 12},
    {"response with MAXH2CDATA all ones", PduType::kIcResp, 0, 0, 1, 0xffffffff, 1, 12},
    {"response: digests before MAXH2CDATA", PduType::kIcResp, 0, 0, 3, 0, 1, 11},
    {"response: version before all", PduType::kIcResp, 9, 77, 3, 0, 6, 8},
};

TEST(Handshake, JudgesEachField) {
  for (const IcRow& row : kRows) {
    SCOPED_TRACE(row.name);
    const Bytes bytes = ic(row.type, row.pfv, row.pda, row.dgst, row.last);
    const HandshakeResult result = row.type == PduType::kIcReq ? answer_ic_req({}, bytes.data())
                                                               : check_ic_resp({.header_digest = true}, bytes.data());
    if (row.fes == 0) {
      EXPECT_TRUE(std::holds_alternative<Settled>(result));
    } else {
      ASSERT_TRUE(std::holds_alternative<Violation>(result));
      EXPECT_EQ(std::get<Violation>(result).fes(), row.fes);
      EXPECT_EQ(std::get<Violation>(result).fei, row.fei);
      EXPECT_EQ(std::get<Violation>(result).echo, 128);
    }
  }
}

TEST(Handshake, AgreesOnTheDigestsThatBothWant) {
  for (unsigned asked = 0; asked < 4; ++asked) {
    for (unsigned permitted = 0; permitted < 4; ++permitted) {
      const Bytes request = ic(PduType::kIcReq, 0, 0, static_cast<std::uint8_t>(asked), 0);
      const ControllerPolicy policy{.header_digest = (permitted & 1) != 0, .data_digest = (permitted & 2) != 0};
      const auto settled = std::get<Settled>(answer_ic_req(policy, request.data()));
      EXPECT_EQ(settled.header_digest, (asked & permitted & 1) != 0);
      EXPECT_EQ(settled.data_digest, (asked & permitted & 2) != 0);
    }
  }
}

TEST(Handshake, UsesNoMoreR2tsThanThePeerBearsAndWeWant) {
  const auto used = [](std::uint32_t maxr2t, std::uint32_t ours) {
    const ControllerPolicy policy{.outstanding_r2t = ours};
    return std::get<Settled>(answer_ic_req(policy, ic(PduType::kIcReq, 0, 0, 0, maxr2t).data())).outstanding_r2t;
  };
  EXPECT_EQ(used(0, 16), 1u);
  EXPECT_EQ(used(3, 16), 4u);
  EXPECT_EQ(used(0xffffffff, 16), 16u) << "MAXR2T is 0 based: all ones is 2^32 R2Ts, not none";
  EXPECT_EQ(used(0xffffffff, 1), 1u);
  EXPECT_EQ(used(7, 0), 1u);
  EXPECT_EQ(used(0xffffffff, 1000), kMaxOutstandingR2t);
}

TEST(Handshake, OffersMaxR2tZeroBased) {
  for (std::uint32_t outstanding : {1u, 2u, 16u}) {
    std::array<std::byte, kMaxHeaderSize> out{};
    write_ic_req(out, {.outstanding_r2t = outstanding});
    EXPECT_EQ(read_digest(&out[12]), outstanding - 1);
  }
}

TEST(Handshake, LeavesReservedBytesZero) {
  std::array<std::byte, kMaxHeaderSize> out;
  out.fill(std::byte{0xee});
  ASSERT_EQ(write_ic_req(out, {}), 128u);
  for (std::size_t i = 16; i < 128; ++i) {
    EXPECT_EQ(out[i], std::byte{0}) << i;
  }
  out.fill(std::byte{0xee});
  ASSERT_EQ(write_ic_resp(out, {}, {}), 128u);
  for (std::size_t i = 16; i < 128; ++i) {
    EXPECT_EQ(out[i], std::byte{0}) << i;
  }
}

TEST(Handshake, GivesTheRulesForWhatFollows) {
  const Settled settled{.header_digest = true,
                        .data_digest = false,
                        .receive_alignment = 16,
                        .send_alignment = 128,
                        .outstanding_r2t = 1,
                        .max_h2c_data = 4096};
  const ReadRules read = settled.read_rules(Role::kController, 4096);
  EXPECT_EQ(read.phase, Phase::kEstablished);
  EXPECT_TRUE(read.header_digest);
  EXPECT_FALSE(read.data_digest);
  EXPECT_EQ(read.alignment, 16u);
  EXPECT_EQ(read.max_in_capsule, 8192u) << "Fabrics commands may bring 8192 bytes on any queue";
  EXPECT_EQ(settled.read_rules(Role::kController, 16384).max_in_capsule, 16384u);
  EXPECT_EQ(settled.write_rules().alignment, 128u);
}

}  // namespace
}  // namespace weft::tcp::test

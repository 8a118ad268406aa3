#include "plugins/tcp/pdu_writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "plugins/tcp/digest.hpp"
#include "raw_pdu.hpp"

namespace weft::tcp::test {
namespace {

std::array<std::byte, kMaxHeaderSize> dirty() {
  std::array<std::byte, kMaxHeaderSize> out;
  out.fill(std::byte{0xee});
  return out;
}

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes out;
  for (int value : values) {
    out.push_back(std::byte(value));
  }
  return out;
}

Bytes first(const std::array<std::byte, kMaxHeaderSize>& buffer, std::uint32_t n) {
  return {buffer.begin(), buffer.begin() + n};
}

TEST(PduWriter, WritesAResponseWithItsDigest) {
  auto out = dirty();
  const std::array<std::byte, 16> cqe{};
  const std::uint32_t n = write_capsule_resp({.header_digest = true}, out, cqe.data());
  Bytes expected = bytes_of({0x05, 0x01, 0x18, 0x00, 0x1c, 0, 0, 0});
  expected.resize(24);
  for (int b : {0x9b, 0x12, 0x03, 0x89}) {
    expected.push_back(std::byte(b));
  }
  EXPECT_EQ(first(out, n), expected);
  EXPECT_EQ(out[n], std::byte{0xee}) << "wrote beyond the length it gave";
}

TEST(PduWriter, WritesAnR2t) {
  auto out = dirty();
  const std::uint32_t n = write_r2t({.data_digest = true, .alignment = 128}, out, 0x1234, 0x5678, 0x10000, 0x20000);
  EXPECT_EQ(first(out, n), bytes_of({0x09, 0x00, 0x18, 0x00, 0x18, 0, 0, 0, 0x34, 0x12, 0x78, 0x56,
                                     0,    0,    1,    0,    0,    0, 2, 0, 0,    0,    0,    0}));
}

TEST(PduWriter, PadsDataToThePeersAlignment) {
  auto out = dirty();
  // CPDA 0Fh, no header digest: PDO 64, 40 bytes of padding.
  EXPECT_EQ(write_h2c_data({.alignment = 64}, out, 1, 2, 3, 512, true), 64u);
  EXPECT_EQ(out[3], std::byte{64});
  for (std::uint32_t i = 24; i < 64; ++i) {
    EXPECT_EQ(out[i], std::byte{0}) << i;
  }
  EXPECT_EQ(read_digest(&out[4]), 64u + 512u) << "PLEN";
  // HPDA 3: PDO 32.
  EXPECT_EQ(write_c2h_data({.alignment = 16}, out, 1, 0, 512, true, false), 32u);
}

TEST(PduWriter, SetsFlagsForDigestsAndTheEnd) {
  const WriteRules both{.header_digest = true, .data_digest = true};
  const auto flags = [](const WriteRules& rules, std::uint32_t len, bool last, bool success) {
    auto out = dirty();
    write_c2h_data(rules, out, 0, 0, len, last, success);
    return static_cast<int>(out[1]);
  };
  EXPECT_EQ(flags({}, 512, false, false), 0);
  EXPECT_EQ(flags({}, 512, true, false), 4);
  EXPECT_EQ(flags({}, 512, true, true), 12);
  EXPECT_EQ(flags({}, 512, false, true), 0) << "SUCCESS never goes without LAST";
  EXPECT_EQ(flags(both, 512, true, false), 7);
  EXPECT_EQ(data_trailer(both, 512), 4u);
  EXPECT_EQ(data_trailer(both, 0), 0u);
  EXPECT_EQ(data_trailer({}, 512), 0u);
}

TEST(PduWriter, FillsInPsdtAndTheDescriptor) {
  std::array<std::uint8_t, 64> sqe;
  for (std::size_t i = 0; i < sqe.size(); ++i) {
    sqe[i] = static_cast<std::uint8_t>(i + 0x80);
  }
  sqe[1] = 0x81;  // PSDT 10b, first of a fused pair
  auto out = dirty();
  write_capsule_cmd({}, out, sqe.data(), CommandData::kTransport, 0x12345);
  EXPECT_EQ(out[8 + 1], std::byte{0x41});
  EXPECT_EQ(Bytes(out.begin() + 8 + 24, out.begin() + 8 + 40),
            bytes_of({0, 0, 0, 0, 0, 0, 0, 0, 0x45, 0x23, 1, 0, 0, 0, 0, 0x5a}));
  for (std::size_t i = 0; i < sqe.size(); ++i) {
    if (i != 1 && (i < 24 || i >= 40)) {
      EXPECT_EQ(out[8 + i], std::byte{sqe[i]}) << i;
    }
  }
  write_capsule_cmd({}, out, sqe.data(), CommandData::kInCapsule, 4096);
  EXPECT_EQ(Bytes(out.begin() + 8 + 24, out.begin() + 8 + 40),
            bytes_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0x01}));
  EXPECT_EQ(read_digest(&out[4]), 72u + 4096u);
  write_capsule_cmd({}, out, sqe.data(), CommandData::kInCapsule, 0);
  EXPECT_EQ(out[8 + 39], std::byte{0x5a}) << "no data is a transport descriptor of length 0";
  EXPECT_EQ(out[3], std::byte{0});
}

TEST(PduWriter, EchoesWhatArrivedOfTheOffendingHeader) {
  const Bytes offending(200, std::byte{0x77});
  Violation bad = violates(rules::kH2cOutOfRange, PduType::kH2cData);
  for (std::size_t arrived : {0u, 8u, 23u, 24u, 28u, 200u}) {
    auto out = dirty();
    const std::uint32_t n = write_term_req(out, Role::kController, bad, std::span(offending).first(arrived));
    EXPECT_EQ(n, 24 + std::min<std::size_t>(arrived, 24));
    EXPECT_EQ(out[0], std::byte{0x03});
    EXPECT_EQ(read_digest(&out[4]), n);
    EXPECT_EQ(out[8], std::byte{4}) << "FES";
  }
  bad = violates(rules::kPfvUnsupported, PduType::kIcResp);
  auto out = dirty();
  EXPECT_EQ(write_term_req(out, Role::kHost, bad, offending), 152u);
  EXPECT_EQ(out[0], std::byte{0x02});
  EXPECT_EQ(out[8], std::byte{6});
  EXPECT_EQ(read_digest(&out[10]), 8u) << "FEI";
}

TEST(PduWriter, MakesASuccessOutOfNothing) {
  const auto cqe = implied_cqe(0xabcd);
  for (std::size_t i = 0; i < cqe.size(); ++i) {
    EXPECT_EQ(cqe[i], i == 12 ? std::byte{0xcd} : i == 13 ? std::byte{0xab} : std::byte{0}) << i;
  }
}

}  // namespace
}  // namespace weft::tcp::test

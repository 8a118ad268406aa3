#include "core/wire/cqe.hpp"

#include <gtest/gtest.h>

#include <array>

namespace weft::wire {
namespace {

TEST(Cqe, IsWrittenByteForByte) {
  const nvme::Cqe cqe = make_cqe(0xF123, 0x0405, nvme::status::kLbaOutOfRange.dnr(), 0x0807060504030201);
  std::array<std::uint8_t, 16> bytes{};
  store(bytes.data(), cqe);
  const std::array<std::uint8_t, 16> expected = {1, 2, 3, 4, 5, 6, 7, 8, 0x05, 0x04, 0, 0, 0x23, 0xF1, 0x00, 0x81};
  EXPECT_EQ(bytes, expected);
}

TEST(Cqe, GivesBackStatusAndResult) {
  const nvme::Cqe cqe = make_cqe(1, 2, nvme::status::kCompareFailure, 0xFFFFFFFF00000001);
  EXPECT_EQ(cqe.status(), nvme::status::kCompareFailure);
  EXPECT_EQ(cqe.result(), 0xFFFFFFFF00000001U);
}

TEST(Cqe, StatusIgnoresThePhaseBit) {
  nvme::Cqe cqe;
  cqe.status_field = 1;
  EXPECT_TRUE(cqe.status().ok());
}

TEST(Cqe, StatusKeepsMoreAndRetryDelay) {
  nvme::Cqe cqe;
  cqe.status_field = 0x7000;  // More, CRD 2
  EXPECT_EQ(cqe.status().value(), 0x3800);
  EXPECT_TRUE(cqe.status().ok());
  EXPECT_FALSE(cqe.status().do_not_retry());
}

}  // namespace
}  // namespace weft::wire

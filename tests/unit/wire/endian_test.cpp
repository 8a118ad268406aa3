#include "weft/endian.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace weft {
namespace {

struct Packed {
  std::uint8_t first{};
  le16 a{};
  be32 b{};
  le64 c{};
};
WEFT_WIRE_SIZE(Packed, 15);
WEFT_WIRE_FIELD(Packed, c, 7);

constexpr std::uint8_t kBytes[] = {0x11, 0x34, 0x12, 0x89, 0xab, 0xcd, 0xef, 0x08,
                                   0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};

TEST(Endian, LoadsIntegersInTheirOrderFromAnyAddress) {
  std::array<std::uint8_t, 1 + sizeof kBytes> odd{};
  std::ranges::copy(kBytes, odd.begin() + 1);
  const auto packed = load<Packed>(odd.data() + 1);
  EXPECT_EQ(packed.first, 0x11);
  EXPECT_EQ(packed.a, 0x1234);
  EXPECT_EQ(packed.b, 0x89abcdefU);
  EXPECT_EQ(packed.c, 0x0102030405060708U);
}

TEST(Endian, StoresTheBytesThatItLoads) {
  const Packed packed{.first = 0x11, .a = 0x1234, .b = 0x89abcdefU, .c = 0x0102030405060708U};
  std::array<std::uint8_t, sizeof(Packed)> bytes{};
  store(bytes.data(), packed);
  EXPECT_TRUE(std::ranges::equal(bytes, kBytes));
}

TEST(Endian, StartsAsZero) {
  const Packed packed;
  EXPECT_EQ(packed.a, 0);
  EXPECT_EQ(packed.b, 0U);
  EXPECT_EQ(packed.c, 0U);
}

TEST(Endian, ChangesInPlace) {
  le16 value = 0xFFF0;
  value &= 0x0FFF;
  value |= 0x1000;
  value += 2;
  EXPECT_EQ(value, 0x1FF2);
}

TEST(Endian, WrapsLikeTheIntegerItHolds) {
  le16 value = 0xFFFF;
  value += 1;
  EXPECT_EQ(value, 0);
}

TEST(Endian, WorksInConstantExpressions) {
  constexpr be16 kValue = 0xABCD;
  static_assert(kValue == 0xABCD);
  static_assert(le64{7} + 1 == 8);
  SUCCEED();
}

}  // namespace
}  // namespace weft

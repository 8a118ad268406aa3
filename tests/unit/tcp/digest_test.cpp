#include "plugins/tcp/digest.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <climits>
#include <cstring>
#include <optional>
#include <vector>

namespace weft::tcp {
namespace {

TEST(Digest, GivesThePublishedVectors) {
  EXPECT_EQ(crc32c("123456789", 9), 0xe3069283u);
  const std::array<std::byte, 32> zeroes{};
  EXPECT_EQ(crc32c(zeroes.data(), zeroes.size()), 0x8a9136aau);
  EXPECT_EQ(crc32c(nullptr, 0), 0u);
}

TEST(Digest, OfAResponseCapsuleLiesLittleEndianOnTheWire) {
  std::array<unsigned char, 24> header{0x05, 0x01, 0x18, 0x00, 0x1c};
  EXPECT_EQ(crc32c(header.data(), header.size()), 0x8903129bu);
  std::array<std::byte, 5> wire{};
  write_digest(&wire[1], 0x8903129bu);
  EXPECT_EQ(wire, (std::array<std::byte, 5>{std::byte{0}, std::byte{0x9b}, std::byte{0x12}, std::byte{0x03},
                                            std::byte{0x89}}));
  EXPECT_EQ(read_digest(&wire[1]), 0x8903129bu);
}

TEST(Digest, DoesNotDependOnHowTheBytesAreCut) {
  std::vector<unsigned char> bytes(997);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(i * 7 + i / 256);
  }
  const std::uint32_t whole = crc32c(bytes.data(), bytes.size());
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Crc32c crc;
    crc.update(bytes.data(), cut);
    crc.update(bytes.data() + cut, bytes.size() - cut);
    ASSERT_EQ(crc.value(), whole) << "cut at " << cut;
  }
}

#if defined(__x86_64__)
// The parts of the processor's state that are in use (XINUSE); nothing where it cannot tell.
std::optional<std::uint64_t> state_in_use() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(1, 0, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return std::nullopt;
  if (__get_cpuid_count(0x0d, 1, &a, &b, &c, &d) == 0 || (a & 4u) == 0) return std::nullopt;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return std::uint64_t{high} << 32 | low;
}

TEST(Digest, LeavesNoUpperHalfOfARegisterInUse) {
  constexpr std::uint64_t kUpperHalves = 1u << 2 | 1u << 6;  // of YMM, of ZMM0-15
  if (!state_in_use()) GTEST_SKIP() << "this processor does not tell which registers are in use";
  std::vector<std::byte> bytes(8192, std::byte{0x5a});
  for (const std::size_t len : {std::size_t{24}, std::size_t{76}, std::size_t{512}, bytes.size()}) {
    Crc32c crc;
    crc.update(bytes.data(), len);
    EXPECT_EQ(*state_in_use() & kUpperHalves, 0u) << len << " bytes";
  }
}
#endif

// The zero page, mapped as often as needed, stands for the memory.
TEST(Digest, TakesMoreBytesThanAnIntCounts) {
  constexpr std::size_t kLength = std::size_t{INT_MAX} + 13;
  constexpr std::size_t kPiece = std::size_t{64} << 20;
  void* area = mmap(nullptr, kLength + kPiece, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(area, MAP_FAILED);
  Crc32c pieces;
  for (std::size_t left = kLength; left != 0;) {
    const std::size_t piece = std::min(left, kPiece);
    pieces.update(area, piece);
    left -= piece;
  }
  EXPECT_EQ(crc32c(area, kLength), pieces.value());
  munmap(area, kLength + kPiece);
}

}  // namespace
}  // namespace weft::tcp

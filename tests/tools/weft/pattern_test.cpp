#include "tools/weft/pattern.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft::tools {
namespace {

std::vector<std::byte> made(const Pattern& pattern, std::uint64_t lba, std::size_t bytes) {
  std::vector<std::byte> data(bytes);
  pattern.fill(lba, data);
  return data;
}

TEST(Pattern, IsFoundToBeRightWhereItWasWritten) {
  const Pattern pattern(7, 512);
  EXPECT_EQ(pattern.find_difference(5, made(pattern, 5, 4096)), std::nullopt);
}

TEST(Pattern, DiffersFromBlockToBlockAndFromSeedToSeed) {
  const Pattern pattern(7, 512);
  EXPECT_EQ(pattern.find_difference(6, made(pattern, 5, 512)), 0u);
  EXPECT_EQ(Pattern(8, 512).find_difference(5, made(pattern, 5, 512)), sizeof(std::uint64_t));
}

TEST(Pattern, OfARangeIsThatOfItsBlocks) {
  const Pattern pattern(1, 4096);
  const std::vector<std::byte> two = made(pattern, 9, 8192);
  const std::vector<std::byte> second = made(pattern, 10, 4096);
  EXPECT_TRUE(std::equal(second.begin(), second.end(), two.begin() + 4096));
}

TEST(Pattern, TellsWhereAWordIsWrong) {
  const Pattern pattern(1, 512);
  std::vector<std::byte> data = made(pattern, 3, 1024);
  data[777] ^= std::byte{1};
  EXPECT_EQ(pattern.find_difference(3, data), 776u);
}

TEST(Pattern, IsNotWhatFreshMemoryHolds) {
  const std::vector<std::byte> zeroes(512);
  EXPECT_NE(Pattern(1, 512).find_difference(1, zeroes), std::nullopt);
  EXPECT_NE(Pattern(1, 512).find_difference(0, zeroes), std::nullopt);
}

}  // namespace
}  // namespace weft::tools

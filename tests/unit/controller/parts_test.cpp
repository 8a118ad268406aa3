// Parts that need no server: range sets.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "core/controller/range_set.hpp"

namespace weft::controller {
namespace {

TEST(RangeSet, MergesAndSplits) {
  RangeSet set;
  set.insert({10, 10});
  set.insert({30, 10});
  set.insert({20, 10});
  RangeSet whole;
  whole.insert({10, 30});
  EXPECT_EQ(set, whole);
  set.erase({15, 5});
  EXPECT_TRUE(set.overlaps({14, 1}));
  EXPECT_FALSE(set.overlaps({15, 5}));
  EXPECT_TRUE(set.overlaps({15, 6}));
  EXPECT_FALSE(set.overlaps({0, 10}));
  EXPECT_FALSE(set.overlaps({40, 100}));
  set.erase({0, 100});
  EXPECT_TRUE(set.empty());
}

TEST(RangeSet, AgreesWithASetOfBlocks) {
  std::mt19937 random(7);
  RangeSet set;
  std::vector<bool> model(64);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t lba = random() % 60;
    const std::uint64_t blocks = 1 + random() % 4;
    const BlockRange range{lba, blocks};
    bool any = false;
    for (std::uint64_t i = lba; i < range.end(); ++i) any = any || model[i];
    ASSERT_EQ(set.overlaps(range), any) << round;
    const bool insert = random() % 2 == 0;
    insert ? set.insert(range) : set.erase(range);
    for (std::uint64_t i = lba; i < range.end(); ++i) model[i] = insert;
  }
}

TEST(RangeSet, KnowsWhatWouldPassItsBound) {
  RangeSet set;
  for (std::uint64_t i = 0; i < RangeSet::kMost; ++i) {
    ASSERT_TRUE(set.may_insert({10 * i, 3}));
    set.insert({10 * i, 3});
  }
  const std::uint64_t end = 10 * RangeSet::kMost;
  EXPECT_FALSE(set.may_insert({end, 1}));
  EXPECT_FALSE(set.may_insert({4, 5}));
  EXPECT_TRUE(set.may_insert({4, 6})) << "it touches the next";
  EXPECT_TRUE(set.may_insert({3, 1})) << "it touches the one before";
  EXPECT_TRUE(set.may_insert({0, end}));
  EXPECT_FALSE(set.may_erase({11, 1}));
  EXPECT_TRUE(set.may_erase({10, 1}));
  EXPECT_TRUE(set.may_erase({12, 1}));
  EXPECT_TRUE(set.may_erase({11, 10}));
  EXPECT_TRUE(set.may_erase({5, 2}));
}

}  // namespace
}  // namespace weft::controller

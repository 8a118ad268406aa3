#include "core/util/slot_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace weft {
namespace {

TEST(SlotTable, GivesEachSlotOnceAndThenNone) {
  SlotTable<int> slots(3);
  std::set<std::uint32_t> taken;
  for (int i = 0; i < 3; ++i) taken.insert(slots.take());
  EXPECT_EQ(taken, (std::set<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(slots.take(), SlotTable<int>::kNone);
  EXPECT_EQ(slots.used_count(), 3u);
}

TEST(SlotTable, GivesTheSlotThatCameBackLast) {
  SlotTable<int> slots(4);
  const auto a = slots.take();
  const auto b = slots.take();
  slots.give_back(a);
  slots.give_back(b);
  EXPECT_EQ(slots.take(), b);
  EXPECT_EQ(slots.take(), a);
}

TEST(SlotTable, KnowsWhatIsInUseForAnyIndex) {
  SlotTable<int> slots(2);
  const auto a = slots.take();
  EXPECT_TRUE(slots.in_use(a));
  EXPECT_FALSE(slots.in_use(1 - a));
  EXPECT_FALSE(slots.in_use(2));
  EXPECT_FALSE(slots.in_use(UINT32_MAX));
}

TEST(SlotTable, WithoutSlotsGivesNone) {
  SlotTable<int> slots(0);
  EXPECT_EQ(slots.take(), SlotTable<int>::kNone);
}

}  // namespace
}  // namespace weft

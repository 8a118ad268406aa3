#include "core/util/intrusive_list.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft {
namespace {

struct Item : IntrusiveHook {
  explicit Item(int n) : value(n) {}
  int value;
};

std::vector<int> values(IntrusiveList<Item>& list) {
  std::vector<int> all;
  list.for_each([&](Item& item) { all.push_back(item.value); });
  return all;
}

void empty(IntrusiveList<Item>& list) {
  while (!list.empty()) list.pop_front();
}

TEST(IntrusiveList, KeepsTheOrderOfInsertion) {
  IntrusiveList<Item> list;
  Item one(1), two(2), three(3);
  list.push_back(two);
  list.push_back(three);
  list.push_front(one);
  EXPECT_EQ(values(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front().value, 1);
  EXPECT_EQ(list.back().value, 3);
  EXPECT_EQ(list.count(), 3u);
  empty(list);
}

TEST(IntrusiveList, UnlinksFromTheMiddleAndTwiceWithoutEffect) {
  IntrusiveList<Item> list;
  Item one(1), two(2), three(3);
  for (Item* item : {&one, &two, &three}) list.push_back(*item);
  two.unlink();
  two.unlink();
  EXPECT_FALSE(two.linked());
  EXPECT_EQ(values(list), (std::vector<int>{1, 3}));
  empty(list);
}

TEST(IntrusiveList, AllowsTheVisitorToUnlinkWhatItIsGiven) {
  IntrusiveList<Item> list;
  Item one(1), two(2), three(3);
  for (Item* item : {&one, &two, &three}) list.push_back(*item);
  list.for_each([](Item& item) {
    if (item.value != 2) item.unlink();
  });
  EXPECT_EQ(values(list), std::vector<int>{2});
  empty(list);
}

}  // namespace
}  // namespace weft

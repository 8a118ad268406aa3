#include "plugins/common/lazy_array.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace weft::plugin {
namespace {

int alive = 0;

struct Counted {
  Counted() { ++alive; }
  Counted(const Counted& other) : value(other.value) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
  int value = 7;
};

TEST(LazyArray, MakesNoElementBeforeItIsUsed) {
  {
    LazyArray<Counted> array(1000);
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(array.made(), 0u);
    EXPECT_EQ(array.make(3).value, 7);
    EXPECT_EQ(alive, 4);
    EXPECT_EQ(array.made(), 4u);
    EXPECT_EQ(array.size(), 1000u);
  }
  EXPECT_EQ(alive, 0);
}

TEST(LazyArray, LeavesWhatWasMadeAsItIs) {
  LazyArray<Counted> array(8);
  Counted& second = array.make(1);
  second.value = 42;
  array.make(7);
  EXPECT_EQ(&array.make(1), &second);
  EXPECT_EQ(array[1].value, 42);
  EXPECT_EQ(array[2].value, 7);
}

TEST(LazyArray, CopiesAndMovesWhatWasMade) {
  LazyArray<Counted> array(8);
  array.make(1).value = 42;
  LazyArray<Counted> copy(array);
  copy.make(2);
  EXPECT_EQ(copy[1].value, 42);
  EXPECT_EQ(array.made(), 2u);
  LazyArray<Counted> moved(std::move(copy));
  EXPECT_EQ(moved.made(), 3u);
  array = std::move(moved);
  EXPECT_EQ(array.made(), 3u);
  EXPECT_EQ(array[1].value, 42);
}

}  // namespace
}  // namespace weft::plugin

// Queue pairs by the device's numbers: found while they are there, nobody's afterwards, and not given to another too soon.
#include "plugins/rdma/pair_numbers.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace weft::rdma {
namespace {

std::optional<std::uint32_t> find(const PairNumbers& numbers, std::uint32_t number) {
  std::uint32_t place = 0;
  return numbers.find(number, place) ? std::optional(place) : std::nullopt;
}

TEST(PairNumbers, AreFoundWhateverElseIsThere) {
  PairNumbers numbers;
  EXPECT_EQ(find(numbers, 17), std::nullopt);
  // Many that would have one place in a table of any size.
  for (std::uint32_t i = 0; i < 300; ++i) ASSERT_TRUE(numbers.enter(17 + (i << 10), i, 0));
  for (std::uint32_t i = 0; i < 300; i += 2) numbers.leave(17 + (i << 10));
  numbers.purge(0);
  for (std::uint32_t i = 0; i < 300; ++i)
    EXPECT_EQ(find(numbers, 17 + (i << 10)), i % 2 == 0 ? std::nullopt : std::optional(i));
}

TEST(PairNumbers, OfOneThatIsGoneAreNobodysUntilItsCompletionQueueWasEmpty) {
  PairNumbers numbers;
  ASSERT_TRUE(numbers.enter(17, 1, 0));
  EXPECT_FALSE(numbers.enter(17, 2, 0));
  numbers.leave(17);
  EXPECT_EQ(find(numbers, 17), std::nullopt);
  EXPECT_FALSE(numbers.enter(17, 2, 0)) << "what comes may be the old one's";
  numbers.purge(1);
  EXPECT_FALSE(numbers.enter(17, 2, 1)) << "that was another completion queue";
  numbers.purge(0);
  EXPECT_TRUE(numbers.enter(17, 2, 0));
  EXPECT_EQ(find(numbers, 17), 2U);
}

}  // namespace
}  // namespace weft::rdma

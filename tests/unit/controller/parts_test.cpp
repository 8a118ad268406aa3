// Parts that need no server: range sets, and resources with their back-pressure.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "core/controller/range_set.hpp"
#include "core/controller/resources.hpp"

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

TEST(Resources, ServesThoseWhoWaitInOrder) {
  Resources resources(8192, 8, 258);
  std::vector<int> order;
  struct Wait : Claim {
    std::vector<int>* order = nullptr;
    int number = 0;
  };
  std::vector<Wait> waits(4);
  Claim first;
  first.budget = 8192;
  ASSERT_TRUE(resources.acquire(first));
  for (int i = 0; i < 4; ++i) {
    Wait& w = waits[static_cast<std::size_t>(i)];
    w.budget = i == 0 ? 8192 : 1024;
    w.order = &order;
    w.number = i;
    w.resume = [](Claim& claim) {
      auto& wait = static_cast<Wait&>(claim);
      wait.order->push_back(wait.number);
    };
    EXPECT_FALSE(resources.acquire(w)) << "nobody overtakes";
  }
  resources.release(first);
  EXPECT_EQ(order, std::vector<int>{0}) << "small ones wait behind the large one";
  resources.withdraw(waits[2]);
  resources.release(waits[0]);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 3}));
  resources.release(waits[1]);
  resources.release(waits[3]);
  EXPECT_EQ(resources.held(), 0u);
}

TEST(Resources, ChunksHoldDataAcrossTheirEdges) {
  Resources resources(0, 4, 258);
  Claim claim;
  claim.chunks = 3;
  ASSERT_TRUE(resources.acquire(claim));
  std::vector<std::byte> data(10'000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 13);
  resources.write(claim, 1000, data);
  std::vector<std::byte> back(data.size());
  resources.read(claim, 1000, back);
  EXPECT_EQ(back, data);
  std::array<weft_iov, 4> iov;
  EXPECT_EQ(resources.describe(claim, 5000, 7000, iov), 2u);
  EXPECT_EQ(iov[0].len, 8192u - 5000u);
  const weft_iov whole[] = {{data.data(), data.size(), nullptr}};
  resources.write(claim, 0, data);
  EXPECT_TRUE(resources.equal(claim, whole));
  data[9'999] ^= std::byte{1};
  EXPECT_FALSE(resources.equal(claim, whole));
  Claim half;
  resources.split(claim, half, 1);
  EXPECT_EQ(half.chunks, 1);
  resources.release(half);
  resources.release(claim);
  Claim all;
  all.chunks = 4;
  ASSERT_TRUE(resources.acquire(all)) << "every chunk came back";
  resources.release(all);
}

}  // namespace
}  // namespace weft::controller

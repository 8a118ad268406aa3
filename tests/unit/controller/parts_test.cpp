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

TEST(Resources, ServesThoseWhoWaitInOrder) {
  Resources resources(8192, 8, 258);
  Share share;
  std::vector<int> order;
  struct Wait : Claim {
    std::vector<int>* order = nullptr;
    int number = 0;
  };
  std::vector<Wait> waits(4);
  Claim first;
  first.budget = 8192;
  ASSERT_TRUE(resources.acquire(first, share));
  for (int i = 0; i < 4; ++i) {
    Wait& w = waits[static_cast<std::size_t>(i)];
    w.budget = i == 0 ? 8192 : 1024;
    w.order = &order;
    w.number = i;
    w.resume = [](Claim& claim) {
      auto& wait = static_cast<Wait&>(claim);
      wait.order->push_back(wait.number);
    };
    EXPECT_FALSE(resources.acquire(w, share)) << "nobody overtakes";
  }
  resources.release(first, share);
  EXPECT_EQ(order, std::vector<int>{0}) << "small ones wait behind the large one";
  resources.withdraw(waits[2], share);
  resources.release(waits[0], share);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 3}));
  resources.release(waits[1], share);
  resources.release(waits[3], share);
  EXPECT_EQ(resources.held(), 0u);
}

struct Counted : Claim {
  int resumed = 0;
  Counted() {
    resume = [](Claim& claim) { ++static_cast<Counted&>(claim).resumed; };
  }
};

TEST(Resources, WhoNeedsNothingDoesNotWait) {
  Resources resources(8192, 8, 258);
  Share share, other;
  Counted held, waits, empty, of_other;
  held.budget = waits.budget = 8192;
  ASSERT_TRUE(resources.acquire(held, share));
  ASSERT_FALSE(resources.acquire(waits, share));
  empty.iov_entries = kOwnIov;
  EXPECT_TRUE(resources.acquire(empty, share));
  EXPECT_TRUE(resources.acquire(of_other, other));
  resources.release(empty, share);
  resources.release(of_other, other);
  resources.withdraw(waits, share);
  resources.release(held, share);
}

TEST(Resources, AHostThatHoldsWhatItHasLeavesAsMuchForTheOthers) {
  Resources resources(64, 8, 258);
  Share hog, other;
  std::vector<Counted> hogs(40), others(40);
  std::uint32_t held = 0;
  for (Counted& claim : hogs) {
    claim.budget = 1;
    if (resources.acquire(claim, hog)) ++held;
  }
  EXPECT_EQ(held, 32u) << "half, while it is alone";
  held = 0;
  for (Counted& claim : others) {
    claim.budget = 1;
    if (resources.acquire(claim, other)) ++held;
  }
  EXPECT_EQ(held, 16u) << "half of what is left";
  for (Counted& claim : hogs) {
    if (!claim.held && claim.linked()) resources.withdraw(claim, hog);
  }
  for (Counted& claim : hogs) resources.release(claim, hog);
  held = 0;
  for (const Counted& claim : others) held += claim.held ? 1U : 0U;
  EXPECT_EQ(held, 32u) << "what comes back goes to those who wait";
  for (int i = 0; i < 2; ++i) {
    for (Counted& claim : others) resources.release(claim, other);
  }
  EXPECT_EQ(resources.held(), 0u);
}

TEST(Resources, ALargeClaimIsNotPassedBySmallOnesOfAnotherHost) {
  Resources resources(64, 8, 258);
  Share first, second;
  Counted held, large;
  held.budget = 40;
  large.budget = 30;
  ASSERT_TRUE(resources.acquire(held, first));
  EXPECT_FALSE(resources.acquire(large, second));
  Counted more;
  more.budget = 1;
  Share third;
  EXPECT_FALSE(resources.acquire(more, third)) << "there is room, but the large one comes first";
  resources.release(held, first);
  EXPECT_EQ(large.resumed, 1);
  EXPECT_EQ(more.resumed, 1);
  resources.release(large, second);
  resources.release(more, third);
}

TEST(Resources, ChunksHoldDataAcrossTheirEdges) {
  Resources resources(0, 4, 258);
  Share share;
  Claim claim;
  claim.chunks = 3;
  ASSERT_TRUE(resources.acquire(claim, share));
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
  resources.release(half, share);
  resources.release(claim, share);
  Claim all;
  all.chunks = 4;
  ASSERT_TRUE(resources.acquire(all, share)) << "every chunk came back";
  resources.release(all, share);
}

}  // namespace
}  // namespace weft::controller

// Runs of staged memory: halves that become one again, and who waits for them.
#include "plugins/rdma/staging.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace weft::rdma {
namespace {

constexpr std::uint64_t kKi = 1024;

TEST(RunAllocator, RunsDoNotOverlapAndBecomeOneAgain) {
  RunAllocator runs(256 * kKi, 128 * kKi);
  std::mt19937 random(7);
  std::map<std::uint64_t, std::uint64_t> taken;  // offset -> bytes
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bytes = 1 + random() % (128 * kKi);
    if (random() % 2 == 0) {
      const std::optional<std::uint64_t> offset = runs.take(bytes);
      if (!offset) continue;
      ASSERT_LE(*offset + bytes, 256 * kKi);
      const auto behind = taken.lower_bound(*offset);
      ASSERT_TRUE(behind == taken.end() || *offset + bytes <= behind->first);
      ASSERT_TRUE(behind == taken.begin() || std::prev(behind)->first + std::prev(behind)->second <= *offset);
      taken[*offset] = bytes;
    } else if (!taken.empty()) {
      const auto one = std::next(taken.begin(), static_cast<std::ptrdiff_t>(random() % taken.size()));
      runs.give_back(one->first, one->second);
      taken.erase(one);
    }
  }
  for (const auto& [offset, bytes] : taken) runs.give_back(offset, bytes);
  EXPECT_TRUE(runs.all_free());
  EXPECT_TRUE(runs.take(128 * kKi));
  EXPECT_TRUE(runs.take(128 * kKi));
  EXPECT_FALSE(runs.take(1));
}

TEST(RunAllocator, MoreThanTheLongestRunIsNeverThere) {
  RunAllocator runs(256 * kKi, 64 * kKi);
  EXPECT_EQ(runs.longest(), 64 * kKi);
  EXPECT_FALSE(runs.take(64 * kKi + 1));
  EXPECT_TRUE(runs.take(64 * kKi));
}

// 64 KiB of memory: a reserve of 32 KiB, and 32 KiB that every claim may have. Each claim is of a queue pair of its own
// unless the test says otherwise.
class StagingTest : public testing::Test, private StagingUser {
 protected:
  StagingTest() : memory_(64 * kKi), staging_(memory_.data(), memory_.size(), 32 * kKi) {}
  ~StagingTest() override {
    for (StagingClaim& claim : claims_) claim.hook.unlink();
  }
  bool claim(std::size_t i, std::uint64_t bytes) { return claim_for(i, i, bytes); }
  bool claim_for(std::size_t share, std::size_t i, std::uint64_t bytes) {
    claims_[i].bytes = bytes;
    claims_[i].share = &shares_[share];
    claims_[i].user = this;
    return staging_.claim(claims_[i]);
  }
  void release(std::size_t i) { staging_.release(claims_[i].run); }
  void staged(StagingClaim& claim) override { served_.push_back(&claim - claims_.data()); }
  [[nodiscard]] bool in_reserve(std::size_t i) const {
    return claims_[i].run.base < memory_.data() + staging_.reserve();
  }

  std::vector<std::byte> memory_;
  Staging staging_;
  std::array<StagingShare, 8> shares_;
  std::array<StagingClaim, 8> claims_;
  std::vector<std::ptrdiff_t> served_;
};

TEST_F(StagingTest, EqualClaimsAreServedInOrder) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 32 * kKi));
  EXPECT_FALSE(claim(2, 32 * kKi));
  EXPECT_FALSE(claim(3, 32 * kKi));
  release(1);
  EXPECT_THAT(served_, testing::ElementsAre(2));
  release(0);
  EXPECT_THAT(served_, testing::ElementsAre(2, 3));
}

TEST_F(StagingTest, AClaimThatDoesNotFitDoesNotBlockAnotherQueuePairsThatFits) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 4 * kKi));
  EXPECT_FALSE(claim(2, 32 * kKi));
  EXPECT_TRUE(claim(3, 4 * kKi));
  release(1);
  EXPECT_TRUE(served_.empty());
  release(3);
  EXPECT_THAT(served_, testing::ElementsAre(2));
}

TEST_F(StagingTest, ClaimsOfOneQueuePairAreServedInOrder) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 4 * kKi));
  EXPECT_FALSE(claim_for(2, 2, 32 * kKi));
  EXPECT_FALSE(claim_for(2, 3, 4 * kKi)) << "there would be room";
  release(1);
  EXPECT_THAT(served_, testing::ElementsAre(2));
  release(0);
  EXPECT_THAT(served_, testing::ElementsAre(2)) << "it holds a run, so the reserve is not for it";
  release(2);
  EXPECT_THAT(served_, testing::ElementsAre(2, 3));
}

TEST_F(StagingTest, ALargeClaimIsServedThoughSmallOnesKeepComing) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 4 * kKi));
  EXPECT_TRUE(claim(2, 4 * kKi));
  EXPECT_FALSE(claim(3, 32 * kKi));
  std::uint64_t overtaken = 0;
  for (std::size_t next = 1; served_.empty() && overtaken < 1000; next = 3 - next, ++overtaken) {
    release(next);
    if (!claims_[next].hook.linked() && !claim(next, 4 * kKi)) release(3 - next);
  }
  EXPECT_THAT(served_, testing::Contains(3));
  EXPECT_LE(overtaken, Staging::kMostOvertaken + 1);
}

TEST_F(StagingTest, AQueuePairWhoseResponsesAreNotTakenHasNothingOfTheReserve) {
  shares_[0].owed = 1;
  EXPECT_TRUE(claim_for(0, 0, 32 * kKi));
  EXPECT_FALSE(in_reserve(0));
  EXPECT_FALSE(claim_for(0, 1, 4 * kKi));
  EXPECT_TRUE(claim(2, 32 * kKi));
  EXPECT_TRUE(in_reserve(2));
  release(2);
  EXPECT_TRUE(served_.empty());
  EXPECT_TRUE(claim(3, 32 * kKi)) << "whatever waits";
}

TEST_F(StagingTest, HoweverLongALateClaimWaitsItBlocksNoOther) {
  shares_[0].owed = 1;
  EXPECT_TRUE(claim_for(0, 0, 32 * kKi));
  EXPECT_FALSE(claim_for(0, 1, 4 * kKi));
  for (std::uint64_t i = 0; i < 3 * Staging::kMostOvertaken; ++i) {
    ASSERT_TRUE(claim(2, 32 * kKi)) << i;
    release(2);
  }
}

TEST_F(StagingTest, AClaimIsServedWhenItsQueuePairOwesNothingAnyMore) {
  shares_[0].owed = 1;
  EXPECT_TRUE(claim(1, 32 * kKi));
  shares_[2].owed = 1;
  EXPECT_TRUE(claim(2, 32 * kKi));
  EXPECT_FALSE(claim_for(0, 0, 4 * kKi));
  release(1);
  EXPECT_TRUE(served_.empty());
  shares_[0].owed = 0;
  staging_.settled(shares_[0]);
  EXPECT_THAT(served_, testing::ElementsAre(0));
}

TEST_F(StagingTest, OneQueuePairCanHaveAllOfTheMemory) {
  EXPECT_TRUE(claim_for(0, 0, 32 * kKi));
  EXPECT_TRUE(claim_for(0, 1, 32 * kKi));
}

TEST_F(StagingTest, WhoeverGivesUpLetsThoseBehindItPass) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 4 * kKi));
  EXPECT_FALSE(claim_for(2, 2, 32 * kKi));
  EXPECT_FALSE(claim_for(2, 3, 4 * kKi));
  staging_.withdraw(claims_[2]);
  EXPECT_THAT(served_, testing::ElementsAre(3));
  staging_.withdraw(claims_[2]);  // it does not wait
  for (const std::size_t i : {0U, 1U, 3U}) release(i);
  EXPECT_TRUE(staging_.all_free());
}

TEST_F(StagingTest, ARunHoldsNothingOfAnotherOwner) {
  shares_[0].owner = 1;
  shares_[1].owner = 2;
  ASSERT_TRUE(claim_for(0, 0, 8 * kKi));
  std::byte* const base = claims_[0].run.base;
  std::fill_n(base, 8 * kKi, std::byte{0x5a});
  staging_.release(claims_[0].run);
  ASSERT_TRUE(claim_for(0, 1, 8 * kKi));
  ASSERT_EQ(claims_[1].run.base, base);
  EXPECT_EQ(std::count(base, base + 8 * kKi, std::byte{0x5a}), 8 * kKi) << "its own is left alone: clearing costs";
  staging_.release(claims_[1].run);
  ASSERT_TRUE(claim_for(1, 2, 5 * kKi));
  ASSERT_EQ(claims_[2].run.base, base);
  EXPECT_EQ(std::count(base, base + 8 * kKi, std::byte{0}), 8 * kKi);
}

}  // namespace
}  // namespace weft::rdma

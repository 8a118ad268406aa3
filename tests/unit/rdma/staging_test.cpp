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

class StagingTest : public testing::Test, private StagingUser {
 protected:
  StagingTest() : memory_(64 * kKi), staging_(memory_.data(), memory_.size(), 32 * kKi) {}
  ~StagingTest() override {
    for (StagingClaim& claim : claims_) claim.hook.unlink();
  }
  bool claim(std::size_t i, std::uint64_t bytes, std::uint32_t owner = 0) {
    claims_[i].bytes = bytes;
    claims_[i].owner = owner;
    claims_[i].user = this;
    return staging_.claim(claims_[i]);
  }
  void release(std::size_t i) { staging_.release(claims_[i].run); }
  void staged(StagingClaim& claim) override { served_.push_back(&claim - claims_.data()); }

  std::vector<std::byte> memory_;
  Staging staging_;
  std::array<StagingClaim, 8> claims_;
  std::vector<std::ptrdiff_t> served_;
};

TEST_F(StagingTest, WhoeverWaitsIsServedInOrder) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 32 * kKi));
  EXPECT_FALSE(claim(2, 32 * kKi));
  EXPECT_FALSE(claim(3, 4 * kKi));
  release(1);
  EXPECT_THAT(served_, testing::ElementsAre(2));
  release(0);
  EXPECT_THAT(served_, testing::ElementsAre(2, 3));
}

TEST_F(StagingTest, ALargeClaimIsNotStarvedBySmallOnes) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 4 * kKi));
  EXPECT_FALSE(claim(2, 32 * kKi));
  EXPECT_FALSE(claim(3, 4 * kKi));  // there would be room
  release(1);
  EXPECT_THAT(served_, testing::ElementsAre(2));
  release(0);
  EXPECT_THAT(served_, testing::ElementsAre(2, 3));
}

TEST_F(StagingTest, WhoeverGivesUpLetsThoseBehindItPass) {
  EXPECT_TRUE(claim(0, 32 * kKi));
  EXPECT_TRUE(claim(1, 4 * kKi));
  EXPECT_FALSE(claim(2, 32 * kKi));
  EXPECT_FALSE(claim(3, 4 * kKi));
  staging_.withdraw(claims_[2]);
  EXPECT_THAT(served_, testing::ElementsAre(3));
  staging_.withdraw(claims_[2]);  // it does not wait
  for (const std::size_t i : {0U, 1U, 3U}) release(i);
  EXPECT_TRUE(staging_.all_free());
}

TEST_F(StagingTest, ARunHoldsNothingOfAnotherOwner) {
  ASSERT_TRUE(claim(0, 8 * kKi, 1));
  std::byte* const base = claims_[0].run.base;
  std::fill_n(base, 8 * kKi, std::byte{0x5a});
  staging_.release(claims_[0].run);
  ASSERT_TRUE(claim(1, 8 * kKi, 1));
  ASSERT_EQ(claims_[1].run.base, base);
  EXPECT_EQ(std::count(base, base + 8 * kKi, std::byte{0x5a}), 8 * kKi) << "its own is left alone: clearing costs";
  staging_.release(claims_[1].run);
  ASSERT_TRUE(claim(2, 5 * kKi, 2));
  ASSERT_EQ(claims_[2].run.base, base);
  EXPECT_EQ(std::count(base, base + 8 * kKi, std::byte{0}), 8 * kKi);
}

}  // namespace
}  // namespace weft::rdma

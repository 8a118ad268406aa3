// Registered memory: how much of it, with which rights, and what is said when there is not enough.
#include "plugins/rdma/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/rdma/capsule_ring.hpp"
#include "plugins/rdma/region.hpp"
#include "support/rdma_model/device.hpp"
#include "support/rdma_model/machine.hpp"

namespace weft::rdma {
namespace {

constexpr std::uint64_t kMi = 1 << 20;
constexpr std::uint32_t kBoth = WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE;

class MemoryTest : public testing::Test {
 protected:
  model::Device& device(std::uint64_t max_locked = UINT64_MAX, bool windows = true) {
    model::Traits traits;
    traits.max_locked = max_locked;
    traits.attributes.windows = windows;
    return machine_.add_device(traits, {});
  }
  model::Fabric fabric_;
  model::Machine& machine_ = fabric_.add_machine("here");
};

TEST_F(MemoryTest, StagedDataIsAPartOfWhatMayBeLocked) {
  EXPECT_EQ(default_staging(8 * kMi), 1 * kMi);
  EXPECT_EQ(default_staging(UINT64_MAX), 4 * kMi);
  EXPECT_EQ(default_staging(64 << 10), Memory::kLeastStaging);
}

TEST_F(MemoryTest, LessWillDoWhenNothingWasAskedFor) {
  model::Device& small = device(200 << 10);
  const plugin::Made<std::unique_ptr<Memory>> memory = Memory::make(small, {});
  ASSERT_TRUE(memory);
  EXPECT_LE(machine_.record.counts.registered, 200U << 10);
  EXPECT_GE((*memory)->max_transfer(), 32U << 10);
}

TEST_F(MemoryTest, WhatWasAskedForIsHadOrRefused) {
  const plugin::Made<std::unique_ptr<Memory>> memory = Memory::make(device(kMi), {.staging = 2 * kMi});
  ASSERT_FALSE(memory);
  EXPECT_THAT(memory.error().text, testing::HasSubstr("cannot register 2048 KiB for staged data"));
  EXPECT_EQ(machine_.record.left(), "");
}

TEST_F(MemoryTest, AnOddSizeIsCutToWholeRuns) {
  const plugin::Made<std::unique_ptr<Memory>> memory = Memory::make(device(), {.staging = 3 * kMi + 5000});
  ASSERT_TRUE(memory);
  EXPECT_EQ(machine_.record.counts.registered, 3 * kMi);
  EXPECT_EQ((*memory)->max_transfer(), kMi);
}

TEST_F(MemoryTest, WantOfLockedMemoryIsExplainedWithSizes) {
  const plugin::Failure said{.code = ENOMEM, .text = "Cannot allocate memory"};
  EXPECT_EQ(
      explain_registration(said, 3 * kMi, "received capsules", 8 * kMi).text,
      "cannot register 3072 KiB for received capsules: this process may lock 8192 KiB of memory in all; raise that "
      "(ulimit -l, LimitMEMLOCK=) or use fewer or shorter queues");
  EXPECT_EQ(explain_registration(said, 3 * kMi, "received capsules", UINT64_MAX).text,
            "cannot register 3072 KiB for received capsules: Cannot allocate memory");
  const plugin::Failure other{.code = EFAULT, .text = "Bad address"};
  EXPECT_EQ(explain_registration(other, 4096, "the caller's memory", 8 * kMi).text,
            "cannot register 4 KiB for the caller's memory: Bad address");
}

TEST_F(MemoryTest, NoKeyOfARegionIsGoodRemotelyWhereThereAreWindows) {
  const int with = registered_access(device(), kBoth, true);
  EXPECT_EQ(with, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
  const int without = registered_access(device(UINT64_MAX, false), kBoth, true);
  EXPECT_EQ(without, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
  EXPECT_EQ(registered_access(device(), kBoth, false), without);
  EXPECT_EQ(registered_access(device(), WEFT_ACCESS_REMOTE_READ, false), IBV_ACCESS_REMOTE_READ);
}

TEST_F(MemoryTest, ARegionServesEveryDeviceAndNothingBeyondItself) {
  model::Device &first = device(), &second = device(), &stranger = device();
  std::array<verbs::Device*, 2> known = {&first, &second};
  std::vector<std::byte> bytes(8192);
  Region* region = *Region::make(known, bytes.data(), bytes.size(), kBoth, true);
  EXPECT_NE(region->on(first, bytes.data(), 8192, IBV_ACCESS_LOCAL_WRITE), nullptr);
  EXPECT_NE(region->on(second, bytes.data() + 4096, 4096, 0), region->on(first, bytes.data() + 4096, 4096, 0));
  EXPECT_EQ(region->on(stranger, bytes.data(), 1, 0), nullptr);
  EXPECT_EQ(region->on(first, bytes.data() + 1, 8192, 0), nullptr);
  EXPECT_EQ(region->on(first, bytes.data() - 1, 1, 0), nullptr);
  EXPECT_EQ(region->on(first, bytes.data(), UINT64_MAX, 0), nullptr);
  region->release();
  EXPECT_EQ(machine_.record.left(), "");
}

TEST_F(MemoryTest, ARegionToBeReadIsNotWritten) {
  model::Device& one = device();
  std::array<verbs::Device*, 1> known = {&one};
  std::vector<std::byte> bytes(4096);
  Region* region = *Region::make(known, bytes.data(), bytes.size(), WEFT_ACCESS_REMOTE_READ, false);
  EXPECT_NE(region->on(one, bytes.data(), 4096, 0), nullptr);
  EXPECT_EQ(region->on(one, bytes.data(), 4096, IBV_ACCESS_LOCAL_WRITE), nullptr);
  region->release();
}

TEST_F(MemoryTest, ARegionThatOneDeviceRefusesIsRefused) {
  model::Device &first = device(), &second = device(1024);
  std::array<verbs::Device*, 2> known = {&first, &second};
  std::vector<std::byte> bytes(8192);
  EXPECT_FALSE(Region::make(known, bytes.data(), bytes.size(), kBoth, true));
  EXPECT_FALSE(Region::make(known, nullptr, 1, kBoth, true));
  EXPECT_FALSE(Region::make(known, bytes.data(), 0, kBoth, true));
  EXPECT_EQ(Region::make(known, bytes.data(), 1, 1U << 9, true).error().text, "unknown access 0x200 to a region");
  EXPECT_EQ(machine_.record.left(), "");
}

}  // namespace
}  // namespace weft::rdma

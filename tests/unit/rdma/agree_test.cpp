// What a controller and a host agree on, from what each asks for and what the device can do.
#include "plugins/rdma/agree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::rdma {
namespace {

using testing::HasSubstr;

verbs::DeviceAttributes device() {
  verbs::DeviceAttributes attributes;
  attributes.name = "rxe0";
  attributes.max_work_requests = 1U << 14;
  attributes.max_completions = 1U << 15;
  attributes.max_message = 1U << 30;
  attributes.max_reads_in = attributes.max_reads_out = 16;
  return attributes;
}

constexpr Request kRequest{.qid = 3, .host_receives = 128, .host_sends = 128, .cntlid = 1};

weft_qpair_params params(std::uint32_t depth) {
  weft_qpair_params params{};
  params.size = sizeof params;
  params.depth = depth;
  params.qid = 3;
  params.cntlid = 5;
  return params;
}

TEST(AgreeWithHost, TakesWhatTheHostAsksForWhereThatFits) {
  const auto agreed = agree_with_host(kRequest, 8, device(), {});
  ASSERT_TRUE(agreed);
  EXPECT_EQ(agreed->depth, 128U);
  EXPECT_EQ(agreed->receives, 128U);
  EXPECT_EQ(agreed->reads_out, 8U);
  EXPECT_EQ(agreed->in_capsule, 4096U);
  EXPECT_EQ(agree_with_host({.qid = 0, .host_receives = 32, .host_sends = 32}, 8, device(), {})->most_depth, 128U)
      << "what an I/O queue may have, whatever the admin queue has";
  EXPECT_EQ(agreed->qid, 3);
}

TEST(AgreeWithHost, TheDepthIsTheLeastOfWhatBothCan) {
  const auto depth = [](Request request, const verbs::DeviceAttributes& attributes, std::uint32_t option) {
    const auto agreed = agree_with_host(request, 8, attributes, {.depth = option});
    return agreed ? agreed->depth : 0;
  };
  EXPECT_EQ(depth(kRequest, device(), 64), 64U);
  EXPECT_EQ(depth({.qid = 1, .host_receives = 20, .host_sends = 128}, device(), 4096), 20U);
  EXPECT_EQ(depth({.qid = 1, .host_receives = 128, .host_sends = 20}, device(), 4096), 20U);
  verbs::DeviceAttributes small = device();
  small.max_work_requests = 31;
  EXPECT_EQ(depth(kRequest, small, 4096), 10U);
}

TEST(AgreeWithHost, NoMoreReadsThanTheHostTheDeviceAndTheOptionAllow) {
  EXPECT_EQ(agree_with_host(kRequest, 200, device(), {})->reads_out, 16U);
  EXPECT_EQ(agree_with_host(kRequest, 200, device(), {.reads = 2})->reads_out, 2U);
  EXPECT_EQ(agree_with_host(kRequest, 1, device(), {})->reads_out, 1U);
}

TEST(AgreeWithHost, AHostThatAnswersNoReadsIsRejected) {
  EXPECT_EQ(agree_with_host(kRequest, 0, device(), {}).error(), RejectStatus::kInvalidReadsIn);
}

TEST(AgreeWithHost, AQueueThatHoldsNoCommandIsRejected) {
  EXPECT_EQ(agree_with_host({.qid = 1, .host_receives = 1, .host_sends = 8}, 8, device(), {}).error(),
            RejectStatus::kInvalidHostReceiveSize);
  verbs::DeviceAttributes tiny = device();
  tiny.max_work_requests = 4;
  EXPECT_EQ(agree_with_host(kRequest, 8, tiny, {}).error(), RejectStatus::kNoResources);
}

TEST(AgreeWithHost, ACapsuleIsOneMessage) {
  verbs::DeviceAttributes short_messages = device();
  short_messages.max_message = 1024;
  EXPECT_EQ(agree_with_host(kRequest, 8, short_messages, {})->in_capsule, 1024U - 64);
}

TEST(AgreeToAsk, SaysToTheControllerWhatTheCoreAskedFor) {
  const auto agreed = agree_to_ask(params(64), device());
  ASSERT_TRUE(agreed);
  const Request request = request_for(params(64), *agreed);
  EXPECT_EQ(request, (Request{.qid = 3, .host_receives = 64, .host_sends = 64, .cntlid = 5}));
}

TEST(AgreeToAsk, AnAdminQueueNamesNoController) {
  weft_qpair_params admin = params(32);
  admin.qid = 0;
  EXPECT_EQ(request_for(admin, *agree_to_ask(admin, device())).cntlid, 0);
}

TEST(AgreeToAsk, AQueueLargerThanTheDeviceHasRoomForIsAnError) {
  const auto agreed = agree_to_ask(params(60000), device());
  ASSERT_FALSE(agreed);
  EXPECT_THAT(agreed.error().text, HasSubstr("rxe0 has room for queues of"));
  EXPECT_THAT(agreed.error().text, HasSubstr("not of 60000"));
}

TEST(AgreeToAsk, OffersTheReadsThatTheDeviceAnswers) {
  EXPECT_EQ(reads_to_answer(device(), {}), 16);
  EXPECT_EQ(reads_to_answer(device(), {.reads = 4}), 4);
  verbs::DeviceAttributes many = device();
  many.max_reads_in = 1000;
  EXPECT_EQ(reads_to_answer(many, {}), 254);
}

// ---- shared receives -----------------------------------------------------------------------------------------------

constexpr std::uint64_t kMi = 1U << 20;
constexpr std::uint32_t kSlot = 64 + 4096;

verbs::DeviceAttributes sharing_device() {
  verbs::DeviceAttributes attributes = device();
  attributes.max_shared_receives = 1U << 15;
  return attributes;
}

TEST(SharedSlots, AreWhatAnEighthOfTheLockableMemoryHoldsUpTo4MiB) {
  EXPECT_EQ(shared_slots(kSlot, sharing_device(), 8 * kMi), kMi / kSlot);
  EXPECT_EQ(shared_slots(kSlot, sharing_device(), UINT64_MAX), 4 * kMi / kSlot);
  EXPECT_EQ(shared_slots(64, sharing_device(), UINT64_MAX), kMostSharedSlots);
  EXPECT_EQ(shared_slots(kSlot, sharing_device(), 1), kLeastSharedSlots);
}

TEST(SharedSlots, AreNoMoreThanTheDeviceHas) {
  verbs::DeviceAttributes small = sharing_device();
  small.max_shared_receives = 10;
  EXPECT_EQ(shared_slots(kSlot, small, UINT64_MAX), 10U);
  small.max_completions = 12;
  EXPECT_EQ(shared_slots(kSlot, small, UINT64_MAX), 6U) << "one completion queue takes all of them, and others";
  EXPECT_EQ(shared_slots(kSlot, device(), UINT64_MAX), 0U);
}

TEST(SharesReceives, AutoDoesBeyondAnEighthOfTheLockableMemoryOrAGibibyte) {
  const auto shares = [](std::uint64_t own, std::uint64_t more, std::uint64_t lockable) {
    return shares_receives(ShareReceives::kAuto, sharing_device(), own, more, lockable);
  };
  EXPECT_FALSE(shares(kMi / 2, kMi / 2, 8 * kMi));
  EXPECT_TRUE(shares(kMi / 2, kMi / 2 + 1, 8 * kMi));
  EXPECT_FALSE(shares(1000 * kMi, kMi, UINT64_MAX));
  EXPECT_FALSE(shares(1023 * kMi, kMi, UINT64_MAX));
  EXPECT_TRUE(shares(1023 * kMi, kMi + 1, UINT64_MAX)) << "however much may be locked";
  EXPECT_FALSE(shares_receives(ShareReceives::kAuto, device(), kMi, kMi, kMi)) << "the device cannot";
}

TEST(SharesReceives, AutoLeavesOutSoftRoce) {
  verbs::DeviceAttributes soft = sharing_device();
  soft.vendor_id = verbs::kVendorSoftRoce;
  EXPECT_FALSE(shares_receives(ShareReceives::kAuto, soft, kMi, kMi, kMi));
  EXPECT_TRUE(shares_receives(ShareReceives::kOn, soft, kMi, kMi, kMi));
}

TEST(SharesReceives, OnAndOffAreTakenAtTheirWord) {
  EXPECT_TRUE(shares_receives(ShareReceives::kOn, device(), 0, 1, UINT64_MAX));
  EXPECT_FALSE(shares_receives(ShareReceives::kOff, sharing_device(), kMi, kMi, kMi));
}

}  // namespace
}  // namespace weft::rdma

// How queue pairs end: flushing, peers that are gone, devices that go, calls that fail.
#include "joined.hpp"
#include "support/rdma_model/queue_pair.hpp"

namespace weft::rdma::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Ending, EveryRequestOfAFailedQueuePairIsFlushedAndSoIsWhatComesLater) {
  Joined joined;
  joined.connect();
  joined.fabric.cut = true;
  for (int i = 0; i < 5; ++i) joined.h.send(make_sqe(0, 1));
  EXPECT_EQ(joined.h.pair().fail(), 0);
  EXPECT_EQ(joined.h.send(make_sqe(0, 1)), 0);
  joined.settle();
  EXPECT_EQ(joined.h.done.size(), 6u);
  for (const ibv_wc& completion : joined.h.done) EXPECT_EQ(completion.status, IBV_WC_WR_FLUSH_ERR);
  EXPECT_EQ(joined.h.failed, 6 + 64u);
  EXPECT_EQ(joined.host.record.counts.flushed, 70u);
  joined.h.leave();
  EXPECT_EQ(joined.host.record.counts.lost, 0u);
}

TEST(Ending, RequestsThatNeverCompletedAreLost) {
  Joined joined;
  joined.connect();
  joined.h.leave();
  EXPECT_EQ(joined.host.record.counts.lost, 64u);
  EXPECT_EQ(joined.host.record.left(), "");
}

TEST(Ending, RetriesToAPeerThatIsGoneAreExhaustedWithTime) {
  Joined joined;
  joined.connect();
  joined.controller.die();
  joined.h.send(make_sqe(0, 1));
  joined.settle();
  EXPECT_TRUE(joined.h.done.empty());
  EXPECT_TRUE(joined.fabric.pass_time());
  joined.settle();
  ASSERT_FALSE(joined.h.done.empty());
  EXPECT_EQ(joined.h.done.front().status, IBV_WC_RETRY_EXC_ERR);
}

TEST(Ending, ADeviceThatGoesTellsItsIdsAndFlushes) {
  Joined joined;
  joined.connect();
  joined.host.devices().front()->remove(Device::Removal::kFlushes);
  joined.settle();
  EXPECT_EQ(joined.h.events.back(), RDMA_CM_EVENT_DEVICE_REMOVAL);
  EXPECT_EQ(joined.h.failed, 64u);
}

TEST(Ending, ADeviceIsLetGoWhenNothingOnItIsLeft) {
  TwoMachines two;
  auto library = two.host.make_library();
  verbs::Device& device = *library->devices().at(0);
  Bytes bytes(1);
  auto region = *device.register_memory(bytes.data(), 1, 0);
  library->forget(device);
  EXPECT_THAT(two.host.record.faults(), ElementsAre(HasSubstr("is left")));
  EXPECT_TRUE(library->devices().empty());
}

TEST(Ending, ASilentDeviceCompletesNothing) {
  Joined joined;
  joined.connect();
  joined.h.send(make_sqe(0, 1));
  joined.host.devices().front()->remove(Device::Removal::kSilent);
  joined.settle();
  EXPECT_EQ(joined.h.failed, 0u);
  EXPECT_TRUE(joined.h.done.empty());
  EXPECT_EQ(joined.h.pair().fail(), -EIO);
}

TEST(Ending, CallsFailWhenTheScriptSaysSo) {
  Joined joined;
  joined.connect();
  joined.host.script.fail(Call::kPostSend, 2, ENOMEM);
  EXPECT_EQ(joined.h.send(make_sqe(0, 1)), 0);
  EXPECT_EQ(joined.h.send(make_sqe(0, 2)), -ENOMEM);
  EXPECT_EQ(joined.h.send(make_sqe(0, 3)), 0);
  joined.host.script.fail(Call::kRegister);
  Bytes bytes(1);
  const auto region = joined.host.devices().front()->register_memory(bytes.data(), 1, 0);
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().text, "register_memory: Input/output error");
}

TEST(Ending, CompletionsOfAQueuePairThatIsGoneStayOrGoAsTheDeviceHasIt) {
  for (const bool keeps : {true, false}) {
    Traits traits;
    traits.keeps_completions = keeps;
    TwoMachines two(traits);
    Device& device = *two.host.devices().front();
    auto channel = *device.make_completion_channel();
    auto queue = *device.make_completion_queue(16, *channel, 0);
    auto& completions = dynamic_cast<CompletionQueue&>(*queue);
    auto pair = std::make_unique<QueuePair>(device, completions, nullptr, verbs::QueuePairSizes{.sends = 4});
    pair->to_error();
    ibv_send_wr request{}, *failed = nullptr;
    ASSERT_EQ(pair->post_sends(request, failed), 0);
    two.fabric.settle();
    pair.reset();
    std::array<ibv_wc, 4> got{};
    EXPECT_EQ(queue->poll(got), keeps ? 1 : 0);
  }
}

}  // namespace
}  // namespace weft::rdma::model

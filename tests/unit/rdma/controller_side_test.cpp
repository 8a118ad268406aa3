// A controller against a host that the test plays: tokens, responses, and what a host may not do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "disk.hpp"
#include "peer_by_hand.hpp"

namespace weft::rdma {
namespace {

using nvme::KeyedSglDescriptor;
using testing::ElementsAre;

class ControllerSideTest : public testing::Test {
 protected:
  struct Held {
    std::uint64_t token = 0, data_len = 0;
    std::uint32_t flags = 0;
    std::uint16_t cid = 0, status = 0, error_offset = 0;
    const void* data = nullptr;
  };
  void start(const BenchOptions& options = {}) {
    bench_ = std::make_unique<SideBench>(options, SideBench::Sides::kController);
    peer_ = std::make_unique<PeerByHand>(bench_->host);
    controller().on_command = [this](const weft_command& command) {
      held_.push_back({command.token, command.data_len, command.flags, load<nvme::Sqe>(command.sqe).cid, command.status,
                       command.error_offset, command.capsule_data});
    };
  }
  ~ControllerSideTest() override { peer_.reset(); }

  void settle() {
    do {
      bench_->settle();
      peer_->poll();
    } while (bench_->fabric.step());
  }
  // A command whose data is `length` bytes of the peer's memory at `offset`.
  nvme::Sqe keyed(std::uint16_t cid, std::uint8_t opcode, std::uint32_t length, std::uint64_t offset = 0,
                  std::uint8_t identifier = nvme::sgl::kKeyed) {
    nvme::Sqe sqe = make_sqe(cid, opcode);
    sqe.flags = nvme::flags::kPsdtSgl;
    KeyedSglDescriptor descriptor{.address = peer_->address() + offset, .key = peer_->key(), .identifier = identifier};
    descriptor.set_length(length);
    sqe.sgl = descriptor.descriptor();
    return sqe;
  }
  nvme::Sqe plain(std::uint16_t cid) { return keyed(cid, nvme::io::kFlush, 0); }
  // The peer's window over its memory, bound.
  std::unique_ptr<verbs::Window> bind_window() {
    std::unique_ptr<verbs::Window> window = std::move(*bench_->host.device().make_window());
    peer_->bind(*window);
    settle();
    return window;
  }
  int respond(const Held& held, std::uint16_t status = 0) {
    const nvme::Cqe cqe = make_cqe(held.cid, status);
    return side().send_response(held.token, &cqe, 0);
  }
  std::vector<std::uint16_t> answered() {
    std::vector<std::uint16_t> cids;
    for (const PeerByHand::Message& message : peer_->messages)
      cids.push_back(load<nvme::Cqe>(message.bytes.data()).cid);
    return cids;
  }
  End& controller() { return bench_->controller; }
  ControllerSide& side() { return bench_->controller_side(); }
  void expect_violation(const std::string& words) {
    ASSERT_TRUE(controller().ended);
    EXPECT_EQ(controller().ended->origin, WEFT_ORIGIN_PROTOCOL);
    EXPECT_THAT(controller().ended->text, testing::HasSubstr(words));
  }

  std::unique_ptr<SideBench> bench_;
  std::unique_ptr<PeerByHand> peer_;
  std::vector<Held> held_;
};

TEST_F(ControllerSideTest, InCapsuleDataIsThereWithTheCommand) {
  start();
  std::vector<std::byte> capsule(64 + 4096);
  nvme::Sqe sqe = make_sqe(7, nvme::io::kWrite);
  sqe.flags = nvme::flags::kPsdtSgl;
  sqe.sgl = nvme::SglDescriptor::in_capsule(4096);
  store(capsule.data(), sqe);
  const std::vector<std::byte> data = pattern(4096, 5);
  std::copy(data.begin(), data.end(), capsule.begin() + 64);
  peer_->send(capsule);
  settle();
  ASSERT_EQ(held_.size(), 1U);
  EXPECT_EQ(held_[0].flags, WEFT_DATA_IN_CAPSULE | WEFT_DATA_COMPLETE);
  EXPECT_EQ(held_[0].data_len, 4096U);
  EXPECT_EQ(std::memcmp(held_[0].data, data.data(), 4096), 0);

  // It can be asked for like any other, in parts.
  std::vector<std::byte> copy(4096);
  const weft_iov first{copy.data(), 1000, nullptr}, second{copy.data() + 1000, 3096, nullptr};
  EXPECT_EQ(side().receive_data(held_[0].token, 0, {&first, 1}, 11, 0), 0);
  EXPECT_EQ(side().receive_data(held_[0].token, 1000, {&second, 1}, 12, 0), 0);
  EXPECT_EQ(side().release_command(held_[0].token), -EBUSY);
  settle();
  EXPECT_TRUE(copy == data);
  ASSERT_EQ(controller().data.size(), 2U);
  EXPECT_EQ(controller().data[1].moved, 3096U);
  EXPECT_EQ(respond(held_[0]), 0);
  EXPECT_EQ(side().release_command(held_[0].token), 0);
  settle();
  EXPECT_THAT(answered(), ElementsAre(7));
}

TEST_F(ControllerSideTest, ABadSglIsTheCommandsStatusOnly) {
  start();
  nvme::Sqe sqe = plain(1);
  sqe.sgl.identifier = 0x20;
  peer_->send(sqe);
  settle();
  ASSERT_EQ(held_.size(), 1U);
  EXPECT_EQ(held_[0].status, kStatusSglTypeInvalid);
  EXPECT_EQ(held_[0].error_offset, 39);
  std::vector<std::byte> some(512);
  const weft_iov iov{some.data(), some.size(), nullptr};
  EXPECT_EQ(side().receive_data(held_[0].token, 0, {&iov, 1}, 1, 0), -EINVAL);
  EXPECT_EQ(respond(held_[0], held_[0].status), 0);
  settle();
  EXPECT_THAT(answered(), ElementsAre(1));
  EXPECT_FALSE(controller().ended);
}

TEST_F(ControllerSideTest, DataBeyondTheDescriptorIsNeverAskedFor) {
  start();
  peer_->send(keyed(1, nvme::io::kWrite, 4096));
  settle();
  std::vector<std::byte> some(8192);
  const weft_iov more{some.data(), 4097, nullptr}, one{some.data(), 1, nullptr};
  EXPECT_EQ(side().receive_data(held_[0].token, 0, {&more, 1}, 1, 0), -EINVAL);
  EXPECT_EQ(side().receive_data(held_[0].token, 4096, {&one, 1}, 1, 0), -EINVAL);
  EXPECT_EQ(side().receive_data(held_[0].token, UINT64_MAX, {&one, 1}, 1, 0), -EINVAL);
  EXPECT_EQ(side().send_data(held_[0].token, UINT64_MAX, {&one, 1}, nullptr, 1, 0), -EINVAL);
  settle();
  EXPECT_EQ(controller().machine.record.counts.reads, 0U);
}

TEST_F(ControllerSideTest, DataInAListOfDescriptorsComesInTheirOrder) {
  start();
  std::vector<std::byte> capsule(64 + 32);
  nvme::Sqe sqe = make_sqe(1, nvme::io::kWrite);
  sqe.flags = nvme::flags::kPsdtSgl;
  sqe.sgl = {.address = std::uint64_t{0}, .length = std::uint32_t{32}, .identifier = nvme::sgl::kLastSegmentOffset};
  store(capsule.data(), sqe);
  KeyedSglDescriptor first{.address = peer_->address() + 5000, .key = peer_->key(), .identifier = nvme::sgl::kKeyed};
  first.set_length(1000);
  KeyedSglDescriptor second{.address = peer_->address(), .key = peer_->key(), .identifier = nvme::sgl::kKeyed};
  second.set_length(3096);
  store(capsule.data() + 64, first);
  store(capsule.data() + 80, second);
  std::ranges::copy(pattern(PeerByHand::kMemory, 6), peer_->memory.begin());
  peer_->send(capsule);
  settle();
  ASSERT_EQ(held_.size(), 1U);
  EXPECT_EQ(held_[0].data_len, 4096U);
  std::vector<std::byte> copy(4096);
  const weft_iov iov{copy.data(), copy.size(), nullptr};
  ASSERT_EQ(side().receive_data(held_[0].token, 0, {&iov, 1}, 1, 0), 0);
  settle();
  EXPECT_EQ(std::memcmp(copy.data(), peer_->memory.data() + 5000, 1000), 0);
  EXPECT_EQ(std::memcmp(copy.data() + 1000, peer_->memory.data(), 3096), 0);
}

TEST_F(ControllerSideTest, InvalidatesTheKeyOnlyWhereTheHostAskedAndTheDeviceCan) {
  for (const bool can : {true, false}) {
    start({.invalidate = can});
    const std::unique_ptr<verbs::Window> window = bind_window();
    peer_->send(keyed(1, nvme::io::kRead, 512, 0, nvme::sgl::kKeyed));
    nvme::Sqe asks = keyed(2, nvme::io::kRead, 512, 0, nvme::sgl::kKeyedInvalidate);
    auto descriptor = KeyedSglDescriptor::from(asks.sgl);
    descriptor.key = window->handle()->rkey;
    asks.sgl = descriptor.descriptor();
    peer_->send(asks);
    settle();
    ASSERT_EQ(held_.size(), 2U);
    EXPECT_EQ(respond(held_[0]), 0);
    EXPECT_EQ(respond(held_[1]), 0);
    settle();
    ASSERT_THAT(answered(), ElementsAre(1, 2));
    EXPECT_FALSE(peer_->messages[0].invalidated);
    EXPECT_EQ(peer_->messages[1].invalidated.has_value(), can);
    held_.clear();
    controller().break_off();
    peer_.reset();
  }
}

TEST_F(ControllerSideTest, ADeviceThatCannotInvalidateAfterAllIsNotAskedAgain) {
  BenchOptions options;
  options.traits.invalidate_fails = true;
  start(options);
  peer_->send(keyed(1, nvme::io::kRead, 512, 0, nvme::sgl::kKeyedInvalidate));
  settle();
  ASSERT_TRUE(controller().memory().may_invalidate());
  EXPECT_EQ(respond(held_[0]), 0);
  settle();
  EXPECT_TRUE(controller().ended);
  EXPECT_FALSE(controller().memory().may_invalidate());
}

TEST_F(ControllerSideTest, ACapsuleThatFindsNoTokenWaitsForOne) {
  start({.depth = 2, .receives = 2});
  peer_->send(plain(0));
  peer_->send(plain(1));
  settle();
  ASSERT_EQ(held_.size(), 2U);
  EXPECT_EQ(respond(held_[0]), 0);
  EXPECT_EQ(respond(held_[1]), 0);
  settle();
  peer_->send(plain(2));
  peer_->send(plain(3));
  settle();
  ASSERT_EQ(held_.size(), 2U);  // the host has its responses, the core has released nothing
  EXPECT_EQ(side().release_command(held_[1].token), 0);
  settle();
  ASSERT_EQ(held_.size(), 3U);
  EXPECT_EQ(held_[2].cid, 2);
  EXPECT_EQ(held_[2].token, held_[1].token);
  EXPECT_EQ(side().release_command(held_[0].token), 0);
  settle();
  ASSERT_EQ(held_.size(), 4U);
  EXPECT_EQ(held_[3].cid, 3);
}

TEST_F(ControllerSideTest, NoCommandIsToldOnceTheCoreHasClosed) {
  start({.depth = 1, .receives = 1});
  peer_->send(plain(0));
  settle();
  ASSERT_EQ(held_.size(), 1U);
  EXPECT_EQ(respond(held_[0]), 0);
  settle();
  peer_->send(plain(1));
  settle();
  EXPECT_EQ(side().release_command(held_[0].token), 0);  // there is a token for the one that waits
  controller().closed = true;
  settle();
  EXPECT_EQ(held_.size(), 1U);
}

TEST_F(ControllerSideTest, UnderFlowControlResponsesLeaveInTheOrderInWhichTheyWereGiven) {
  for (const bool flow_control : {true, false}) {
    start({.reads_out = 1, .flow_control = flow_control, .memory = {.staging = Memory::kLeastStaging}});
    held_.clear();
    peer_->send(keyed(0, nvme::io::kRead, 65536));
    peer_->send(keyed(1, nvme::io::kRead, 65536));
    peer_->send(plain(2));
    settle();
    ASSERT_EQ(held_.size(), 3U);
    std::vector<std::byte> data(65536);
    const weft_iov iov{data.data(), data.size(), nullptr};
    for (std::uint16_t cid = 0; cid < 2; ++cid) {
      const nvme::Cqe cqe = make_cqe(cid);
      ASSERT_EQ(side().send_data(held_[cid].token, 0, {&iov, 1}, &cqe, cid, 0), 0);
    }
    EXPECT_EQ(respond(held_[2]), 0);
    settle();
    if (flow_control) {
      EXPECT_THAT(answered(), ElementsAre(0, 1, 2));
    } else {
      EXPECT_THAT(answered(), ElementsAre(2, 0, 1));  // needs no staged memory
    }
    ASSERT_EQ(controller().data.size(), 2U);
    EXPECT_EQ(controller().data[0].flags, WEFT_RESPONSE_SENT);
    EXPECT_EQ(controller().data[0].moved, 65536U);
    bench_->expect_no_faults();
    controller().break_off();
    peer_.reset();
  }
}

TEST_F(ControllerSideTest, NoMoreReadsAreUnderWayThanTheHostAnswers) {
  BenchOptions options{.reads_out = 3};
  options.traits.attributes.max_message = 4096;
  start(options);
  std::vector<std::byte> data(std::size_t{4} * 65536);
  for (std::uint16_t cid = 0; cid < 4; ++cid) peer_->send(keyed(cid, nvme::io::kWrite, 65536));
  settle();
  for (std::uint16_t cid = 0; cid < 4; ++cid) {
    const weft_iov iov{data.data() + std::size_t{cid} * 65536, 65536, nullptr};
    ASSERT_EQ(side().receive_data(held_[cid].token, 0, {&iov, 1}, cid, 0), 0);
  }
  settle();
  ASSERT_EQ(controller().data.size(), 4U);
  EXPECT_EQ(controller().machine.record.counts.reads, 64U);
  EXPECT_EQ(controller().machine.record.counts.most_reads, 3U);
  bench_->expect_no_faults();
}

TEST_F(ControllerSideTest, DataThatWaitsForStagedMemoryIsCancelledAtOnce) {
  start({.memory = {.staging = Memory::kLeastStaging}});
  const std::uint64_t run = controller().memory().max_transfer();
  std::vector<std::byte> data(3 * run);
  for (std::uint16_t cid = 0; cid < 3; ++cid)
    peer_->send(keyed(cid, nvme::io::kWrite, static_cast<std::uint32_t>(run)));
  settle();
  for (std::uint16_t cid = 0; cid < 3; ++cid) {
    const weft_iov iov{data.data() + cid * run, run, nullptr};
    ASSERT_EQ(side().receive_data(held_[cid].token, 0, {&iov, 1}, cid, 0), 0);
  }
  side().cancel_data(held_[2].token);  // waits
  side().cancel_data(held_[0].token);  // has its run, is not posted
  settle();
  ASSERT_EQ(controller().data.size(), 3U);
  for (const End::Data& end : controller().data) {
    EXPECT_EQ(end.error, end.cookie == 1 ? 0 : -ECANCELED);
    EXPECT_EQ(end.moved, end.cookie == 1 ? run : 0);
  }
  EXPECT_EQ(respond(held_[0], 0x4007), 0);
  settle();
  EXPECT_THAT(answered(), ElementsAre(0));
  EXPECT_TRUE(controller().memory().staging().all_free());
}

TEST_F(ControllerSideTest, DataUnderWayIsWaitedForBeforeTheResponseGoes) {
  start();
  peer_->send(keyed(1, nvme::io::kWrite, 65536));
  settle();
  std::vector<std::byte> data(65536);
  Region& region = controller().own(data.data(), data.size());
  const weft_iov iov{data.data(), data.size(), reinterpret_cast<weft_region*>(&region)};
  ASSERT_EQ(side().receive_data(held_[0].token, 0, {&iov, 1}, 1, 0), 0);
  controller().flush();  // the READ is posted
  side().cancel_data(held_[0].token);
  EXPECT_EQ(respond(held_[0], 0x4007), 0);
  controller().flush();
  EXPECT_EQ(side().release_command(held_[0].token), -EBUSY);
  settle();
  ASSERT_EQ(controller().data.size(), 1U);
  EXPECT_EQ(controller().data[0].moved, 65536U);
  EXPECT_THAT(answered(), ElementsAre(1));
  EXPECT_EQ(side().release_command(held_[0].token), 0);
  bench_->expect_no_faults();
}

TEST_F(ControllerSideTest, ACancelledResponseCanBeGivenAgain) {
  start({.flow_control = true, .memory = {.staging = Memory::kLeastStaging}});
  const std::uint64_t run = controller().memory().max_transfer();
  std::vector<std::byte> data(run);
  const weft_iov iov{data.data(), run, nullptr};
  for (std::uint16_t cid = 0; cid < 3; ++cid) peer_->send(keyed(cid, nvme::io::kRead, static_cast<std::uint32_t>(run)));
  settle();
  for (std::uint16_t cid = 0; cid < 3; ++cid) {
    const nvme::Cqe cqe = make_cqe(cid);
    ASSERT_EQ(side().send_data(held_[cid].token, 0, {&iov, 1}, &cqe, cid, 0), 0);
  }
  side().cancel_data(held_[2].token);
  EXPECT_EQ(respond(held_[2], 0x4007), 0);
  settle();
  EXPECT_THAT(answered(), ElementsAre(0, 1, 2));
  EXPECT_EQ(load<nvme::Cqe>(peer_->messages[2].bytes.data()).status().value(), 0x4007);
  ASSERT_EQ(controller().data.size(), 3U);
  for (const std::uint64_t token : {held_[0].token, held_[1].token, held_[2].token})
    EXPECT_EQ(side().release_command(token), 0);
  settle();
  EXPECT_TRUE(side().idle());
}

TEST_F(ControllerSideTest, AResponseGoesWhenTheDataThatItWaitedForIsCancelled) {
  start({.memory = {.staging = Memory::kLeastStaging}});
  const std::uint64_t run = controller().memory().max_transfer();
  std::vector<std::byte> data(run);
  const weft_iov iov{data.data(), run, nullptr};
  for (std::uint16_t cid = 0; cid < 3; ++cid) peer_->send(keyed(cid, nvme::io::kRead, static_cast<std::uint32_t>(run)));
  settle();
  for (std::uint16_t cid = 0; cid < 3; ++cid)
    ASSERT_EQ(side().send_data(held_[cid].token, 0, {&iov, 1}, nullptr, cid, 0), 0);
  EXPECT_EQ(respond(held_[2], 0x4007), 0);  // its data waits for staged memory
  side().cancel_data(held_[2].token);
  controller().flush();
  settle();
  EXPECT_THAT(answered(), ElementsAre(2));
  ASSERT_EQ(controller().data.size(), 3U);
  bench_->expect_no_faults();
}

TEST_F(ControllerSideTest, ConfigureTakesNoMoreThanTheConnectionWasMadeFor) {
  start({.depth = 8});
  weft_qpair_params params = controller().params();
  params.depth = 9;
  plugin::Made<void> done = side().configure(params);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text, "a queue of 9 entries on a connection for 8");
  params.depth = 8;
  params.in_capsule = 8192;
  done = side().configure(params);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text, "8192 bytes of in-capsule data on a connection for 4096");
}

// ---- hosts that break the protocol ---------------------------------------------------------------------------------

TEST_F(ControllerSideTest, ACapsuleOfFewerThan64BytesEndsTheQueuePair) {
  start();
  peer_->send(std::array<std::byte, 63>{});
  settle();
  expect_violation("63 bytes");
  EXPECT_TRUE(held_.empty());
}

TEST_F(ControllerSideTest, ACapsuleLargerThanAgreedEndsTheQueuePair) {
  start();
  peer_->send(std::vector<std::byte>(64 + 4096 + 1));
  settle();
  EXPECT_TRUE(controller().ended);
  EXPECT_TRUE(held_.empty());
}

TEST_F(ControllerSideTest, MoreCommandsThanTheQueueHoldsEndTheQueuePair) {
  start({.depth = 4, .receives = 4});
  weft_qpair_params params = controller().params();
  params.depth = 2;
  ASSERT_TRUE(side().configure(params));
  for (std::uint16_t cid = 0; cid < 3; ++cid) peer_->send(plain(cid));
  settle();
  expect_violation("queue of 2 entries");
}

TEST_F(ControllerSideTest, AKeyThatWasNeverGivenEndsItsQueuePairAndItsDataOnce) {
  start();
  nvme::Sqe sqe = keyed(1, nvme::io::kWrite, 8192);
  auto descriptor = KeyedSglDescriptor::from(sqe.sgl);
  descriptor.key = 0xdead;
  sqe.sgl = descriptor.descriptor();
  peer_->send(sqe);
  settle();
  std::vector<std::byte> data(8192);
  const weft_iov iov{data.data(), data.size(), nullptr};
  ASSERT_EQ(side().receive_data(held_[0].token, 0, {&iov, 1}, 77, 0), 0);
  settle();
  ASSERT_FALSE(controller().bad.empty());
  EXPECT_EQ(controller().bad[0].status, IBV_WC_REM_ACCESS_ERR);
  EXPECT_TRUE(controller().data.empty());
  controller().break_off();
  ASSERT_EQ(controller().data.size(), 1U);
  EXPECT_EQ(controller().data[0].cookie, 77U);
  EXPECT_EQ(controller().data[0].moved, 0U);
  EXPECT_EQ(side().release_command(held_[0].token), 0);
  EXPECT_EQ(controller().nothing_held_calls, 1U);
}

TEST_F(ControllerSideTest, ALengthBeyondTheHostsRegionEndsItsQueuePair) {
  start();
  peer_->send(keyed(1, nvme::io::kRead, 8192, PeerByHand::kMemory - 4096));
  settle();
  std::vector<std::byte> data(8192);
  const weft_iov iov{data.data(), data.size(), nullptr};
  const nvme::Cqe cqe = make_cqe(1);
  ASSERT_EQ(side().send_data(held_[0].token, 0, {&iov, 1}, &cqe, 1, 0), 0);
  settle();
  ASSERT_FALSE(controller().bad.empty());
  EXPECT_EQ(controller().bad[0].status, IBV_WC_REM_ACCESS_ERR);
  EXPECT_THAT(answered(), testing::IsEmpty());
}

}  // namespace
}  // namespace weft::rdma

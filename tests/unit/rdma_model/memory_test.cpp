// What a key names, and what is a fault.
#include "joined.hpp"

namespace weft::rdma::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Bytes some(std::size_t length, int value = 7) { return Bytes(length, static_cast<std::byte>(value)); }

// Host and controller, and one access of the controller to the host's memory.
struct MemoryTest : testing::Test {
  MemoryTest() { joined.connect(); }
  // The completion's status of the controller's last request.
  ibv_wc_status status() {
    joined.run_until([&] { return !joined.c.done.empty() && joined.c.done.back().wr_id == joined.c.last_request(); });
    return joined.c.done.back().status;
  }
  void expect_fault(const char* words) {
    EXPECT_EQ(status(), IBV_WC_REM_ACCESS_ERR);
    EXPECT_THAT(joined.controller.record.faults(), ElementsAre(HasSubstr(words)));
    EXPECT_THAT(joined.host.record.faults(), IsEmpty());
    joined.settle();
    EXPECT_EQ(joined.h.failed, 64u) << "the queue pair of the memory ends too, and its receives are flushed";
  }
  void bind(std::uint64_t offset, std::uint64_t length,
            unsigned access = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE) {
    joined.h.bind(offset, length, access);
    joined.run_until([&] { return !joined.h.done.empty(); });
    ASSERT_EQ(joined.h.done.back().status, IBV_WC_SUCCESS);
  }
  Joined joined;
  RawPeer &host = joined.h, &controller = joined.c;
};

TEST_F(MemoryTest, WriteAndReadMoveBytesWithinARegion) {
  controller.write(some(100), host.address() + 50, host.rkey());
  EXPECT_EQ(status(), IBV_WC_SUCCESS);
  EXPECT_EQ(host.data()[49], std::byte{0});
  EXPECT_EQ(host.data()[50], std::byte{7});
  EXPECT_EQ(host.data()[149], std::byte{7});
  EXPECT_EQ(host.data()[150], std::byte{0});
  controller.read(101, host.address() + 50, host.rkey());
  EXPECT_EQ(status(), IBV_WC_SUCCESS);
  EXPECT_EQ(controller.data()[99], std::byte{7});
  EXPECT_EQ(controller.data()[100], std::byte{0});
  EXPECT_THAT(joined.controller.record.faults(), IsEmpty());
}

TEST_F(MemoryTest, AKeyThatWasNeverGivenIsAFault) {
  controller.write(some(1), host.address(), 0x12345678);
  expect_fault("no such key was ever given");
}

TEST_F(MemoryTest, BytesBeyondTheRegionAreAFault) {
  controller.read(2, host.address() + RawPeer::kDataSize - 1, host.rkey());
  expect_fault("beyond the region");
}

TEST_F(MemoryTest, AnAddressThatWrapsIsAFault) {
  controller.write(some(16), UINT64_MAX - 7, host.rkey());
  expect_fault("beyond the region");
}

TEST_F(MemoryTest, AWindowNamesItsBytesOnly) {
  bind(4096, 512);
  controller.write(some(512), host.address() + 4096, host.window_key());
  EXPECT_EQ(status(), IBV_WC_SUCCESS);
  controller.write(some(513), host.address() + 4096, host.window_key());
  expect_fault("beyond the window");
}

TEST_F(MemoryTest, AWindowAllowsWhatItWasBoundFor) {
  bind(0, 512, IBV_ACCESS_REMOTE_READ);
  controller.read(512, host.address(), host.window_key());
  EXPECT_EQ(status(), IBV_WC_SUCCESS);
  controller.write(some(1), host.address(), host.window_key());
  expect_fault("the window does not allow it");
}

TEST_F(MemoryTest, AKeyIsGoneAfterLocalInvalidation) {
  bind(0, 512);
  host.invalidate(host.window_key());
  joined.run_until([&] { return host.done.size() == 2; });
  controller.write(some(1), host.address(), host.window_key());
  expect_fault("the key was invalidated");
}

TEST_F(MemoryTest, AKeyIsGoneAfterRemoteInvalidation) {
  bind(0, 512);
  controller.send(make_cqe(1), host.window_key());
  joined.run_until([&] { return !host.received.empty(); });
  EXPECT_EQ(host.received.front().invalidated, host.window_key());
  controller.write(some(1), host.address(), host.window_key());
  expect_fault("the key was invalidated");
}

TEST_F(MemoryTest, AnInvalidatedWindowIsBoundAnewWithANewKey) {
  bind(0, 512);
  const std::uint32_t before = host.window_key();
  host.invalidate(before);
  host.bind(0, 512);
  joined.run_until([&] { return host.done.size() == 3; });
  EXPECT_NE(host.window_key(), before);
  controller.write(some(1), host.address(), host.window_key());
  EXPECT_EQ(status(), IBV_WC_SUCCESS);
}

TEST_F(MemoryTest, AWindowThatIsBoundIsNotBoundAgain) {
  bind(0, 512);
  host.bind(512, 512);
  joined.run_until([&] { return host.done.size() == 2; });
  EXPECT_EQ(host.done.back().status, IBV_WC_MW_BIND_ERR);
  EXPECT_THAT(joined.host.record.faults(), ElementsAre(HasSubstr("bound already")));
}

TEST_F(MemoryTest, AWindowThatOutlivesItsQueuePairIsAFault) {
  bind(0, 100);
  host.drop_pair();
  EXPECT_THAT(joined.host.record.faults(), ElementsAre(HasSubstr("outlives the queue pair")));
}

TEST_F(MemoryTest, ABindBeyondItsRegionFailsTheQueuePair) {
  host.bind(RawPeer::kDataSize - 1, 2);
  joined.run_until([&] { return host.failed == 65; });
  EXPECT_EQ(host.done.back().status, IBV_WC_MW_BIND_ERR);
}

TEST_F(MemoryTest, TheKeyOfARegionIsNotAPeersToInvalidate) {
  controller.send(make_cqe(1), host.rkey());
  EXPECT_EQ(status(), IBV_WC_REM_ACCESS_ERR);
  joined.settle();
  EXPECT_EQ(host.failed, 64u);
  EXPECT_THAT(joined.controller.record.faults(), ElementsAre(HasSubstr("not the peer's to give")));
}

TEST_F(MemoryTest, ADeregisteredRegionIsOutOfReach) {
  Bytes bytes(64);
  auto region = *joined.host.devices().front()->register_memory(bytes.data(), bytes.size(),
                                                                IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
  const std::uint32_t key = region->rkey();
  region.reset();
  controller.write(some(1), reinterpret_cast<std::uintptr_t>(bytes.data()), key);
  expect_fault("the key was invalidated");
}

TEST(Registration, IsBoundedAndCounted) {
  Traits small;
  small.max_locked = 100;
  TwoMachines two(small);
  Device& device = *two.host.devices().front();
  Bytes bytes(200);
  auto first = device.register_memory(bytes.data(), 60, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(device.register_memory(bytes.data(), 60, 0).error().code, ENOMEM);
  EXPECT_EQ(two.host.record.alive(Kind::kRegion), 1u);
  EXPECT_EQ(two.host.record.left(), "1 regions");
  first->reset();
  EXPECT_TRUE(device.register_memory(bytes.data(), 60, 0));
  EXPECT_EQ(two.host.record.counts.most_registered, 60u);
}

}  // namespace
}  // namespace weft::rdma::model

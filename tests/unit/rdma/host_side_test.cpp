// A host against a controller that the test plays: what goes over the wire, and what a controller may not do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disk.hpp"
#include "peer_by_hand.hpp"

namespace weft::rdma {
namespace {

using nvme::KeyedSglDescriptor;

class HostSideTest : public testing::Test {
 protected:
  void start(const BenchOptions& options = {}) {
    bench_ = std::make_unique<SideBench>(options, SideBench::Sides::kHost);
    peer_ = std::make_unique<PeerByHand>(bench_->controller);
  }
  ~HostSideTest() override { peer_.reset(); }

  void settle() {
    do {
      bench_->settle();
      peer_->poll();
    } while (bench_->fabric.step());
  }
  int send(std::uint16_t cid, std::uint8_t opcode, const std::vector<weft_iov>& iov, std::uint32_t flags) {
    const nvme::Sqe sqe = make_sqe(cid, opcode);
    return bench_->host_side().send_command(&sqe, iov, flags);
  }
  int send(std::uint16_t cid) { return send(cid, nvme::io::kFlush, {}, 0); }
  // The SQE of the nth capsule that came.
  nvme::Sqe capsule(std::size_t n) { return load<nvme::Sqe>(peer_->messages.at(n).bytes.data()); }
  KeyedSglDescriptor keyed(std::size_t n) { return KeyedSglDescriptor::from(capsule(n).sgl); }
  End& host() { return bench_->host; }
  void expect_violation(const std::string& words) {
    ASSERT_TRUE(host().ended);
    EXPECT_EQ(host().ended->origin, WEFT_ORIGIN_PROTOCOL);
    EXPECT_EQ(host().ended->code, EPROTO);
    EXPECT_THAT(host().ended->text, testing::HasSubstr(words));
  }

  std::unique_ptr<SideBench> bench_;
  std::unique_ptr<PeerByHand> peer_;
};

TEST_F(HostSideTest, ACommandWithoutDataCarriesAnEmptyKeyedDescriptor) {
  start();
  ASSERT_EQ(send(3), 0);
  settle();
  ASSERT_EQ(peer_->messages.size(), 1U);
  EXPECT_EQ(peer_->messages[0].bytes.size(), 64U);
  EXPECT_EQ(capsule(0).flags, nvme::flags::kPsdtSgl);
  EXPECT_EQ(capsule(0).sgl.identifier, nvme::sgl::kKeyed);
  EXPECT_EQ(keyed(0).length(), 0U);
  EXPECT_EQ(keyed(0).key, 0U);
}

TEST_F(HostSideTest, SmallWritesGoInTheCapsule) {
  for (const bool registered : {true, false}) {
    start();
    Buffer data(host(), 4096, registered, 3);
    data.fill(1);
    ASSERT_EQ(send(1, nvme::io::kWrite, data.iov(), WEFT_DIR_OUT), 0);
    settle();
    ASSERT_EQ(peer_->messages.size(), 1U);
    ASSERT_EQ(peer_->messages[0].bytes.size(), 64U + 4096U);
    EXPECT_EQ(capsule(0).sgl.identifier, nvme::sgl::kInCapsule);
    EXPECT_EQ(capsule(0).sgl.length, 4096U);
    const std::vector<std::byte> behind(peer_->messages[0].bytes.begin() + 64, peer_->messages[0].bytes.end());
    EXPECT_TRUE(behind == data.bytes());
    EXPECT_EQ(host().machine.record.counts.binds, 0U);
    EXPECT_EQ(host().counters().copies, registered ? 0U : 1U);
    host().break_off();
    peer_.reset();
  }
}

TEST_F(HostSideTest, AKeyIsGoodForOneCommandInOneDirection) {
  start();
  Buffer data(host(), 8192, true);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  EXPECT_EQ(keyed(0).identifier, nvme::sgl::kKeyedInvalidate);
  EXPECT_EQ(keyed(0).address, reinterpret_cast<std::uintptr_t>(data.iov()[0].base));
  EXPECT_EQ(keyed(0).length(), 8192U);
  peer_->memory.assign(PeerByHand::kMemory, std::byte{0x5a});
  peer_->move(IBV_WR_RDMA_WRITE, keyed(0).address, keyed(0).key, 8192);
  peer_->send(make_cqe(1));
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  EXPECT_EQ(host().responses[0].moved, 8192U);
  EXPECT_EQ(data.bytes(), std::vector<std::byte>(8192, std::byte{0x5a}));
  EXPECT_EQ(host().machine.record.counts.local_invalidations, 1U);

  // A target that writes after the command ended reaches nothing.
  const std::uint32_t stale = keyed(0).key;
  peer_->memory.assign(PeerByHand::kMemory, std::byte{0x66});
  peer_->move(IBV_WR_RDMA_WRITE, keyed(0).address, stale, 8192);
  settle();
  EXPECT_EQ(peer_->statuses.back(), IBV_WC_REM_ACCESS_ERR);
  EXPECT_EQ(data.bytes(), std::vector<std::byte>(8192, std::byte{0x5a}));
}

TEST_F(HostSideTest, AControllerCannotReadWhatItIsToFill) {
  start();
  Buffer data(host(), 8192, true);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->move(IBV_WR_RDMA_READ, keyed(0).address, keyed(0).key, 8192);
  settle();
  EXPECT_EQ(peer_->statuses.back(), IBV_WC_REM_ACCESS_ERR);
}

TEST_F(HostSideTest, AControllerThatInvalidatesSavesTheHostTheWork) {
  start();
  Buffer data(host(), 8192, false);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->memory.assign(PeerByHand::kMemory, std::byte{0x5a});
  peer_->move(IBV_WR_RDMA_WRITE, keyed(0).address, keyed(0).key, 8192);
  peer_->send(make_cqe(1), keyed(0).key);
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  EXPECT_EQ(data.bytes(), std::vector<std::byte>(8192, std::byte{0x5a}));
  EXPECT_EQ(host().machine.record.counts.local_invalidations, 0U);
  EXPECT_TRUE(bench_->host_side().limits().caps & WEFT_CAP_REMOTE_INVALIDATE);
  // The window is free for the next command.
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  EXPECT_NE(keyed(1).key, keyed(0).key);
  bench_->expect_no_faults();
}

TEST_F(HostSideTest, WithoutWindowsTheKeyIsTheRegionsAndTheLimitsSaySo) {
  start({.windows = false});
  Buffer data(host(), 8192, false);
  ASSERT_EQ(send(1, nvme::io::kWrite, data.iov(), WEFT_DIR_OUT), 0);
  settle();
  EXPECT_EQ(keyed(0).identifier, nvme::sgl::kKeyed);
  EXPECT_EQ(keyed(0).key, host().memory().staging_region().rkey());
  EXPECT_FALSE(bench_->host_side().limits().caps & WEFT_CAP_REMOTE_INVALIDATE);
  peer_->send(make_cqe(1));
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  EXPECT_EQ(host().machine.record.counts.binds + host().machine.record.counts.local_invalidations, 0U);
}

TEST_F(HostSideTest, AFailedCommandMovedNothing) {
  start();
  Buffer data(host(), 8192, false);
  data.fill(4);
  const std::vector<std::byte> before = data.bytes();
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->move(IBV_WR_RDMA_WRITE, keyed(0).address, keyed(0).key, 512);
  peer_->send(make_cqe(1, 0x4002));
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  EXPECT_EQ(host().responses[0].cqe->status().value(), 0x4002);
  EXPECT_EQ(host().responses[0].moved, 0U);
  EXPECT_EQ(data.bytes(), before);
}

TEST_F(HostSideTest, WhoeverWaitsForStagedMemoryKeepsItsPlaceInTheOrder) {
  start({.memory = {.staging = Memory::kLeastStaging}});
  const auto run = static_cast<std::uint64_t>(host().memory().max_transfer());
  std::vector<std::unique_ptr<Buffer>> data;
  for (std::uint16_t cid = 0; cid < 4; ++cid) {
    data.push_back(std::make_unique<Buffer>(host(), run, false));
    ASSERT_EQ(send(cid, nvme::io::kRead, data.back()->iov(), WEFT_DIR_IN), 0);
  }
  ASSERT_EQ(send(4), 0);
  settle();
  ASSERT_EQ(peer_->messages.size(), 2U);  // there are two runs
  peer_->send(make_cqe(1));
  settle();
  ASSERT_EQ(peer_->messages.size(), 3U);
  peer_->send(make_cqe(0));
  settle();
  ASSERT_EQ(peer_->messages.size(), 5U);
  for (std::uint16_t cid = 0; cid < 5; ++cid) EXPECT_EQ(capsule(cid).cid, cid);
  bench_->expect_no_faults();
}

TEST_F(HostSideTest, NoMoreCapsulesAreUnderWayThanTheControllerHasReceives) {
  start({.depth = 8, .receives = 3});
  for (std::uint16_t cid = 0; cid < 8; ++cid) ASSERT_EQ(send(cid), 0);
  settle();
  EXPECT_EQ(peer_->messages.size(), 3U);
  peer_->send(make_cqe(2));
  settle();
  EXPECT_EQ(peer_->messages.size(), 4U);
}

TEST_F(HostSideTest, AShortSendQueueMakesCommandsWaitAndLosesNone) {
  start({.sends = 4});
  Buffer data(host(), 4096, true);
  for (std::uint16_t cid = 0; cid < 8; ++cid) ASSERT_EQ(send(cid, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  ASSERT_EQ(peer_->messages.size(), 8U);
  for (std::uint16_t cid = 0; cid < 8; ++cid) peer_->send(make_cqe(cid));
  settle();
  EXPECT_EQ(host().responses.size(), 8U);
  bench_->expect_no_faults();
}

TEST_F(HostSideTest, BadCallsHaveNoEffect) {
  start();
  Buffer data(host(), 4096, false), huge(host(), host().memory().max_transfer() + 4096, false);
  EXPECT_EQ(send(8), -EINVAL);
  EXPECT_EQ(send(1, nvme::io::kWrite, data.iov(), 0), -EINVAL);
  EXPECT_EQ(send(1, nvme::io::kFlush, {}, WEFT_DIR_OUT), -EINVAL);
  EXPECT_EQ(send(1, nvme::io::kWrite, data.iov(), WEFT_DIR_OUT | WEFT_DIR_IN), -EINVAL);
  EXPECT_EQ(send(1, nvme::io::kWrite, data.iov(), WEFT_DIR_OUT | 1U << 30), -EINVAL);
  EXPECT_EQ(send(1, nvme::io::kWrite, huge.iov(), WEFT_DIR_OUT), -EINVAL);
  ASSERT_EQ(send(1), 0);
  EXPECT_EQ(send(1), -EINVAL);
  settle();
  EXPECT_EQ(peer_->messages.size(), 1U);
  EXPECT_EQ(host().memory().ops().in_use(), 0U);
}

// ---- controllers that break the protocol ---------------------------------------------------------------------------

TEST_F(HostSideTest, AResponseForNoCommandEndsTheQueuePair) {
  start();
  ASSERT_EQ(send(1), 0);
  settle();
  peer_->send(make_cqe(2));
  settle();
  expect_violation("CID 0x2");
  EXPECT_TRUE(host().responses.empty());
}

TEST_F(HostSideTest, AResponseBeyondTheQueueEndsTheQueuePair) {
  start();
  peer_->send(make_cqe(0xffff));
  settle();
  expect_violation("CID 0xffff");
}

TEST_F(HostSideTest, ASecondResponseEndsTheQueuePair) {
  start();
  Buffer data(host(), 8192, true);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->send(make_cqe(1));
  peer_->send(make_cqe(1));
  settle();
  expect_violation("CID 0x1");
}

TEST_F(HostSideTest, AResponseOfFewerThan16BytesEndsTheQueuePair) {
  start();
  ASSERT_EQ(send(1), 0);
  settle();
  peer_->send(std::array<std::byte, 15>{});
  settle();
  expect_violation("15 bytes");
}

TEST_F(HostSideTest, AKeyThatWasNotGivenWithTheCommandEndsTheQueuePair) {
  start();
  Buffer data(host(), 8192, true);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  ASSERT_EQ(send(2, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->send(make_cqe(1), keyed(1).key);
  settle();
  expect_violation("CID 0x1");
  EXPECT_TRUE(host().responses.empty());
  host().break_off();
  ASSERT_EQ(host().responses.size(), 2U);
  EXPECT_FALSE(host().responses[0].cqe);
  EXPECT_EQ(host().responses[0].error, -ECONNRESET);
}

}  // namespace
}  // namespace weft::rdma

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
  // The nth descriptor of the list in a capsule.
  KeyedSglDescriptor listed(std::size_t n, std::size_t message = 0) {
    return load<KeyedSglDescriptor>(peer_->messages.at(message).bytes.data() + 64 + 16 * n);
  }
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
}

TEST_F(HostSideTest, ATargetThatWritesAfterTheCommandEndedCannotReachThatMemory) {
  for (const bool registered : {true, false}) {
    for (const bool invalidated : {true, false}) {
      start();
      Buffer data(host(), 8192, registered);
      data.fill(7);
      const std::vector<std::byte> before = data.bytes();
      ASSERT_EQ(send(1, nvme::io::kWrite, data.iov(), WEFT_DIR_OUT), 0);
      ASSERT_EQ(send(2, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
      settle();
      const KeyedSglDescriptor stale = keyed(1);
      peer_->memory.assign(PeerByHand::kMemory, std::byte{0x66});
      peer_->send(make_cqe(2, 0x4002), invalidated ? std::optional(std::uint32_t{stale.key}) : std::nullopt);
      settle();
      ASSERT_EQ(host().responses.size(), 1U);
      peer_->move(IBV_WR_RDMA_WRITE, stale.address, stale.key, 8192);
      settle();
      EXPECT_EQ(peer_->statuses.back(), IBV_WC_REM_ACCESS_ERR);
      EXPECT_EQ(data.bytes(), before);
      host().break_off();
      peer_.reset();
    }
  }
}

// What such a device cannot prevent lands in memory of the transport, not in the caller's.
TEST_F(HostSideTest, ALateWriteWithoutWindowsReachesStagedMemoryAlone) {
  start({.windows = false});
  Buffer data(host(), 8192, false);
  data.fill(7);
  const std::vector<std::byte> before = data.bytes();
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->send(make_cqe(1, 0x4002));
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  peer_->memory.assign(PeerByHand::kMemory, std::byte{0x66});
  peer_->move(IBV_WR_RDMA_WRITE, keyed(0).address, keyed(0).key, 8192);
  settle();
  EXPECT_EQ(peer_->statuses.back(), IBV_WC_SUCCESS) << "or this test shows nothing";
  EXPECT_EQ(data.bytes(), before);
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

// ---- several pieces ------------------------------------------------------------------------------------------------

TEST_F(HostSideTest, SeveralPiecesAreNamedByAListInTheCapsule) {
  start({.descriptors = 16});
  Buffer data(host(), 3 * 8192, true, 3);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  ASSERT_EQ(peer_->messages.at(0).bytes.size(), 64U + 48U);
  EXPECT_EQ(capsule(0).sgl.identifier, nvme::sgl::kLastSegmentOffset);
  EXPECT_EQ(capsule(0).sgl.address, 0U);
  EXPECT_EQ(capsule(0).sgl.length, 48U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(listed(i).identifier, i == 2 ? nvme::sgl::kKeyedInvalidate : nvme::sgl::kKeyed);
    EXPECT_EQ(listed(i).address, reinterpret_cast<std::uintptr_t>(data.iov()[i].base));
    EXPECT_EQ(listed(i).length(), 8192U);
    peer_->memory.assign(PeerByHand::kMemory, static_cast<std::byte>(i + 1));
    peer_->move(IBV_WR_RDMA_WRITE, listed(i).address, listed(i).key, 8192);
    settle();
  }
  peer_->send(make_cqe(1), listed(2).key);
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  EXPECT_EQ(host().responses[0].moved, 3U * 8192U);
  for (std::size_t i = 0; i < 3 * 8192; ++i) ASSERT_EQ(data.bytes()[i], static_cast<std::byte>(i / 8192 + 1)) << i;
  EXPECT_EQ(host().counters().copies, 0U);
  EXPECT_EQ(host().machine.record.counts.local_invalidations, 2U)
      << "the response took one key back, the host the others";
  bench_->expect_no_faults();
}

TEST_F(HostSideTest, EachKeyOfSeveralIsGoodForItsPieceAlone) {
  start({.descriptors = 16});
  Buffer data(host(), 2 * 8192, true, 2);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->move(IBV_WR_RDMA_WRITE, listed(0).address, listed(0).key, 8193);
  settle();
  EXPECT_EQ(peer_->statuses.back(), IBV_WC_REM_ACCESS_ERR);
}

TEST_F(HostSideTest, NoKeyOfSeveralIsGoodAfterTheCommand) {
  for (const std::size_t late : {0U, 1U, 2U}) {
    for (const bool invalidated : {true, false}) {
      start({.descriptors = 16});
      Buffer data(host(), 3 * 8192, true, 3);
      ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
      settle();
      const KeyedSglDescriptor stale = listed(late);
      peer_->send(make_cqe(1), invalidated ? std::optional(std::uint32_t{listed(2).key}) : std::nullopt);
      settle();
      ASSERT_EQ(host().responses.size(), 1U);
      peer_->move(IBV_WR_RDMA_WRITE, stale.address, stale.key, 16);
      settle();
      EXPECT_EQ(peer_->statuses.back(), IBV_WC_REM_ACCESS_ERR) << late;
      host().break_off();
      peer_.reset();
    }
  }
}

TEST_F(HostSideTest, AControllerMayInvalidateAnyKeyOfItsCommandAndNoOther) {
  start({.descriptors = 16});
  Buffer data(host(), 3 * 8192, true, 3);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  ASSERT_EQ(send(2, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->send(make_cqe(1), listed(0).key);
  settle();
  ASSERT_EQ(host().responses.size(), 1U);
  EXPECT_EQ(host().machine.record.counts.local_invalidations, 2U);
  ASSERT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  peer_->send(make_cqe(2), listed(0, 2).key);
  settle();
  expect_violation("CID 0x2");
}

TEST_F(HostSideTest, PiecesAreStagedWhereAListWouldNotDo) {
  const auto staged = [&](const BenchOptions& options, std::uint64_t length, std::uint32_t pieces) {
    start(options);
    Buffer data(host(), length, true, pieces);
    EXPECT_EQ(send(1, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
    settle();
    const bool one = peer_->messages.at(0).bytes.size() == 64 && keyed(0).length() == length;
    host().break_off();
    peer_.reset();
    return one;
  };
  EXPECT_FALSE(staged({.descriptors = 16}, 8 * 4096, 8));
  EXPECT_TRUE(staged({.descriptors = 16}, 9 * 4096, 9)) << "more than pays";
  EXPECT_TRUE(staged({.descriptors = 16}, 8 * 1024, 8)) << "too short to pay";
  EXPECT_TRUE(staged({.descriptors = 2}, 3 * 4096, 3)) << "more than the controller takes";
  EXPECT_TRUE(staged({.descriptors = 1}, 2 * 4096, 2)) << "as nvmet has it";
  EXPECT_TRUE(staged({.in_capsule = 0, .descriptors = 16}, 2 * 4096, 2)) << "the list has no place in the capsule";
  EXPECT_TRUE(staged({.in_capsule = 32, .descriptors = 16}, 3 * 4096, 3)) << "a shorter list has";
  EXPECT_TRUE(staged({.descriptors = 16, .sends = 4}, 3 * 4096, 3)) << "its keys could never be bound";
}

TEST_F(HostSideTest, WhoeverFindsTooFewWindowsIsStagedAndTheyComeBack) {
  start({.descriptors = 16});
  Buffer data(host(), 8 * 4096, true, 8);
  const auto sent = [&](std::uint16_t cid) { return peer_->messages.at(cid).bytes.size(); };
  for (std::uint16_t cid = 0; cid < 2; ++cid) ASSERT_EQ(send(cid, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  EXPECT_EQ(sent(0), 64U + 8U * 16U);
  EXPECT_EQ(sent(1), 64U);
  peer_->send(make_cqe(0));
  settle();
  ASSERT_EQ(send(2, nvme::io::kRead, data.iov(), WEFT_DIR_IN), 0);
  settle();
  EXPECT_EQ(sent(2), 64U + 8U * 16U);
  bench_->expect_no_faults();
}

TEST_F(HostSideTest, WithoutWindowsAListHasTheRegionsKeysAndNoneIsToBeInvalidated) {
  start({.descriptors = 16, .windows = false});
  Buffer data(host(), 2 * 8192, true, 2), other(host(), 8192, true);
  std::vector<weft_iov> iov = data.iov();
  iov.push_back(other.iov()[0]);
  ASSERT_EQ(send(1, nvme::io::kWrite, iov, WEFT_DIR_OUT), 0);
  settle();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(listed(i).identifier, nvme::sgl::kKeyed);
  EXPECT_EQ(listed(0).key, listed(1).key);
  EXPECT_NE(listed(0).key, listed(2).key);
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

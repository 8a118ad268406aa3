// I/O commands: what they do, what they refuse, and that memory comes back.
#include "bench.hpp"

namespace weft::test {
namespace {

using Rw = nvme::ReadWriteArguments;

class Io : public Bench {
 protected:
  explicit Io(TargetOptions options = {}) : Bench(options) {}
  void SetUp() override {
    serve();
    admin_ = &admin();
    q_ = &io();
  }
  void TearDown() override {
    EXPECT_EQ(storage_->borrowed(), 0u);
    EXPECT_EQ(counts().borrowed_buffers, 0u);
    EXPECT_EQ(counts().commands, 0u);
  }
  static nvme::DsmRange range(std::uint64_t lba, std::uint32_t blocks) {
    return {.attributes = {}, .blocks = blocks, .slba = lba};
  }
  Reply deallocate(std::vector<nvme::DsmRange> ranges, std::size_t bytes = 4096, std::uint32_t attributes = 4) {
    const auto count = static_cast<std::uint32_t>(ranges.size());
    std::vector<std::byte> data(bytes);
    std::memcpy(data.data(), ranges.data(), std::min(bytes, ranges.size() * sizeof(nvme::DsmRange)));
    return q_->call(wire::dataset_management(1, count, attributes), data);
  }
  Reply read(std::uint64_t lba, std::uint32_t blocks) {
    data_.assign(std::size_t{blocks} * 512, std::byte{0xEE});
    return q_->call(wire::read(1, lba, blocks), {}, data_);
  }

  CapsuleHost* admin_ = nullptr;
  CapsuleHost* q_ = nullptr;
  std::vector<std::byte> data_;
};

TEST_F(Io, RefusesWhatLiesBeyondTheEnd) {
  for (const auto& [lba, blocks] : std::vector<std::pair<std::uint64_t, std::uint32_t>>{
           {1024, 1}, {1023, 2}, {0, 1025}, {UINT64_MAX, 1}, {UINT64_MAX - 7, 8}, {UINT64_MAX, 65536}}) {
    const auto sqe = wire::write_zeroes(1, lba, blocks);
    const Reply reply = q_->call(sqe);
    EXPECT_EQ(reply.code(), 0x080) << lba;
    EXPECT_TRUE(reply.dnr());
  }
  const Reply reply = read(1023, 2);
  EXPECT_EQ(reply.code(), 0x080);
  EXPECT_TRUE(reply.dnr());
  EXPECT_TRUE(read(1023, 1).ok());
}

// A plugin that moves other bytes than it was asked for, and says so without an error.
class Misreported : public Io, public testing::WithParamInterface<std::uint64_t> {};

TEST_P(Misreported, DataOfAWriteIsNotWritten) {
  const auto before = pattern(16384, 1), after = pattern(16384, 2);
  ASSERT_TRUE(q_->call(wire::write(1, 0, 32), before).ok());
  CapsuleHost& q = io(2);
  loopback_control().misreport_next_data(GetParam());
  EXPECT_EQ(q.call(wire::write(1, 0, 32), after).code(), 0x004);
  EXPECT_TRUE(q.wait_closed());
  ASSERT_TRUE(read(0, 32).ok()) << "the other queue lives on";
  EXPECT_EQ(data_, before);
}

TEST_P(Misreported, DataOfACompareIsNoMatch) {
  const auto data = pattern(16384);
  ASSERT_TRUE(q_->call(wire::write(1, 0, 32), data).ok());
  CapsuleHost& q = io(2);
  loopback_control().misreport_next_data(GetParam());
  EXPECT_EQ(q.call(wire::compare(1, 0, 32), data).code(), 0x004);
  EXPECT_TRUE(q.wait_closed());
}

TEST_P(Misreported, DataOfAReadEndsTheQueuePair) {
  CapsuleHost& q = io(2);
  std::vector<std::byte> data(16384);
  loopback_control().misreport_next_data(GetParam());
  static_cast<void>(q.send(wire::read(1, 0, 32), {}, data));
  EXPECT_TRUE(q.wait_closed());
}

TEST_P(Misreported, DataOfAnAdminCommandEndsTheAssociation) {
  std::vector<std::byte> page(4096);
  loopback_control().misreport_next_data(GetParam());
  static_cast<void>(admin_->send(wire::identify({.cns = nvme::cns::kController}), {}, page));
  EXPECT_TRUE(admin_->wait_closed());
  EXPECT_TRUE(q_->wait_closed());
}

INSTANTIATE_TEST_SUITE_P(Counts, Misreported, testing::Values(0u, 2048u, 16383u, 16385u, UINT64_MAX));

TEST_F(Io, RefusesUnknownNamespaces) {
  std::vector<std::byte> data(512);
  for (const std::uint32_t nsid : {0u, 2u, 1025u, nvme::kNsidAll}) {
    const Reply reply = q_->call(wire::read(nsid, 0, 1), {}, data);
    EXPECT_EQ(reply.code(), 0x00B) << nsid;
    EXPECT_TRUE(reply.dnr());
  }
}

TEST_F(Io, RefusesTransfersBeyondMdts) {
  auto large = std::make_shared<MemoryStorage>(4096);
  add_namespace(large, 2);
  std::vector<std::byte> data((1u << 20) + 512);
  const Reply reply = q_->call(wire::write(2, 0, 2049), data);
  EXPECT_EQ(reply.code(), 0x002);
  EXPECT_TRUE(reply.dnr());
  EXPECT_TRUE(q_->call(wire::write(2, 0, 2048), std::span(data).first(1u << 20)).ok());
}

TEST_F(Io, RefusesTransfersBeyondWhatTheTransportTakes) {
  LoopbackLimits limits;
  limits.max_transfer = 40'000;  // MDTS is a power of two: 32 KiB
  loopback_control().set_limits(limits);
  CapsuleHost& other = admin(names(kDiskNqn, kHostB));
  nvme::IdentifyController id;
  ASSERT_TRUE(other.call(wire::identify({.cns = nvme::cns::kController}), {}, bytes_of(id)).ok());
  EXPECT_EQ(id.mdts, 3);
  CapsuleHost& q = io(2, 32, names(kDiskNqn, kHostB));
  const auto data = pattern(65 * 512);
  EXPECT_EQ(q.call(wire::write(1, 0, 65), data).code(), 0x002);
  EXPECT_TRUE(q.call(wire::write(1, 0, 64), std::span(data).first(64 * 512)).ok());
  std::vector<std::byte> page(36'864);
  EXPECT_EQ(other.call(wire::get_log_page({.lid = 1, .length = page.size()}), {}, page).code(), 0x002);
}

TEST_F(Io, RefusesDataOfAnotherLength) {
  const auto data = pattern(1024);
  EXPECT_EQ(q_->call(wire::write(1, 0, 1), data).code(), 0x00F);
  EXPECT_EQ(q_->call(wire::write(1, 0, 4), data).code(), 0x00F);
  EXPECT_EQ(q_->call(wire::write(1, 0, 1)).code(), 0x00F);
  EXPECT_EQ(q_->call(wire::compare(1, 0, 1), data).code(), 0x00F);
  EXPECT_EQ(storage_->calls(StorageCall::kLend), 0u);
}

TEST_F(Io, RefusesUnknownOpcodesAndReservedFuses) {
  nvme::Sqe sqe = wire::flush(1);
  sqe.opcode = 0x7C;
  EXPECT_EQ(q_->call(sqe).code(), 0x001);
  std::vector<std::byte> data(512);
  EXPECT_EQ(q_->call(wire::fused(wire::read(1, 0, 1), 3), {}, data).code(), 0x002);
}

TEST_F(Io, BlocksAreAnnouncedAFewCommandsBeforeTheyAreUsed) {
  std::vector<std::byte> room(6 * 512);
  const auto out = pattern(512);
  for (std::uint64_t i = 0; i < 5; ++i) q_->send(wire::read(1, i, 1), {}, std::span(room).subspan(i * 512, 512));
  q_->send(wire::write(1, 5, 1), out);
  settle();
  // The first begins when four more have come, the last four when no more come.
  EXPECT_EQ(storage_->ahead, (std::vector<std::uint64_t>{5, 5, 4, 3, 2, 1}));
  EXPECT_EQ(storage_->announced, 6u);
}

TEST_F(Io, AReadThatFailsSaysSo) {
  storage_->fail_next(StorageCall::kMap, nvme::status::kUnrecoveredReadError);
  EXPECT_EQ(read(0, 1).code(), 0x281);
}
TEST_F(Io, AWriteThatFailsSaysSo) {
  storage_->fail_next(StorageCall::kCommit, nvme::status::kWriteFault);
  EXPECT_EQ(q_->call(wire::write(1, 0, 1), pattern(512)).code(), 0x280);
  storage_->fail_next(StorageCall::kLend, nvme::status::kInternalError);
  EXPECT_EQ(q_->call(wire::write(1, 0, 1), pattern(512)).code(), 0x006);
}

TEST_F(Io, ABadDigestChangesNothing) {
  for (const bool in_capsule : {true, false}) {
    const std::size_t blocks = in_capsule ? 8 : 64;
    LoopbackLimits limits;
    limits.contiguous_capsules = false;
    loopback_control().set_limits(limits);
    CapsuleHost& q = io(static_cast<std::uint16_t>(in_capsule ? 2 : 3));
    const auto before = storage_->content(0, 64);
    loopback_control().fail_next_receive(-EBADMSG, 0x022);
    EXPECT_EQ(q.call(wire::write(1, 0, static_cast<std::uint32_t>(blocks)), pattern(blocks * 512)).code(), 0x022);
    EXPECT_EQ(storage_->content(0, 64), before);
    EXPECT_TRUE(q.call(wire::write(1, 0, 1), pattern(512)).ok()) << "that command alone fails";
  }
}

TEST_F(Io, ForceUnitAccessReachesTheBackend) {
  ASSERT_TRUE(q_->call(wire::write(1, 0, 1), pattern(512)).ok());
  EXPECT_EQ(storage_->forced(), 0u);
  ASSERT_TRUE(q_->call(wire::write(1, 0, 1, Rw::kForceUnitAccess), pattern(512)).ok());
  ASSERT_TRUE(q_->call(wire::write_zeroes(1, 0, 1, Rw::kForceUnitAccess)).ok());
  EXPECT_EQ(storage_->forced(), 2u);
}

TEST_F(Io, AReadOnlyNamespaceRefusesWrites) {
  auto fixed = std::make_shared<MemoryStorage>(64);
  fixed->info.read_only = true;
  add_namespace(fixed, 2);
  EXPECT_EQ(q_->call(wire::write(2, 0, 1), pattern(512)).code(), 0x020);
  EXPECT_EQ(q_->call(wire::write_zeroes(2, 0, 1)).code(), 0x020);
  EXPECT_EQ(q_->call(wire::write_uncorrectable(2, 0, 1)).code(), 0x020);
  std::vector<std::byte> data(512);
  EXPECT_TRUE(q_->call(wire::read(2, 0, 1), {}, data).ok());
}

TEST_F(Io, FlushReachesOneNamespaceOrAll) {
  auto second = std::make_shared<MemoryStorage>(64);
  add_namespace(second, 5);
  ASSERT_TRUE(q_->call(wire::flush(5)).ok());
  EXPECT_EQ(storage_->calls(StorageCall::kFlush), 0u);
  EXPECT_EQ(second->calls(StorageCall::kFlush), 1u);
  second->hold(StorageCall::kFlush);
  const std::uint16_t cid = q_->send(wire::flush(nvme::kNsidAll));
  settle();
  EXPECT_FALSE(q_->reply(cid));
  second->let_go();
  EXPECT_TRUE(q_->wait(cid).ok());
  EXPECT_EQ(storage_->calls(StorageCall::kFlush), 1u);
  EXPECT_EQ(second->calls(StorageCall::kFlush), 2u);
  second->fail_next(StorageCall::kFlush, nvme::status::kWriteFault);
  EXPECT_EQ(q_->call(wire::flush(nvme::kNsidAll)).code(), 0x280);
}

TEST_F(Io, CompareTellsDifferenceFromSameness) {
  const auto data = pattern(64 * 512);
  ASSERT_TRUE(q_->call(wire::write(1, 7, 64), data).ok());
  EXPECT_TRUE(q_->call(wire::compare(1, 7, 64), data).ok());
  auto other = data;
  other.back() ^= std::byte{1};
  EXPECT_EQ(q_->call(wire::compare(1, 7, 64), other).code(), 0x285);
}

TEST_F(Io, WriteZeroesClearsWithoutData) {
  storage_->fill(0, 1024, std::byte{7});
  ASSERT_TRUE(q_->call(wire::write_zeroes(1, 10, 1000)).ok());
  EXPECT_EQ(storage_->content(10, 1000), std::vector<std::byte>(1000 * 512));
  EXPECT_EQ(storage_->content(9, 1), std::vector<std::byte>(512, std::byte{7}));
}

TEST_F(Io, VerifyReadsEverythingPieceByPiece) {
  ASSERT_TRUE(q_->call(wire::verify(1, 0, 1024)).ok());
  EXPECT_EQ(storage_->calls(StorageCall::kMap), 8u);
  storage_->fail_next(StorageCall::kMap, nvme::status::kUnrecoveredReadError);
  EXPECT_EQ(q_->call(wire::verify(1, 0, 1024)).code(), 0x281);
  storage_->hold(StorageCall::kMap);
  const std::uint16_t cid = q_->send(wire::verify(1, 0, 1024));
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  storage_->let_go();
  EXPECT_TRUE(q_->wait(cid).ok());
}

TEST_F(Io, ABackendThatCutsTooFineIsRefused) {
  auto fine = std::make_shared<MemoryStorage>(1024);
  fine->segment = 512;
  add_namespace(fine, 2);
  EXPECT_EQ(q_->call(wire::write(2, 0, 512), pattern(512 * 512)).code(), 0x006);
  EXPECT_TRUE(q_->call(wire::write(2, 0, 256), pattern(256 * 512)).ok());
}

TEST_F(Io, TransfersAreCutToWhatTheTransportTakes) {
  LoopbackLimits limits;
  limits.max_iov = 3;
  loopback_control().set_limits(limits);
  CapsuleHost& q = io(2);
  const auto data = pattern(80 * 512);
  ASSERT_TRUE(q.call(wire::write(1, 0, 80), data).ok());
  ASSERT_TRUE(q.call(wire::compare(1, 0, 80), data).ok());
  std::vector<std::byte> back(data.size());
  ASSERT_TRUE(q.call(wire::read(1, 0, 80), {}, back).ok());
  EXPECT_EQ(back, data);
}

// ---- Dataset Management

TEST_F(Io, DeallocatesEveryRange) {
  storage_->fill(0, 1024, std::byte{7});
  ASSERT_TRUE(deallocate({range(0, 8), range(100, 1), range(1023, 1), range(5, 0)}).ok());
  EXPECT_EQ(storage_->content(0, 8), std::vector<std::byte>(8 * 512));
  EXPECT_EQ(storage_->content(8, 1), std::vector<std::byte>(512, std::byte{7}));
  EXPECT_EQ(storage_->content(1023, 1), std::vector<std::byte>(512));
}
TEST_F(Io, DeallocatesAsManyRangesAsAreTold) {
  std::vector<nvme::DsmRange> ranges;
  for (std::uint32_t i = 0; i < 255; ++i) ranges.push_back(range(i * 4, 4));
  storage_->fill(0, 1024, std::byte{7});
  storage_->hold(StorageCall::kDeallocate);
  std::vector<std::byte> data(4096);
  std::memcpy(data.data(), ranges.data(), 255 * sizeof(nvme::DsmRange));
  const std::uint16_t cid = q_->send(wire::dataset_management(1, 255, 4), data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  storage_->let_go();
  ASSERT_TRUE(q_->wait(cid).ok());
  EXPECT_EQ(storage_->content(0, 1020), std::vector<std::byte>(1020 * 512));
}
TEST_F(Io, RefusesMoreRangesThanAreToldWithoutEffect) {
  storage_->fill(0, 8, std::byte{7});
  EXPECT_EQ(deallocate(std::vector<nvme::DsmRange>(256, range(0, 8))).code(), 0x183);
  EXPECT_EQ(storage_->content(0, 8), std::vector<std::byte>(8 * 512, std::byte{7}));
}
TEST_F(Io, DeallocatesNothingWhenOneRangeIsBad) {
  storage_->fill(0, 1024, std::byte{7});
  EXPECT_EQ(deallocate({range(0, 8), range(1020, 5)}).code(), 0x080);
  EXPECT_EQ(deallocate({range(UINT64_MAX, 0xFFFFFFFF)}).code(), 0x080);
  EXPECT_EQ(storage_->content(0, 1), std::vector<std::byte>(512, std::byte{7}));
}
TEST_F(Io, TakesDsmDataOfItsRangesOrAPage) {
  EXPECT_TRUE(deallocate({range(0, 8)}, 16).ok());
  EXPECT_TRUE(deallocate({range(0, 8)}, 4096).ok());
  EXPECT_EQ(deallocate({range(0, 8), range(9, 1)}, 16).code(), 0x00F);
  EXPECT_EQ(deallocate({range(0, 8)}, 8192).code(), 0x00F);
}
TEST_F(Io, IgnoresHintsWithoutDeallocate) {
  EXPECT_TRUE(deallocate({range(UINT64_MAX, 1)}, 4096, 3).ok());
  EXPECT_EQ(storage_->calls(StorageCall::kDeallocate), 0u);
}

// ---- Write Uncorrectable

TEST_F(Io, MarkedBlocksAreUnreadableUntilWritten) {
  ASSERT_TRUE(q_->call(wire::write_uncorrectable(1, 10, 10)).ok());
  EXPECT_EQ(read(15, 1).code(), 0x281);
  EXPECT_EQ(read(0, 11).code(), 0x281);
  EXPECT_EQ(q_->call(wire::verify(1, 0, 1024)).code(), 0x281);
  EXPECT_EQ(q_->call(wire::compare(1, 19, 1), pattern(512)).code(), 0x281);
  EXPECT_TRUE(read(0, 10).ok());
  EXPECT_TRUE(read(20, 10).ok());
  ASSERT_TRUE(q_->call(wire::write(1, 14, 2), pattern(1024)).ok());
  EXPECT_TRUE(read(14, 2).ok());
  EXPECT_EQ(read(13, 1).code(), 0x281);
  EXPECT_EQ(read(16, 1).code(), 0x281);
  ASSERT_TRUE(q_->call(wire::write_zeroes(1, 0, 1024)).ok());
  EXPECT_TRUE(read(10, 10).ok());
}
TEST_F(Io, AFailedWriteLeavesTheMarks) {
  ASSERT_TRUE(q_->call(wire::write_uncorrectable(1, 10, 1)).ok());
  storage_->fail_next(StorageCall::kCommit, nvme::status::kWriteFault);
  EXPECT_EQ(q_->call(wire::write(1, 10, 1), pattern(512)).code(), 0x280);
  EXPECT_EQ(read(10, 1).code(), 0x281);
}

TEST_F(Io, AFailureDoesNotStayWithItsSlot) {
  storage_->fail_next(StorageCall::kFlush, nvme::status::kInternalError);
  EXPECT_EQ(q_->call(wire::flush(1)).code(), 0x006);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(q_->call(wire::flush(1)).ok());
}

// ---- Fused compare-and-write

class Fused : public Io {
 protected:
  struct Pair {
    std::uint16_t first, second;
  };
  Pair send(const nvme::Sqe& compare, const nvme::Sqe& write, std::span<const std::byte> expected,
            std::span<const std::byte> fresh, CapsuleHost* q = nullptr) {
    CapsuleHost& h = q == nullptr ? *q_ : *q;
    const std::uint16_t first = h.send(wire::fused(compare, nvme::flags::kFuseFirst), expected);
    const std::uint16_t second = h.send(wire::fused(write, nvme::flags::kFuseSecond), fresh);
    return {first, second};
  }
  std::pair<int, int> codes(const Pair& pair) { return {q_->wait(pair.first).code(), q_->wait(pair.second).code()}; }
};

TEST_F(Fused, WritesWhenTheBlocksAreTheSame) {
  const auto before = storage_->content(3, 2);
  const auto fresh = pattern(1024);
  EXPECT_EQ(codes(send(wire::compare(1, 3, 2), wire::write(1, 3, 2), before, fresh)), std::pair(0, 0));
  EXPECT_EQ(storage_->content(3, 2), fresh);
}
TEST_F(Fused, ChangesNothingWhenTheyDiffer) {
  const auto before = storage_->content(3, 2);
  EXPECT_EQ(codes(send(wire::compare(1, 3, 2), wire::write(1, 3, 2), pattern(1024), pattern(1024))),
            std::pair(0x285, 0x009));
  EXPECT_EQ(storage_->content(3, 2), before);
}
TEST_F(Fused, LargePairsComeByTransfers) {
  const auto before = storage_->content(0, 512);
  const auto fresh = pattern(512 * 512);
  EXPECT_EQ(codes(send(wire::compare(1, 0, 512), wire::write(1, 0, 512), before, fresh)), std::pair(0, 0));
  EXPECT_EQ(storage_->content(0, 512), fresh);
}
TEST_F(Fused, AFirstWithoutSecondIsAborted) {
  const auto data = pattern(512);
  const std::uint16_t first = q_->send(wire::fused(wire::compare(1, 0, 1), nvme::flags::kFuseFirst), data);
  EXPECT_TRUE(q_->call(wire::flush(1)).ok());
  EXPECT_EQ(q_->wait(first).code(), 0x00A);
}
TEST_F(Fused, TwoFirstsAbortTheFormer) {
  const auto before = storage_->content(0, 1);
  const std::uint16_t orphan = q_->send(wire::fused(wire::compare(1, 0, 1), nvme::flags::kFuseFirst), before);
  EXPECT_EQ(codes(send(wire::compare(1, 0, 1), wire::write(1, 0, 1), before, pattern(512))), std::pair(0, 0));
  EXPECT_EQ(q_->wait(orphan).code(), 0x00A);
}
TEST_F(Fused, ASecondWithoutFirstIsAborted) {
  EXPECT_EQ(q_->call(wire::fused(wire::write(1, 0, 1), nvme::flags::kFuseSecond), pattern(512)).code(), 0x00A);
  EXPECT_EQ(storage_->calls(StorageCall::kCommit), 0u);
}
TEST_F(Fused, RefusesOtherPairs) {
  const auto data = pattern(512);
  EXPECT_EQ(codes(send(wire::write(1, 0, 1), wire::write(1, 0, 1), data, data)), std::pair(0x002, 0x009));
  EXPECT_EQ(codes(send(wire::compare(1, 0, 1), wire::compare(1, 0, 1), data, data)), std::pair(0x009, 0x002));
  EXPECT_EQ(codes(send(wire::compare(1, 0, 1), wire::write(1, 1, 1), data, data)), std::pair(0x002, 0x002));
  EXPECT_EQ(codes(send(wire::compare(1, 0, 1), wire::write(2, 0, 1), data, data)), std::pair(0x009, 0x002));
  EXPECT_EQ(codes(send(wire::compare(1, 1024, 1), wire::write(1, 1024, 1), data, data)), std::pair(0x080, 0x009));
}
TEST_F(Fused, ALostSecondEndsTheFirst) {
  const auto data = storage_->content(0, 1);
  const std::uint16_t first = q_->send(wire::fused(wire::compare(1, 0, 1), nvme::flags::kFuseFirst), data);
  settle();
  loopback_control().flag_next_command(0x4011, 39);
  const std::uint16_t second = q_->send(wire::fused(wire::write(1, 0, 1), nvme::flags::kFuseSecond), data);
  EXPECT_EQ(q_->wait(second).code(), 0x011);
  EXPECT_EQ(q_->wait(first).code(), 0x009);
}
TEST_F(Fused, IsAloneOnItsRange) {
  CapsuleHost& other = io(2);
  const auto before = storage_->content(0, 8);
  const auto fresh = pattern(8 * 512, 2);
  storage_->hold(StorageCall::kMap);
  const Pair pair = send(wire::compare(1, 0, 8), wire::write(1, 0, 8), before, fresh);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  // A write into the range waits, one beside it does not.
  const auto late = pattern(512, 3);
  const std::uint16_t waits = other.send(wire::write(1, 7, 1), late);
  EXPECT_TRUE(other.call(wire::write(1, 8, 1), late).ok());
  settle();
  EXPECT_FALSE(other.reply(waits));
  storage_->let_go();
  EXPECT_EQ(codes(pair), std::pair(0, 0));
  EXPECT_TRUE(other.wait(waits).ok());
  EXPECT_EQ(storage_->content(7, 1), late);
}
TEST_F(Fused, WaitsForWhatIsInTheBackend) {
  CapsuleHost& other = io(2);
  const auto before = storage_->content(0, 1);
  storage_->hold(StorageCall::kCommit);
  const auto early = pattern(512, 3);
  const std::uint16_t write = other.send(wire::write(1, 0, 1), early);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  const Pair pair = send(wire::compare(1, 0, 1), wire::write(1, 0, 1), before, pattern(512));
  settle();
  EXPECT_FALSE(q_->reply(pair.first));
  storage_->let_go();
  EXPECT_TRUE(other.wait(write).ok());
  EXPECT_EQ(codes(pair), std::pair(0x285, 0x009)) << "the write came before";
}
TEST_F(Fused, ManyPairsOnOneBlockMakeACounter) {
  // Each host increments by compare-and-write until it succeeds: no increment is lost.
  CapsuleHost& other = io(2);
  int wanted = 0;
  for (int round = 0; round < 50; ++round) {
    std::array<Pair, 2> pairs;
    const auto now = storage_->content(0, 1);
    auto next = now;
    next[0] = static_cast<std::byte>(std::to_integer<int>(now[0]) + 1);
    pairs[0] = send(wire::compare(1, 0, 1), wire::write(1, 0, 1), now, next, q_);
    pairs[1] = send(wire::compare(1, 0, 1), wire::write(1, 0, 1), now, next, &other);
    const bool first = q_->wait(pairs[0].second).ok();
    const bool second = other.wait(pairs[1].second).ok();
    EXPECT_NE(first, second);
    wanted += 1;
  }
  EXPECT_EQ(std::to_integer<int>(storage_->content(0, 1)[0]), wanted);
}

// ---- Back-pressure

class Scarce : public Io {
 protected:
  Scarce()
      : Io([] {
          TargetOptions o;
          o.max_transfer = 64 << 10;
          o.data_memory = 256 << 10;
          return o;
        }()) {}
};

TEST_F(Scarce, CommandsWaitInOrderForMemory) {
  storage_->hold(StorageCall::kMap);
  std::vector<std::vector<std::byte>> data(20, std::vector<std::byte>(64 << 10));
  std::vector<std::uint16_t> cids;
  for (auto& d : data) cids.push_back(q_->send(wire::read(1, 0, 128), {}, d));
  settle();
  EXPECT_EQ(storage_->held(), 1u) << "128 KiB may be lent, half of it to one host";
  storage_->let_go();
  for (const std::uint16_t cid : cids) EXPECT_TRUE(q_->wait(cid).ok());
  EXPECT_TRUE(std::equal(cids.begin(), cids.end(), q_->order().begin() + 1));
}
// What waited while its connection ended changes nothing, though its data came long before.
TEST_F(Scarce, AWriteThatWaitedForMemoryIsNotDoneAtTheEnd) {
  loopback_control().set_hold_data(true);
  const auto large = pattern(64 << 10), small = pattern(512);
  q_->send(wire::write(1, 128, 128), large);
  q_->send(wire::write(1, 0, 1), small);
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  settle();
  ASSERT_EQ(storage_->calls(StorageCall::kLend), 1u) << "it had not to wait: the test shows nothing";
  loopback_control().cut_now();  // ends the large one, which frees its memory, before it says closed
  settle();
  EXPECT_EQ(storage_->calls(StorageCall::kCommit), 0u);
  loopback_control().set_hold_data(false);
}
TEST_F(Scarce, FusedPairsDoNotStarveEachOther) {
  std::vector<std::vector<std::byte>> data;
  const auto zeroes = std::vector<std::byte>(64 << 10);
  std::vector<std::uint16_t> cids;
  for (int i = 0; i < 8; ++i) {
    cids.push_back(q_->send(wire::fused(wire::compare(1, 0, 128), 1), zeroes));
    cids.push_back(q_->send(wire::fused(wire::write(1, 0, 128), 2), zeroes));
  }
  for (const std::uint16_t cid : cids) EXPECT_TRUE(q_->wait(cid).ok());
}

}  // namespace
}  // namespace weft::test

// Commands whose work grows with their arguments: a bounded part in each turn, hosts in rotation, and an end to each on Abort, on
// the end of its queue pair, of its namespace and of the target.
#include "bench.hpp"

namespace weft::test {
namespace {

constexpr std::uint32_t kBlocks = 65536;  // 32 MiB: as much as one command covers
constexpr std::uint32_t kMany = 500;

class LongCommands : public Bench {
 protected:
  explicit LongCommands(TargetOptions options = {}) : Bench(options) {}
  void SetUp() override {
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
    storage_ = std::make_shared<MemoryStorage>(kBlocks);
    storage_->at_once = 64u << 10;
    add_namespace(storage_);
    listen();
    admin_ = &admin();
    q_ = &io(1, 1024);
  }
  void TearDown() override {
    storage_->let_go();
    settle();
    EXPECT_EQ(storage_->borrowed(), 0u);
  }
  // I/O queues of another host.
  CapsuleHost& other() {
    const auto who = names(kDiskNqn, kHostB);
    static_cast<void>(admin(who));
    return io(1, 32, who);
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) reactor_->run_once(0);
  }
  // Turns until a reply is there.
  std::uint64_t turns_until(CapsuleHost& h, std::uint16_t cid) {
    const std::uint64_t before = reactor_->stats().turns;
    EXPECT_TRUE(run([&] { return h.reply(cid).has_value(); }));
    return reactor_->stats().turns - before;
  }
  // Each command that grows, over the whole namespace. `data` is what Dataset Management sends.
  static constexpr int kKinds = 3;
  nvme::Sqe whole(int kind) {
    if (kind == 0) return wire::verify(1, 0, kBlocks);
    if (kind == 1) return wire::write_zeroes(1, 0, kBlocks);
    const nvme::DsmRange range{.attributes = {}, .blocks = kBlocks, .slba = 0};
    std::memcpy(ranges_.data(), &range, sizeof range);
    return wire::dataset_management(1, 1, 4);
  }
  std::uint16_t send_whole(int kind) {
    const nvme::Sqe sqe = whole(kind);
    return kind == 2 ? q_->send(sqe, ranges_) : q_->send(sqe);
  }
  std::uint64_t work() {
    return storage_->calls(StorageCall::kMap) + storage_->calls(StorageCall::kZeroes) +
           storage_->calls(StorageCall::kDeallocate) + storage_->calls(StorageCall::kFlush);
  }

  CapsuleHost* admin_ = nullptr;
  CapsuleHost* q_ = nullptr;
  std::vector<std::byte> ranges_ = std::vector<std::byte>(4096);
};

TEST_F(LongCommands, ATurnDoesABoundedAmountOfWorkHoweverManyWait) {
  for (int kind = 0; kind < kKinds; ++kind) {
    std::vector<std::uint16_t> cids;
    for (std::uint32_t i = 0; i < kMany; ++i) cids.push_back(send_whole(kind));
    turns(4);
    const std::uint64_t before = work(), turn = reactor_->stats().turns;
    turns(10);
    const std::uint64_t done = work() - before;
    EXPECT_GT(done, 0u);
    EXPECT_LE(done, controller::LongCommands::kPieces * (reactor_->stats().turns - turn)) << "kind " << kind;
    for (const std::uint16_t cid : cids) static_cast<void>(admin_->call(wire::abort(1, cid)));
    std::uint32_t aborted = 0;
    for (const std::uint16_t cid : cids) aborted += q_->wait(cid).code() == 0x007 ? 1U : 0U;
    EXPECT_GT(aborted, 0u) << "kind " << kind;  // the others were faster
  }
}

TEST_F(LongCommands, AnotherHostsReadDoesNotWaitForThem) {
  CapsuleHost& h = other();
  std::vector<std::byte> data(512);
  const std::uint64_t alone = turns_until(h, h.send(wire::read(1, 0, 1), {}, data));
  for (int kind = 0; kind < kKinds; ++kind) {
    std::vector<std::uint16_t> cids;
    for (std::uint32_t i = 0; i < kMany; ++i) cids.push_back(send_whole(kind));
    turns(8);  // ranges in a capsule are handed over by an event of their own
    EXPECT_LE(turns_until(h, h.send(wire::read(1, 0, 1), {}, data)), alone + 2) << "kind " << kind;
    for (const std::uint16_t cid : cids) static_cast<void>(admin_->call(wire::abort(1, cid)));
  }
}

TEST_F(LongCommands, AnotherHostsFlushDoesNotWaitForThemToEnd) {
  CapsuleHost& h = other();
  for (std::uint32_t i = 0; i < kMany; ++i) send_whole(0);
  turns(4);
  EXPECT_LE(turns_until(h, h.send(wire::flush(1))), 8u);
  EXPECT_TRUE(h.order().size() > 1);
  q_->close();
  settle();
}

TEST_F(LongCommands, PiecesInTheBackendAreBoundedForEachHost) {
  for (const StorageCall call : {StorageCall::kFlush, StorageCall::kMap}) storage_->hold(call);
  CapsuleHost& h = other();
  std::vector<std::uint16_t> cids;
  for (std::uint32_t i = 0; i < kMany; ++i)
    cids.push_back(q_->send(i % 2 == 0 ? wire::flush(1) : wire::verify(1, 0, 1)));
  settle();
  EXPECT_EQ(storage_->held(), controller::LongCommands::kInBackend);
  const std::uint16_t flush = h.send(wire::flush(1));
  settle();
  EXPECT_EQ(storage_->held(), controller::LongCommands::kInBackend + 1);
  storage_->let_go();
  EXPECT_TRUE(h.wait(flush).ok());
  for (const std::uint16_t cid : cids) EXPECT_TRUE(q_->wait(cid).ok());
}

TEST_F(LongCommands, TheEndOfItsQueuePairEndsEach) {
  for (int kind = 0; kind < kKinds; ++kind) {
    q_ = &io(static_cast<std::uint16_t>(2 + kind), 64);
    for (int i = 0; i < 60; ++i) send_whole(kind);
    turns(4);
    q_->close();
    settle();
    const std::uint64_t before = work();
    turns(10);
    EXPECT_EQ(work(), before) << "kind " << kind;
  }
  EXPECT_EQ(counts().commands, 0u);
}

TEST_F(LongCommands, TheEndOfItsNamespaceEndsEach) {
  std::vector<std::uint16_t> cids;
  for (int i = 0; i < 60; ++i) cids.push_back(send_whole(i % kKinds));
  turns(4);
  bool gone = false;
  server_->remove_namespace(kDiskNqn, 1, [&](const Status& s) { gone = s.has_value(); });
  const std::uint64_t turn = reactor_->stats().turns;
  ASSERT_TRUE(run([&] { return gone; }));
  EXPECT_LE(reactor_->stats().turns - turn, 20u);
  for (const std::uint16_t cid : cids) EXPECT_EQ(q_->wait(cid).code(), 0x00B);
}

TEST_F(LongCommands, AStopEndsEach) {
  std::vector<std::uint16_t> cids;
  for (int i = 0; i < 60; ++i) cids.push_back(send_whole(i % kKinds));
  turns(4);
  const std::uint64_t before = work();
  stop();
  EXPECT_LE(work() - before, 20 * controller::LongCommands::kPieces);
  for (const std::uint16_t cid : cids) EXPECT_EQ(q_->reply(cid).value_or(Reply{}).code(), 0x360);
}

TEST_F(LongCommands, AbortEndsOneThatIsInTheBackend) {
  storage_->hold(StorageCall::kDeallocate);
  const std::uint16_t cid = send_whole(2);
  settle();
  ASSERT_EQ(storage_->held(), 1u);
  EXPECT_EQ(admin_->call(wire::abort(1, cid)).result(), 0u);
  storage_->let_go();
  EXPECT_EQ(q_->wait(cid).code(), 0x007);
  EXPECT_EQ(storage_->calls(StorageCall::kDeallocate), 1u);
}

TEST_F(LongCommands, ZeroesOverMarkedBlocksAreOneCommandForAllOthers) {
  storage_->fill(0, kBlocks, std::byte{7});
  ASSERT_TRUE(q_->call(wire::write_uncorrectable(1, 40000, 1)).ok());
  CapsuleHost& h = other();
  std::vector<std::byte> data(512);
  storage_->hold(StorageCall::kZeroes);
  const std::uint16_t zeroes = q_->send(wire::write_zeroes(1, 0, kBlocks));
  turns(8);
  storage_->let_go();
  ASSERT_TRUE(q_->wait(zeroes).ok());
  EXPECT_TRUE(h.call(wire::read(1, 40000, 1), {}, data).ok());
  EXPECT_EQ(storage_->content(0, kBlocks), std::vector<std::byte>(std::size_t{kBlocks} * 512));
}

TEST_F(LongCommands, AbortedZeroesLeaveTheMarks) {
  ASSERT_TRUE(q_->call(wire::write_uncorrectable(1, 10, 1)).ok());
  storage_->hold(StorageCall::kZeroes);
  const std::uint16_t zeroes = q_->send(wire::write_zeroes(1, 0, kBlocks));
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  EXPECT_EQ(admin_->call(wire::abort(1, zeroes)).result(), 0u);
  storage_->let_go();
  EXPECT_EQ(q_->wait(zeroes).code(), 0x007);
  std::vector<std::byte> data(512);
  EXPECT_EQ(q_->call(wire::read(1, 10, 1), {}, data).code(), 0x281);
  EXPECT_TRUE(q_->call(wire::write(1, 10, 1), data).ok()) << "the gate is open again";
  EXPECT_TRUE(q_->call(wire::read(1, 10, 1), {}, data).ok());
}

TEST_F(LongCommands, CommandsThatWaitToBeAloneAreAborted) {
  CapsuleHost& h = other();
  storage_->hold(StorageCall::kCommit);
  const auto data = pattern(512);
  const std::uint16_t write = h.send(wire::write(1, 0, 1), data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  const std::uint16_t mark = q_->send(wire::write_uncorrectable(1, 0, 1));
  settle();
  EXPECT_EQ(admin_->call(wire::abort(1, mark)).result(), 0u);
  storage_->let_go();
  EXPECT_EQ(q_->wait(mark).code(), 0x007);
  EXPECT_TRUE(h.wait(write).ok());
  std::vector<std::byte> back(512);
  EXPECT_TRUE(h.call(wire::read(1, 0, 1), {}, back).ok()) << "nothing was marked";
}

TEST_F(LongCommands, HostsTakeTurnsAtTheGate) {
  CapsuleHost& h = other();
  std::vector<std::uint16_t> marks;
  for (std::uint32_t i = 0; i < kMany; ++i) marks.push_back(q_->send(wire::write_uncorrectable(1, 2 * i, 1)));
  turns(4);
  const auto zeroes = std::vector<std::byte>(512);
  h.send(wire::fused(wire::compare(1, 5000, 1), nvme::flags::kFuseFirst), zeroes);
  const std::uint16_t second = h.send(wire::fused(wire::write(1, 5000, 1), nvme::flags::kFuseSecond), zeroes);
  EXPECT_TRUE(h.wait(second).ok());
  EXPECT_LT(q_->order().size(), kMany / 2) << "the marks of the other host came before";
  for (const std::uint16_t cid : marks) EXPECT_TRUE(q_->wait(cid).ok());
}

TEST_F(LongCommands, ComparesGoPieceByPiece) {
  const auto data = pattern(2048 * 512);
  ASSERT_TRUE(q_->call(wire::write(1, 8, 2048), data).ok());
  for (const std::size_t at : {std::size_t{0}, std::size_t{65536}, data.size() - 1}) {
    auto wrong = data;
    wrong[at] ^= std::byte{1};
    EXPECT_EQ(q_->call(wire::compare(1, 8, 2048), wrong).code(), 0x285) << at;
  }
  const std::uint16_t cid = q_->send(wire::compare(1, 8, 2048), data);
  EXPECT_GT(turns_until(*q_, cid), 0u);
  EXPECT_TRUE(q_->wait(cid).ok());
}

TEST_F(LongCommands, AFusedPairIsAborted) {
  storage_->hold(StorageCall::kMap);
  for (const int round : {0, 1, 2, 3}) {
    const std::uint32_t blocks = round % 2 == 0 ? 2048 : 1;
    const bool of_first = round < 2;
    const auto before = storage_->content(0, blocks);
    const auto fresh = pattern(before.size());
    storage_->hold(StorageCall::kMap);
    const std::uint16_t first = q_->send(wire::fused(wire::compare(1, 0, blocks), nvme::flags::kFuseFirst), before);
    const std::uint16_t second = q_->send(wire::fused(wire::write(1, 0, blocks), nvme::flags::kFuseSecond), fresh);
    ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
    EXPECT_EQ(admin_->call(wire::abort(1, of_first ? first : second)).result(), 0u);
    storage_->let_go();
    EXPECT_EQ(q_->wait(first).code(), 0x007);
    EXPECT_EQ(q_->wait(second).code(), 0x009);
    EXPECT_EQ(storage_->content(0, blocks), before);
  }
}

TEST_F(LongCommands, AFusedPairEndsWithItsQueue) {
  const auto before = storage_->content(0, 2048);
  const auto fresh = pattern(before.size());
  for (int turns_before = 0; turns_before < 24; ++turns_before) {
    CapsuleHost& q = io(2, 32);
    q.send(wire::fused(wire::compare(1, 0, 2048), nvme::flags::kFuseFirst), before);
    q.send(wire::fused(wire::write(1, 0, 2048), nvme::flags::kFuseSecond), fresh);
    turns(turns_before);
    q.close();
    settle();
    EXPECT_EQ(counts().borrowed_buffers, 0u);
    if (storage_->content(0, 2048) != before) break;  // it ended before
  }
  EXPECT_TRUE(q_->call(wire::write(1, 0, 1), pattern(512)).ok()) << "the gate is open";
}

TEST_F(LongCommands, AFlushOfAllGoesOnInLaterTurns) {
  std::vector<std::shared_ptr<MemoryStorage>> more;
  for (std::uint32_t nsid = 2; nsid <= 200; ++nsid) {
    more.push_back(std::make_shared<MemoryStorage>(8));
    add_namespace(more.back(), nsid);
  }
  const std::uint16_t cid = q_->send(wire::flush(nvme::kNsidAll));
  EXPECT_GE(turns_until(*q_, cid), 200 / controller::LongCommands::kPieces);
  EXPECT_TRUE(q_->wait(cid).ok());
  for (const auto& storage : more) EXPECT_EQ(storage->calls(StorageCall::kFlush), 1u);
}

}  // namespace
}  // namespace weft::test

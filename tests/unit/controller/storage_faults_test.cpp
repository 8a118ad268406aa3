// Storage that fails: the operator hears of the first failure of each kind at once and of the others in sums, hosts by their error log
// and SMART log.
#include <cerrno>

#include "bench.hpp"
#include "core/controller/storage_faults.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kInterval = 10'000'000'000;

class Faults : public Bench {
 protected:
  void SetUp() override {
    serve();
    admin_ = &admin();
    q_ = &io();
    notices_.clear();
  }
  std::uint16_t failing_write(std::uint64_t lba) {
    storage_->fail_next(StorageCall::kCommit, nvme::status::kWriteFault);
    return q_->call(wire::write(1, lba, 1), pattern(512)).code();
  }
  CapsuleHost* admin_ = nullptr;
  CapsuleHost* q_ = nullptr;
};

TEST_F(Faults, TheFirstIsSaidAtOnceAndTheOthersAreSummedUp) {
  for (std::uint64_t lba = 10; lba < 15; ++lba) EXPECT_EQ(failing_write(lba), 0x280);
  settle();
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_EQ(notices_[0], std::string("namespace 1 of ") + kDiskNqn +
                             " (test memory): a write of block 10 failed: Write Fault (280h)");
  advance(kInterval);
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_NE(notices_[1].find("4 more writes failed, the last of block 14"), std::string::npos) << notices_[1];
  advance(kInterval);
  advance(kInterval);
  EXPECT_EQ(notices_.size(), 2u) << "none came since";
  EXPECT_EQ(failing_write(20), 0x280);
  settle();
  ASSERT_EQ(notices_.size(), 3u);
  EXPECT_NE(notices_[2].find("a write of block 20 failed"), std::string::npos) << notices_[2];
  advance(kInterval);
}

TEST_F(Faults, EachKindHasItsOwnFirst) {
  EXPECT_EQ(failing_write(0), 0x280);
  std::vector<std::byte> data(512);
  storage_->fail_next(StorageCall::kMap, nvme::status::kUnrecoveredReadError);
  EXPECT_EQ(q_->call(wire::read(1, 7, 1), {}, data).code(), 0x281);
  storage_->fail_next(StorageCall::kFlush, nvme::status::kWriteFault);
  EXPECT_EQ(q_->call(wire::flush(1)).code(), 0x280);
  storage_->fail_next(StorageCall::kZeroes, nvme::status::kCapacityExceeded);
  EXPECT_EQ(q_->call(wire::write_zeroes(1, 3, 1)).code(), 0x081);
  settle();
  ASSERT_EQ(notices_.size(), 4u);
  EXPECT_NE(notices_[1].find("a read of block 7 failed"), std::string::npos) << notices_[1];
  EXPECT_NE(notices_[2].find("a flush failed"), std::string::npos) << notices_[2];
  EXPECT_NE(notices_[3].find("zeroing of block 3 failed"), std::string::npos) << notices_[3];
  advance(kInterval);
}

TEST_F(Faults, HostsHearOfThemInTheirLogs) {
  for (std::uint64_t lba = 10; lba < 13; ++lba) EXPECT_EQ(failing_write(lba), 0x280);
  nvme::SmartLog smart;
  ASSERT_TRUE(
      admin_->call(wire::get_log_page({.lid = nvme::log_page::kSmart, .length = sizeof smart}), {}, bytes_of(smart))
          .ok());
  EXPECT_EQ(smart.media_errors.low, 3u);
  EXPECT_EQ(smart.error_log_entries.low, 3u);
  nvme::ErrorLogEntry entry;
  ASSERT_TRUE(
      admin_->call(wire::get_log_page({.lid = nvme::log_page::kError, .length = sizeof entry}), {}, bytes_of(entry))
          .ok());
  EXPECT_EQ(entry.lba, 12u);
  EXPECT_EQ(entry.nsid, 1u);
}

TEST_F(Faults, AHostsOwnMistakesAreNoFaultsOfTheStorage) {
  std::vector<std::byte> data(512);
  EXPECT_EQ(q_->call(wire::read(1, 5000, 1), {}, data).code(), 0x080);
  EXPECT_EQ(q_->call(wire::compare(1, 0, 1), pattern(512)).code(), 0x285);
  settle();
  EXPECT_TRUE(notices_.empty());
}

TEST_F(Faults, ANamespaceThatGoesTakesNothingWithIt) {
  EXPECT_EQ(failing_write(1), 0x280);
  EXPECT_EQ(failing_write(2), 0x280);
  bool gone = false;
  server_->remove_namespace(kDiskNqn, 1, [&](const Status&) { gone = true; });
  ASSERT_TRUE(run([&] { return gone; }));
  advance(kInterval);
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_NE(notices_[1].find("1 more writes failed"), std::string::npos) << notices_[1];
  advance(kInterval);
}

TEST_F(Faults, WhatIsCountedIsSaidBeforeTheTargetEnds) {
  for (std::uint64_t lba = 10; lba < 13; ++lba) EXPECT_EQ(failing_write(lba), 0x280);
  settle();
  ASSERT_EQ(notices_.size(), 1u);
  stop();
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_NE(notices_[1].find("2 more writes failed, the last of block 12"), std::string::npos) << notices_[1];
}

TEST(StorageFaults, NameTheErrorBehindThem) {
  controller::StorageFaults faults("disk");
  std::vector<std::string> said;
  const auto say = [&](std::string_view sentence) { said.emplace_back(sentence); };
  using Step = controller::StorageFaults::Step;
  EXPECT_TRUE(faults.add(Step::kWrite, nvme::status::kCapacityExceeded, ENOSPC, 1));
  EXPECT_FALSE(faults.add(Step::kWrite, nvme::status::kCapacityExceeded, ENOSPC, 2));
  EXPECT_TRUE(faults.add(Step::kWrite, nvme::status::kWriteFault, EIO, 3));
  EXPECT_TRUE(faults.add(Step::kRead, nvme::status::kUnrecoveredReadError, ENODATA, 4));
  faults.report(say);
  faults.report(say);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_EQ(said[0], "disk: a read of block 4 failed: the storage ends before that block; something has cut it");
  EXPECT_EQ(said[1], "disk: a write of block 3 failed: Input/output error");
  EXPECT_EQ(said[2], "disk: a write of block 2 failed: No space left on device");
  EXPECT_TRUE(faults.sum_up(say));
  ASSERT_EQ(said.size(), 4u);
  EXPECT_FALSE(faults.sum_up(say));
}

}  // namespace
}  // namespace weft::test

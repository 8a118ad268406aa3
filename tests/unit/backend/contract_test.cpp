// What every backend that keeps data must do, run against ram and file with both block sizes.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <random>

#include "tests/unit/backend/backend_driver.hpp"

namespace weft {
namespace {

class BackendContract : public testing::TestWithParam<std::string> {
 protected:
  BackendContract() : path_(testing::TempDir() + fmt::format("weft_backend_{}", getpid())) {
    unlink(path_.c_str());
    std::string url = GetParam();
    if (const auto at = url.find("PATH"); at != std::string::npos) url.replace(at, 4, path_);
    auto backend = BackendRegistry::builtin().open(url);
    EXPECT_TRUE(backend) << (backend ? "" : backend.error().text);
    backend_ = std::move(*backend);
    driver_ = std::make_unique<BackendDriver>(*backend_);
  }
  ~BackendContract() override { unlink(path_.c_str()); }

  [[nodiscard]] std::string zeroes(std::uint32_t blocks) const {
    return std::string(std::size_t{blocks} * driver_->block_size(), '\0');
  }

  const std::string path_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<BackendDriver> driver_;
};

TEST_P(BackendContract, FreshBlocksReadAsZeroes) { EXPECT_EQ(driver_->read(3, 9), zeroes(9)); }

TEST_P(BackendContract, ReadsWhatWasWritten) {
  const std::string data = driver_->pattern(37, 'a');
  EXPECT_TRUE(driver_->write(5, data).ok());
  EXPECT_EQ(driver_->read(5, 37), data);
  EXPECT_EQ(driver_->read(4, 1), zeroes(1));
  EXPECT_EQ(driver_->read(42, 1), zeroes(1));
}

TEST_P(BackendContract, KeepsNeighboursOfAPartOfAPage) {
  const std::string old = driver_->pattern(24, 'a');
  const std::string fresh = driver_->pattern(3, 'K');
  EXPECT_TRUE(driver_->write(0, old).ok());
  EXPECT_TRUE(driver_->write(7, fresh).ok());
  const std::size_t bs = driver_->block_size();
  EXPECT_EQ(driver_->read(0, 24), old.substr(0, 7 * bs) + fresh + old.substr(10 * bs));
}

TEST_P(BackendContract, DiscardedMemoryChangesNothing) {
  const std::string data = driver_->pattern(9, 'a');
  EXPECT_TRUE(driver_->write(1, data).ok());
  BackendDriver::Op op(1, 9);
  ASSERT_TRUE(driver_->wait(op, driver_->context().lend(op)));
  BackendDriver::scatter(op, driver_->pattern(9, 'K'));
  driver_->context().discard(op);
  EXPECT_EQ(driver_->read(1, 9), data);
}

TEST_P(BackendContract, MappedBlocksStayAsTheyWereUnderAWrite) {
  const std::string old = driver_->pattern(16, 'a');
  EXPECT_TRUE(driver_->write(0, old).ok());
  BackendDriver::Op map(0, 16);
  ASSERT_TRUE(driver_->wait(map, driver_->context().map(map)));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(driver_->write(0, driver_->pattern(16, static_cast<char>('B' + i))).ok());
  EXPECT_TRUE(driver_->deallocate(0, 16).ok());
  EXPECT_TRUE(driver_->write(0, driver_->pattern(16, 'z')).ok());
  EXPECT_EQ(BackendDriver::gather(map), old);
  driver_->context().unmap(map);
  EXPECT_EQ(driver_->read(0, 16), driver_->pattern(16, 'z'));
}

TEST_P(BackendContract, ZeroesOnlyTheRange) {
  const std::string old = driver_->pattern(40, 'a');
  const std::size_t bs = driver_->block_size();
  for (const std::uint32_t flags : {0u, BackendOp::kDeallocate, BackendOp::kForceUnitAccess}) {
    EXPECT_TRUE(driver_->write(0, old).ok());
    EXPECT_TRUE(driver_->zero(3, 30, flags).ok());
    EXPECT_EQ(driver_->read(0, 40), old.substr(0, 3 * bs) + zeroes(30) + old.substr(33 * bs));
  }
  EXPECT_TRUE(driver_->write(0, old).ok());
  EXPECT_TRUE(driver_->deallocate(9, 2).ok());
  EXPECT_EQ(driver_->read(0, 40), old.substr(0, 9 * bs) + zeroes(2) + old.substr(11 * bs));
}

TEST_P(BackendContract, FlushAndForcedWritesSucceed) {
  EXPECT_TRUE(driver_->write(0, driver_->pattern(1, 'a'), BackendOp::kForceUnitAccess).ok());
  EXPECT_TRUE(driver_->flush().ok());
}

TEST_P(BackendContract, NeverNeedsMoreSegmentsThanItSays) {
  for (std::uint32_t blocks = 1; blocks <= 64; ++blocks) {
    for (std::uint64_t lba = 0; lba < 9; ++lba) {
      BackendDriver::Op op(lba, blocks);
      ASSERT_TRUE(driver_->wait(op, driver_->context().lend(op)));
      EXPECT_LE(op.iov_count, driver_->context().segments(lba, blocks));
      driver_->context().discard(op);
      ASSERT_TRUE(driver_->wait(op, driver_->context().map(op)));
      EXPECT_LE(op.iov_count, driver_->context().segments(lba, blocks));
      driver_->context().unmap(op);
    }
  }
}

// A model of the blocks beside the backend: a thousand random operations, and every read must agree.
TEST_P(BackendContract, AgreesWithAModelOverRandomOperations) {
  std::mt19937 random(42);
  std::string model = zeroes(256);
  const std::size_t bs = driver_->block_size();
  for (int i = 0; i < 1000; ++i) {
    const auto lba = static_cast<std::uint32_t>(random() % 200);
    const auto blocks = static_cast<std::uint32_t>(random() % 40 + 1);
    std::string part = zeroes(blocks);
    switch (random() % 4) {
      case 0:
        EXPECT_TRUE(driver_->deallocate(lba, blocks).ok());
        model.replace(lba * bs, part.size(), part);
        break;
      case 1:
        EXPECT_EQ(driver_->read(lba, blocks), model.substr(lba * bs, part.size())) << "operation " << i;
        break;
      default:
        for (char& c : part) c = static_cast<char>(random());
        EXPECT_TRUE(driver_->write(lba, part).ok());
        model.replace(lba * bs, part.size(), part);
    }
  }
  EXPECT_EQ(driver_->read(0, 256), model);
}

TEST_P(BackendContract, GrowsWithZeroesAndKeepsItsData) {
  const std::string data = driver_->pattern(8, 'a');
  const std::uint64_t blocks = backend_->info().blocks;
  EXPECT_TRUE(driver_->write(blocks - 8, data).ok());
  ASSERT_TRUE(backend_->resize(blocks * 2));
  EXPECT_EQ(backend_->info().blocks, blocks * 2);
  EXPECT_EQ(driver_->read(blocks - 8, 16), data + zeroes(8));
}

TEST_P(BackendContract, WhatIsCutOffDoesNotComeBack) {
  const std::string data = driver_->pattern(16, 'a');
  const std::uint64_t blocks = backend_->info().blocks;
  EXPECT_TRUE(driver_->write(blocks - 16, data).ok());
  ASSERT_TRUE(backend_->resize(blocks - 8));
  ASSERT_TRUE(backend_->resize(blocks));
  EXPECT_EQ(driver_->read(blocks - 16, 16), data.substr(0, data.size() / 2) + zeroes(8));
}

TEST_P(BackendContract, ManyWaitForMemoryAndAllAreServed) {
  std::vector<std::unique_ptr<BackendDriver::Op>> ops;
  const std::uint32_t blocks = (1u << 20) / driver_->block_size();
  std::map<BackendDriver::Op*, Progress> pending;
  for (int i = 0; i < 400; ++i) {
    ops.push_back(std::make_unique<BackendDriver::Op>(0, blocks));
    pending[ops.back().get()] = driver_->context().lend(*ops.back());
  }
  for (auto& op : ops) {
    ASSERT_TRUE(driver_->wait(*op, pending[op.get()]));
    driver_->context().discard(*op);
  }
}

std::string name_of(const testing::TestParamInfo<std::string>& param) {
  return (param.param.starts_with("ram")                        ? "Ram"
          : param.param.find("direct=off") != std::string::npos ? "FileCached"
                                                                : "File") +
         std::string(param.param.find("4096") != std::string::npos ? "4096" : "512");
}

INSTANTIATE_TEST_SUITE_P(All, BackendContract,
                         testing::Values("ram://?size=4M", "ram://?size=4M&block=4096", "file://PATH?size=4M",
                                         "file://PATH?size=4M&block=4096", "file://PATH?size=4M&direct=off"),
                         name_of);

}  // namespace
}  // namespace weft

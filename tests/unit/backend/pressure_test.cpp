// Backends that are asked for much at once: everything comes to an end, and no call takes the thread away for long.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>

#include "tests/unit/backend/backend_driver.hpp"

namespace weft {
namespace {

class Pressure : public testing::Test {
 protected:
  Pressure() : path_(testing::TempDir() + fmt::format("weft_pressure_{}", getpid())) { unlink(path_.c_str()); }
  ~Pressure() override { unlink(path_.c_str()); }
  static std::unique_ptr<Backend> open(const std::string& url) {
    auto backend = BackendRegistry::builtin().open(url);
    EXPECT_TRUE(backend) << (backend ? "" : backend.error().text);
    return std::move(*backend);
  }
  const std::string path_;
};

TEST_F(Pressure, WritesEndWhileOthersWaitForMemory) {
  const auto backend = open("file://" + path_ + "?size=4M");
  BackendDriver driver(*backend);
  constexpr std::uint32_t kMebibyte = 2048;
  std::deque<BackendDriver::Op> ops;
  std::deque<Progress> lent;
  for (int i = 0; i < 100; ++i) lent.push_back(driver.context().lend(ops.emplace_back(0, kMebibyte)));
  ASSERT_EQ(lent.back(), Progress::kPending) << "more than it has";
  const auto commit = [&](BackendDriver::Op& op) {
    op.finished = false;
    ASSERT_TRUE(driver.wait(op, driver.context().commit(op)));
    EXPECT_TRUE(op.status.ok());
  };
  EXPECT_TRUE(driver.flush().ok());
  EXPECT_TRUE(driver.zero(0, 8).ok());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    ASSERT_TRUE(driver.wait(ops[i], lent[i]));
    commit(ops[i]);
  }
}

TEST_F(Pressure, RamZeroesAPartOfAPageWhileOthersWaitForMemory) {
  const auto backend = open("ram://?size=4M");
  BackendDriver driver(*backend);
  std::deque<BackendDriver::Op> ops;
  std::deque<Progress> lent;
  do {
    lent.push_back(driver.context().lend(ops.emplace_back(0, 2048)));
  } while (lent.back() == Progress::kDone && ops.size() < 1000);
  ASSERT_EQ(lent.back(), Progress::kPending);
  EXPECT_TRUE(driver.zero(1, 1).ok());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    ASSERT_TRUE(driver.wait(ops[i], lent[i]));
    driver.context().discard(ops[i]);
  }
}

TEST_F(Pressure, IdleContextsOfRamHoldNothingThatAnotherNeeds) {
  const auto backend = open("ram://?size=64K");
  std::deque<BackendDriver> drivers;
  const auto lend_four = [](BackendDriver& driver) {
    std::deque<BackendDriver::Op> ops;
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(driver.context().lend(ops.emplace_back(0, 2048)), Progress::kDone);
      if (ops.back().iov_count == 0) return false;
    }
    for (BackendDriver::Op& op : ops) driver.context().discard(op);  // a thousand pages: its stock
    return true;
  };
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(lend_four(drivers.emplace_back(*backend))) << i << " others are idle";
}

TEST_F(Pressure, ASmallDeallocationDoesNotWaitForALargeOne) {
  const auto backend = open("ram://?size=64M");
  BackendDriver driver(*backend);
  EXPECT_TRUE(driver.write(0, driver.pattern(2048, 'a')).ok());
  BackendDriver::Op large(0, 131'072);
  BackendDriver::Op small(0, 8);
  EXPECT_EQ(driver.context().deallocate(large), Progress::kPending);
  ASSERT_TRUE(driver.wait(small, driver.context().write_zeroes(small)));
  EXPECT_FALSE(large.finished);
  ASSERT_TRUE(driver.wait(large, Progress::kPending));
  EXPECT_EQ(driver.read(0, 2048), std::string(1u << 20, '\0'));
}

}  // namespace
}  // namespace weft

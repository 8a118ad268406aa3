// Backends that are asked for much at once: everything comes to an end, and no call takes the thread away for long.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
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

// More reads than the ring of a reactor takes, and than one file may have of it.
TEST_F(Pressure, FilesThatShareARingAreAllServed) {
  constexpr std::uint32_t kFiles = 6, kReads = 300;
  const BackendRegistry registry = BackendRegistry::builtin();
  const auto reactor = std::move(*Reactor::create());
  std::vector<std::unique_ptr<Backend>> backends;
  std::vector<std::unique_ptr<BackendContext>> contexts;
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    const std::string path = path_ + std::to_string(i);
    auto backend = registry.open("file://" + path + "?size=4M");
    ASSERT_TRUE(backend) << backend.error().text;
    unlink(path.c_str());
    auto context = (*backend)->open(*reactor, BackendDriver::kMemory);
    ASSERT_TRUE(context) << context.error().text;
    backends.push_back(std::move(*backend));
    contexts.push_back(std::move(*context));
  }
  std::deque<BackendDriver::Op> ops;
  for (std::uint32_t i = 0; i < kReads; ++i) {
    for (const auto& context : contexts) {
      EXPECT_EQ(context->map(ops.emplace_back(std::uint64_t{i} * 8, 8)), Progress::kPending);
    }
  }
  const auto all = [&] { return std::all_of(ops.begin(), ops.end(), [](const auto& op) { return op.finished; }); };
  ASSERT_TRUE(reactor->run_until(all, monotonic_now() + 20'000'000'000));
  for (std::size_t i = 0; i < ops.size(); ++i) {
    EXPECT_TRUE(ops[i].status.ok());
    contexts[i % kFiles]->unmap(ops[i]);
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

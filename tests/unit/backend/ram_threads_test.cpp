// Threads that write and read the same blocks: a block is whole, always, and no page is lost or shared.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/backend/ram_pages.hpp"
#include "tests/unit/backend/backend_driver.hpp"

namespace weft {
namespace {

bool one_letter(const std::string& block) { return block.find_first_not_of(block[0]) == std::string::npos; }

void write_letters(Backend& backend, std::uint32_t blocks, char letter, int rounds) {
  BackendDriver driver(backend);
  for (int i = 0; i < rounds; ++i) {
    EXPECT_TRUE(
        driver.write(static_cast<std::uint64_t>(i % 3), std::string(std::size_t{blocks} * driver.block_size(), letter))
            .ok());
    if (i % 16 == 0) {
      EXPECT_TRUE(driver.deallocate(1, 2).ok());
    }
  }
}

void check_blocks(Backend& backend, std::uint32_t blocks, const std::atomic<bool>& stop) {
  BackendDriver driver(backend);
  while (!stop) {
    const std::string data = driver.read(0, blocks + 3);
    for (std::size_t at = 0; at < data.size(); at += driver.block_size()) {
      ASSERT_TRUE(one_letter(data.substr(at, driver.block_size()))) << "block " << at / driver.block_size();
    }
  }
}

class RamThreads : public testing::TestWithParam<const char*> {};

TEST_P(RamThreads, NeverShowABlockThatIsHalfWritten) {
  auto backend = BackendRegistry::builtin().open(GetParam());
  ASSERT_TRUE(backend);
  std::atomic<bool> stop{false};
  std::thread reader([&] { check_blocks(**backend, 9, stop); });
  std::thread first([&] { write_letters(**backend, 9, 'a', 2000); });
  write_letters(**backend, 9, 'b', 2000);
  first.join();
  stop = true;
  reader.join();
}
INSTANTIATE_TEST_SUITE_P(Blocks, RamThreads, testing::Values("ram://?size=1M", "ram://?size=1M&block=4096"),
                         [](const auto& param) { return std::string(param.index == 0 ? "Of512" : "Of4096"); });

TEST(RamPages, FreesEachPageExactlyOnceWhoeverLetsGoLast) {
  auto pages = RamPages::create(4);
  ASSERT_TRUE(pages);
  ASSERT_TRUE((*pages)->promise(8));
  RamPages& ram = **pages;
  const RamPages::Page first = ram.take_shared();
  const RamPages::Page second = ram.take_shared();
  EXPECT_EQ(ram.swap(0, first), RamPages::kNoPage);  // the zeroes belong to nobody
  EXPECT_EQ(ram.pin(0), first);
  EXPECT_EQ(ram.pin(0), first);
  EXPECT_FALSE(ram.unpin(0, first));
  EXPECT_EQ(ram.swap(0, second), RamPages::kNoPage);  // one reader holds it still
  EXPECT_TRUE(ram.unpin(0, first));
  EXPECT_EQ(ram.swap(0, 0), second);
}

TEST(RamPages, RunsOutAndComesBack) {
  auto pages = RamPages::create(2);
  ASSERT_TRUE(pages);
  ASSERT_TRUE((*pages)->promise(3));
  std::vector<RamPages::Page> taken;
  for (RamPages::Page page; (page = (*pages)->take_shared()) != RamPages::kNoPage;) taken.push_back(page);
  EXPECT_EQ(taken.size(), 5u);
  (*pages)->give_shared(taken.data(), taken.size());
  std::size_t again = 0;
  while ((*pages)->take_shared() != RamPages::kNoPage) ++again;
  EXPECT_EQ(again, taken.size());
}

TEST(RamPages, PinsOfThePageOfZeroesNeverFreeIt) {
  auto pages = RamPages::create(1);
  ASSERT_TRUE(pages);
  ASSERT_TRUE((*pages)->promise(4));
  RamPages& ram = **pages;
  EXPECT_EQ(ram.pin(0), 0u);
  const RamPages::Page page = ram.take_shared();
  EXPECT_EQ(ram.swap(0, page), RamPages::kNoPage);
  EXPECT_EQ(ram.swap(0, 0), page);
  EXPECT_FALSE(ram.unpin(0, 0));
  EXPECT_EQ(ram.swap(0, page), RamPages::kNoPage);
  EXPECT_EQ(ram.pin(0), page);
  EXPECT_FALSE(ram.unpin(0, page));
}

}  // namespace
}  // namespace weft

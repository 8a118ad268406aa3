// Memory that a transport reaches directly: what is registered, what is given back, and what is said when it cannot be.
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "support/loopback_transport.hpp"
#include "weft/memory.hpp"
#include "weft/plugin.hpp"
#include "weft/reactor.hpp"

namespace weft {
namespace {

using test::loopback_transport;

int refuse_region(weft_domain*, void*, std::uint64_t, std::uint32_t, weft_region**, weft_error* error) {
  plugin::fill(error, plugin::make_error(ENOMEM, WEFT_ORIGIN_LOCAL, 0, "", "RLIMIT_MEMLOCK is 64 KiB"));
  return -ENOMEM;
}

class MemoryTest : public ::testing::Test {
 protected:
  [[nodiscard]] static std::uint64_t regions() { return test::loopback_control().live().regions; }
  test::LoopbackGuard loopback_;
};

TEST_F(MemoryTest, OfTheCallersIsRegisteredUntilItDies) {
  Transport transport(*loopback_transport(), "loopback");
  std::vector<std::byte> bytes(8192);
  {
    const Result<Memory> memory = register_memory(transport, bytes);
    ASSERT_TRUE(memory) << memory.error().text;
    EXPECT_EQ(regions(), 1u);
    EXPECT_EQ(memory->bytes().data(), bytes.data());
    const weft_iov iov = memory->iov(512, 4096);
    EXPECT_EQ(iov.base, bytes.data() + 512);
    EXPECT_EQ(iov.len, 4096u);
    EXPECT_NE(iov.region, nullptr);
  }
  EXPECT_EQ(regions(), 0u);
}

TEST_F(MemoryTest, MovesWithItsRegistration) {
  Transport transport(*loopback_transport(), "loopback");
  Result<Memory> first = allocate_memory(transport, 4096);
  ASSERT_TRUE(first);
  Memory second(std::move(*first));
  EXPECT_EQ(regions(), 1u);
  EXPECT_EQ(second.bytes().size(), 4096u);
  EXPECT_EQ(second.bytes()[4095], std::byte{0});
  second = Memory();
  EXPECT_EQ(regions(), 0u);
}

TEST_F(MemoryTest, ThatCannotBeRegisteredIsCopiedAndSaysWhy) {
  weft_transport table = *loopback_transport();
  table.region_register = &refuse_region;
  Transport transport(table, "without memory");
  std::vector<std::byte> bytes(4096);
  const Result<Memory> refused = register_memory(transport, bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ENOMEM);
  EXPECT_EQ(refused.error().text, "RLIMIT_MEMLOCK is 64 KiB");
  const Result<Memory> allocated = allocate_memory(transport, 4096);
  ASSERT_TRUE(allocated) << allocated.error().text;
  EXPECT_EQ(allocated->iov(0, 4096).region, nullptr);
  EXPECT_EQ(allocated->why_copied(), "RLIMIT_MEMLOCK is 64 KiB");
}

TEST_F(MemoryTest, OfATransportWithoutRegionsIsMemoryAndNothingIsCopied) {
  weft_transport table = *loopback_transport();
  table.region_register = nullptr;
  table.region_release = nullptr;
  Transport transport(table, "without regions");
  const Result<Memory> memory = allocate_memory(transport, 4096);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->iov(0, 4096).region, nullptr);
  EXPECT_EQ(memory->why_copied(), "");
  EXPECT_EQ(regions(), 0u);
}

TEST_F(MemoryTest, OfNoBytesIsRefused) {
  Transport transport(*loopback_transport(), "loopback");
  const Result<Memory> memory = allocate_memory(transport, 0);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().text, "memory for data has at least one byte");
}

TEST_F(MemoryTest, ThatTheMachineDoesNotHaveIsRefused) {
  Transport transport(*loopback_transport(), "loopback");
  const Result<Memory> memory = allocate_memory(transport, std::size_t{1} << 60);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().text, "there is no memory for 1152921504606846976 bytes of data");
}

}  // namespace
}  // namespace weft

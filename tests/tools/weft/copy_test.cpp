// Copying between a namespace and a file, whatever size the controller says that its blocks have.
#include "tools/weft/copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "support/loopback_transport.hpp"
#include "support/scripted_controller.hpp"

namespace weft::tools {
namespace {

using test::ScriptedController;

class CopyTest : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  CopyTest() {
    EXPECT_TRUE(registry_.add(test::loopback_transport(), "loopback").has_value());
    thread_ = *ReactorThread::start({.wait = WaitPolicy::kSleep}, "controller");
    thread_->call([this] {
      controller_ = std::make_unique<ScriptedController>(thread_->reactor(), registry_);
      controller_->spaces[1] = {.block_size = GetParam(), .bytes = data(), .nguid = 0};
    });
    host_ = *BlockingHost::connect(registry_, "loop://here/nqn.2026-01.org.example:disk?kato=0");
    where_ = *host_->identify_namespace(1);
  }
  ~CopyTest() override {
    host_.reset();
    thread_->call([this] { controller_->close(); });
    const Nanoseconds deadline = monotonic_now() + 10'000'000'000;
    for (bool closed = false; !closed && monotonic_now() < deadline;)
      thread_->call([&] { closed = controller_->closed(); });
    thread_->call([this] { controller_.reset(); });
    thread_.reset();
  }
  // Blocks for more than one buffer.
  static std::vector<std::byte> data() {
    std::vector<std::byte> bytes(std::max<std::size_t>(2 * std::size_t{GetParam()}, std::size_t{6} << 20));
    for (std::size_t i = 0; i < bytes.size(); i += 4096) bytes[i + i / 4096 % 4096] = static_cast<std::byte>(i / 4096);
    return bytes;
  }

  test::LoopbackGuard guard_;
  TransportRegistry registry_{SearchPath{}};
  std::unique_ptr<ReactorThread> thread_;
  std::unique_ptr<ScriptedController> controller_;
  std::unique_ptr<BlockingHost> host_;
  Namespace where_;
  Program program_;
  const std::string path_ = testing::TempDir() + "weft_copy_test_" + std::to_string(GetParam());
};

TEST_P(CopyTest, OutAndIn) {
  const std::vector<std::byte> before = data();
  const std::uint64_t odd = before.size() - 300;  // ends within a block
  auto output = *DataFile::open_output(path_);
  ASSERT_TRUE(copy_out(program_, *host_, where_, 0, odd, *output).has_value());
  ASSERT_TRUE(output->close());
  std::vector<char> read(odd + 1);
  std::ifstream file(path_, std::ios::binary);
  file.read(read.data(), static_cast<std::streamsize>(read.size()));
  ASSERT_EQ(file.gcount(), static_cast<std::streamsize>(odd));
  EXPECT_EQ(std::memcmp(read.data(), before.data(), odd), 0);

  thread_->call([this] { std::memset(controller_->spaces[1].bytes.data(), 0xee, data().size()); });
  auto input = *DataFile::open_input(path_);
  EXPECT_EQ(*copy_in(program_, *host_, where_, 0, *input), odd);
  thread_->call([&] {
    const std::vector<std::byte>& after = controller_->spaces[1].bytes;
    EXPECT_EQ(std::memcmp(after.data(), before.data(), odd), 0);
    EXPECT_TRUE(std::all_of(after.end() - 300, after.end(), [](std::byte b) { return b == std::byte{0}; }));
  });
  (void)std::remove(path_.c_str());
}

INSTANTIATE_TEST_SUITE_P(BlockSizes, CopyTest, ::testing::Values(512u, 1u << 23));

}  // namespace
}  // namespace weft::tools

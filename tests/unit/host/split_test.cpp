// How large requests are cut into commands: by MDTS, by the transport, by 65,536 blocks, by segments.
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class HostSplitTest : public HostTest {
 protected:
  std::vector<std::uint64_t> lengths_of(std::uint8_t opcode) {
    std::vector<std::uint64_t> lengths;
    for (const Received& command : controller_->log) {
      if (command.is_io(opcode)) lengths.push_back(command.length);
    }
    return lengths;
  }
};

TEST_F(HostSplitTest, SplitsByMdts) {
  controller_->identity.mdts = 1;  // 8 KiB
  connect();
  std::vector<std::byte> data = pattern(8192 * 2 + 512);
  Io write(Kind::kWrite, 0, data);
  EXPECT_TRUE(run(write).ok());
  EXPECT_THAT(lengths_of(nvme::io::kWrite), UnorderedElementsAre(8192, 8192, 512));
  EXPECT_TRUE(std::equal(data.begin(), data.end(), blocks().begin()));
  EXPECT_EQ(write.completion.moved, data.size());
}

TEST_F(HostSplitTest, SplitsByTheTransportsLimitInWholeBlocks) {
  LoopbackLimits limits;
  limits.max_transfer = 4096 + 700;
  loopback_control().set_limits(limits);
  controller_->identity.ioccsz = 4;
  connect();
  std::vector<std::byte> out = pattern(512 * 20), in(512 * 20);
  Io write(Kind::kWrite, 7, out), read(Kind::kRead, 7, in);
  EXPECT_TRUE(run(write).ok());
  EXPECT_TRUE(run(read).ok());
  EXPECT_EQ(in, out);
  EXPECT_THAT(lengths_of(nvme::io::kWrite), UnorderedElementsAre(4608, 4608, 1024));
}

TEST_F(HostSplitTest, ABlockLargerThanACommandMayCarryIsAnError) {
  LoopbackLimits limits;
  limits.max_transfer = 4096;
  loopback_control().set_limits(limits);
  connect();
  std::vector<std::byte> data(8192);
  Io write(Kind::kWrite, 0, data);
  write.block_size = 8192;
  write.blocks = 1;
  EXPECT_EQ(run(write).error, -EMSGSIZE);
}

TEST_F(HostSplitTest, SplitsWhatHasMoreThan65536Blocks) {
  connect();
  Io verify(Kind::kVerify, 0, 65536 * 2 + 5);
  controller_->script = [](const Received& command) {
    return command.is_io(nvme::io::kVerify) ? Verdict::with({}) : Verdict::model();
  };
  EXPECT_TRUE(run(verify).ok());
  std::vector<std::pair<std::uint64_t, std::uint32_t>> pieces;
  for (const Received& command : controller_->log) {
    const auto rw = command.sqe.arguments<nvme::ReadWriteArguments>();
    if (command.is_io(nvme::io::kVerify)) pieces.emplace_back(rw.slba, rw.blocks());
  }
  EXPECT_THAT(pieces, ElementsAre(std::pair(0u, 65536u), std::pair(65536u, 65536u), std::pair(131072u, 5u)));
}

TEST_F(HostSplitTest, SplitsByTheNumberOfSegments) {
  LoopbackLimits limits;
  limits.max_iov = 4;
  loopback_control().set_limits(limits);
  connect();
  for (const std::vector<std::size_t>& sizes :
       {std::vector<std::size_t>{512}, {1024, 100, 412}, {200}, {1, 511}, {513, 511, 1000, 24}, {3000, 72}}) {
    std::vector<std::byte> out = pattern(512 * 24, static_cast<unsigned>(sizes[0])), in(512 * 24);
    Io write(Kind::kWrite, 30, 24), read(Kind::kRead, 30, 24);
    write.cut(out, sizes);
    read.cut(in, sizes);
    EXPECT_TRUE(run(write).ok()) << write.completion.error;
    EXPECT_TRUE(run(read).ok());
    EXPECT_EQ(in, out) << "cut by " << sizes[0];
  }
}

TEST_F(HostSplitTest, EmptySegmentsAreNoHarm) {
  connect();
  std::vector<std::byte> out = pattern(1024), in(1024);
  Io write(Kind::kWrite, 0, 2);
  write.parts = {{nullptr, 0, nullptr},
                 {out.data(), 100, nullptr},
                 {nullptr, 0, nullptr},
                 {out.data() + 100, 924, nullptr},
                 {nullptr, 0, nullptr}};
  write.iov = write.parts.data();
  write.iov_count = 5;
  EXPECT_TRUE(run(write).ok());
  Io read(Kind::kRead, 0, in);
  EXPECT_TRUE(run(read).ok());
  EXPECT_EQ(in, out);
}

TEST_F(HostSplitTest, MemoryCutFinerThanACommandMayNameIsAnError) {
  LoopbackLimits limits;
  limits.max_iov = 2;
  loopback_control().set_limits(limits);
  connect();
  std::vector<std::byte> data(512);
  Io write(Kind::kWrite, 0, 1);
  write.cut(data, {100});
  EXPECT_EQ(run(write).error, -EMSGSIZE);
  EXPECT_EQ(count_io(nvme::io::kWrite), 0u);
}

}  // namespace
}  // namespace weft::test

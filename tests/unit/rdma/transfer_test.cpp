// Data of commands between a host and a controller, over queue pairs of the model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disk.hpp"

namespace weft::rdma {
namespace {

constexpr std::uint64_t kSizes[] = {512, 4096, 4100, 65536, 1U << 20};

// Writes and reads back one command of `length` bytes; everything is as it was sent.
void write_and_read(SideBench& bench, Disk& disk, std::uint64_t length, bool registered, std::uint32_t pieces) {
  Buffer out(bench.host, length, registered, pieces), in(bench.host, length, registered, pieces);
  out.fill(3);
  disk.contents[2] = pattern(length, 9);
  const std::size_t before = bench.host.responses.size();
  const nvme::Sqe write = make_sqe(1, nvme::io::kWrite), read = make_sqe(2, nvme::io::kRead);
  ASSERT_EQ(bench.host_side().send_command(&write, out.iov(), WEFT_DIR_OUT), 0);
  ASSERT_EQ(bench.host_side().send_command(&read, in.iov(), WEFT_DIR_IN), 0);
  ASSERT_TRUE(bench.run_until([&] { return bench.host.responses.size() == before + 2; }));
  for (std::size_t i = before; i < before + 2; ++i) {
    ASSERT_TRUE(bench.host.responses[i].cqe);
    EXPECT_TRUE(bench.host.responses[i].cqe->status().ok());
    EXPECT_EQ(bench.host.responses[i].moved, length);
  }
  EXPECT_TRUE(disk.written[1] == out.bytes());
  EXPECT_TRUE(in.bytes() == disk.contents[2]);
}

struct Way {
  bool host_registered, controller_registered;
  std::uint32_t host_pieces, controller_pieces;
  bool windows, invalidate;
  std::uint64_t max_message;
  std::uint32_t max_sge;
  std::uint16_t descriptors = 1;
};

class Ways : public testing::TestWithParam<Way> {};

TEST_P(Ways, DataArrivesWhole) {
  const Way way = GetParam();
  for (const std::uint64_t length : kSizes) {
    BenchOptions options{
        .seed = length + 1, .descriptors = way.descriptors, .windows = way.windows, .invalidate = way.invalidate};
    options.traits.attributes.max_message = way.max_message;
    options.traits.attributes.max_sge = way.max_sge;
    SideBench bench(options);
    Disk disk(bench, {.registered = way.controller_registered, .pieces = way.controller_pieces});
    SCOPED_TRACE(length);
    write_and_read(bench, disk, length, way.host_registered, way.host_pieces);
    bench.settle();
    EXPECT_TRUE(bench.host_side().idle());
    EXPECT_TRUE(bench.controller_side().idle());
    EXPECT_LE(bench.controller.machine.record.counts.most_reads, options.reads_out);
    EXPECT_TRUE(bench.host.memory().staging().all_free());
    EXPECT_TRUE(bench.controller.memory().staging().all_free());
    bench.expect_no_faults();
  }
}

constexpr std::uint64_t kLarge = std::uint64_t{1} << 31;
INSTANTIATE_TEST_SUITE_P(
    Transfer, Ways,
    testing::Values(Way{true, true, 1, 1, true, true, kLarge, 32}, Way{false, false, 1, 1, true, true, kLarge, 32},
                    Way{true, false, 1, 1, true, false, kLarge, 32}, Way{false, true, 1, 1, false, true, kLarge, 32},
                    Way{true, true, 5, 7, true, true, kLarge, 3}, Way{false, false, 5, 7, false, false, 8192, 1},
                    Way{true, true, 1, 30, true, true, 8192, 2}, Way{true, true, 5, 1, true, true, kLarge, 32, 16},
                    Way{true, false, 8, 3, true, false, 8192, 2, 8}, Way{true, true, 5, 7, false, true, kLarge, 32, 16},
                    Way{true, true, 9, 1, true, true, kLarge, 32, 16}));

// Keeps `depth` commands under way, of sizes and kinds that the seed chooses, until `total` are done.
class Load {
 public:
  Load(SideBench& bench, Disk& disk) : bench_(bench), disk_(disk), slots_(bench.options.depth) {
    bench.host.on_response = [this](const End::Response& response) { done(response); };
  }
  void run(std::uint32_t total) {
    ASSERT_TRUE(bench_.run_until([&] {
      for (std::uint16_t cid = 0; cid < slots_.size() && started_ < total; ++cid)
        if (slots_[cid] == nullptr) start(cid);
      return ended_ == total;
    })) << "seed "
        << bench_.fabric.seed();
  }

 private:
  void start(std::uint16_t cid) {
    const std::uint64_t length = 512 * (1 + bench_.fabric.random(64));
    slots_[cid] = std::make_unique<Buffer>(bench_.host, length, started_ % 2 == 0, 1 + cid % 4U);
    slots_[cid]->fill(static_cast<std::uint8_t>(started_));
    const bool in = started_ % 3 == 0;
    if (in) disk_.contents[cid] = pattern(length, static_cast<std::uint8_t>(cid));
    disk_.written.erase(cid);
    const nvme::Sqe sqe = make_sqe(cid, in ? nvme::io::kRead : nvme::io::kWrite);
    EXPECT_EQ(bench_.host_side().send_command(&sqe, slots_[cid]->iov(), in ? WEFT_DIR_IN : WEFT_DIR_OUT), 0);
    ++started_;
  }
  void done(const End::Response& response) {
    EXPECT_EQ(response.error, 0);
    const bool in = !disk_.written.contains(response.cid);
    EXPECT_TRUE(slots_[response.cid]->bytes() == (in ? disk_.contents : disk_.written)[response.cid]);
    slots_[response.cid].reset();
    ++ended_;
  }

  SideBench& bench_;
  Disk& disk_;
  std::vector<std::unique_ptr<Buffer>> slots_;  // by CID, while its command is under way
  std::uint32_t started_ = 0, ended_ = 0;
};

TEST(Transfer, AnyOrderOfEventsLeavesDataWhole) {
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    SideBench bench({.seed = seed,
                     .depth = 6,
                     .receives = 6,
                     .reads_out = 2,
                     .descriptors = static_cast<std::uint16_t>(seed % 3 == 0 ? 1 : 16),
                     .max_inline = seed % 5 == 0 ? 0U : 512U,
                     .flow_control = seed % 2 == 0,
                     .windows = seed % 4 != 0});
    Disk disk(bench, {.registered = seed % 3 == 0, .pieces = 3, .call = 8192});
    Load load(bench, disk);
    load.run(60);
    bench.settle();
    bench.expect_no_faults();
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace weft::rdma

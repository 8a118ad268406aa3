// A queue pair that breaks off at any point: each operation ends once, with no more bytes than it had, and nothing is
// kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disk.hpp"

namespace weft::rdma {
namespace {

struct Outcome {
  bool whole = false;  // everything had ended before the break
  std::uint32_t succeeded = 0, failed = 0;
};

// Six commands of both kinds, broken off after `steps` things have happened.
Outcome break_off_after(std::size_t steps, const BenchOptions& options, const Disk::Shape& shape) {
  SideBench bench(options);
  Disk disk(bench, shape);
  std::vector<std::unique_ptr<Buffer>> data;
  for (std::uint16_t cid = 0; cid < 6; ++cid) {
    const std::uint64_t length = 3000U + 20000U * cid;
    disk.contents[cid] = pattern(length, 1);
    data.push_back(std::make_unique<Buffer>(bench.host, length, cid % 3 != 0));
    const nvme::Sqe sqe = make_sqe(cid, cid % 2 == 0 ? nvme::io::kRead : nvme::io::kWrite);
    EXPECT_EQ(bench.host_side().send_command(&sqe, data.back()->iov(), cid % 2 == 0 ? WEFT_DIR_IN : WEFT_DIR_OUT), 0);
  }
  for (std::size_t i = 0; i < steps; ++i) {
    bench.turn();
    bench.fabric.step();
  }
  bench.turn();
  const Outcome outcome{.whole = bench.host.responses.size() == 6};
  bench.controller.break_off();
  bench.host.break_off();

  Outcome result = outcome;
  std::array<int, 6> ends{};
  for (const End::Response& response : bench.host.responses) {
    ++ends[response.cid];
    EXPECT_EQ(response.cqe.has_value(), response.error == 0);
    EXPECT_LE(response.moved, data[response.cid]->length());
    ++(response.cqe ? result.succeeded : result.failed);
  }
  EXPECT_THAT(ends, testing::Each(1));
  EXPECT_EQ(disk.calls, disk.ends);
  for (const End::Data& end : bench.controller.data) EXPECT_LE(end.moved, disk.most_of_a_call);
  EXPECT_EQ(bench.controller_side().held(), 0U);
  EXPECT_TRUE(bench.controller_side().idle() || bench.controller.ended);
  for (End* end : {&bench.host, &bench.controller}) {
    EXPECT_TRUE(end->memory().staging().all_free());
    EXPECT_EQ(end->memory().ops().in_use(), 0U);
    EXPECT_THAT(end->machine.record.faults(), testing::IsEmpty());
  }
  return result;
}

void break_off_everywhere(const BenchOptions& options, const Disk::Shape& shape) {
  std::uint32_t failed = 0, steps = 0;
  for (bool whole = false; !whole; ++steps) {
    ASSERT_LT(steps, 1000U);
    SCOPED_TRACE(steps);
    const Outcome outcome = break_off_after(steps, options, shape);
    failed += outcome.failed;
    whole = outcome.whole;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(failed, 6U);
}

TEST(Ending, EachOperationEndsOnceWhereverItBreaksStraight) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    break_off_everywhere({.seed = seed, .depth = 6, .receives = 6, .reads_out = 2}, {.registered = true});
}

TEST(Ending, EachOperationEndsOnceWhereverItBreaksStagedWithLittleMemory) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    break_off_everywhere({.seed = seed,
                          .depth = 6,
                          .receives = 6,
                          .reads_out = 2,
                          .flow_control = seed % 2 == 0,
                          .windows = seed % 2 != 0,
                          .memory = {.staging = std::uint64_t{256} << 10}},
                         {.registered = false, .pieces = 2, .call = 40000});
}

TEST(Ending, BytesThatWereMovedAreToldWithTheEnd) {
  BenchOptions options{.reads_out = 1};
  options.traits.attributes.max_message = 4096;
  SideBench bench(options);
  Disk disk(bench, {.registered = true});
  Buffer data(bench.host, 65536, true);
  const nvme::Sqe sqe = make_sqe(1, nvme::io::kWrite);
  ASSERT_EQ(bench.host_side().send_command(&sqe, data.iov(), WEFT_DIR_OUT), 0);
  ASSERT_TRUE(bench.run_until([&] { return bench.controller.machine.record.counts.reads == 5; }));
  bench.controller.break_off();
  ASSERT_EQ(bench.controller.data.size(), 1U);
  EXPECT_EQ(bench.controller.data[0].error, -ECONNRESET);
  EXPECT_GE(bench.controller.data[0].moved, 4U * 4096U);
  EXPECT_LE(bench.controller.data[0].moved, 5U * 4096U);
}

TEST(Ending, APostThatTheDeviceRefusesEndsTheQueuePair) {
  for (const bool at_host : {true, false}) {
    for (std::uint64_t which = 1; which <= 4; ++which) {
      SideBench bench;
      Disk disk(bench, {.registered = false});
      End& victim = at_host ? bench.host : bench.controller;
      victim.machine.script.fail(model::Call::kPostSend, which, ENOMEM);
      Buffer data(bench.host, 65536, true);
      for (std::uint16_t cid = 0; cid < 3; ++cid) {
        disk.contents[cid] = pattern(65536, 1);
        const nvme::Sqe sqe = make_sqe(cid, nvme::io::kRead);
        ASSERT_EQ(bench.host_side().send_command(&sqe, data.iov(), WEFT_DIR_IN), 0);
      }
      ASSERT_TRUE(bench.run_until([&] { return victim.ended.has_value(); }));
      EXPECT_THAT(victim.ended->text, testing::HasSubstr("the device took no more work"));
      bench.controller.break_off();
      bench.host.break_off();
      EXPECT_EQ(bench.host.responses.size(), 3U);
      EXPECT_EQ(disk.calls, disk.ends);
    }
  }
}

}  // namespace
}  // namespace weft::rdma

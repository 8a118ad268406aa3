// I/O: each command does its job, what makes no sense is refused before anything is sent; commands that are passed through.
#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;

using HostIoTest = HostTest;

TEST_F(HostIoTest, WritesAndReadsBack) {
  connect();
  std::vector<std::byte> out = pattern(8192), in(8192);
  Io write(Kind::kWrite, 16, out);
  EXPECT_TRUE(run(write).ok());
  EXPECT_EQ(write.completion.moved, 8192u);
  Io read(Kind::kRead, 16, in);
  EXPECT_TRUE(run(read).ok());
  EXPECT_EQ(in, out);
}

TEST_F(HostIoTest, AReadThatSucceedsWithoutAllItsDataIsAnError) {
  connect();
  for (const std::size_t comes : {0u, 512u, 4095u}) {
    controller_->script = [=](const Received& command) {
      return command.is_io(nvme::io::kRead) ? Verdict::with({{}, 0, pattern(comes), false}) : Verdict::model();
    };
    std::vector<std::byte> in(4096);
    Io read(Kind::kRead, 0, in);
    EXPECT_EQ(run(read).error, -ENODATA) << comes;
    EXPECT_EQ(read.completion.moved, comes);
  }
  controller_->script = nullptr;
  std::vector<std::byte> in(4096);
  Io read(Kind::kRead, 0, in);
  EXPECT_TRUE(run(read).ok()) << "it cost the association nothing";
}

TEST_F(HostIoTest, AWriteOrCompareThatSucceedsWithoutItsDataIsAnError) {
  connect();
  controller_->takes_data = false;
  controller_->script = [=](const Received& command) {
    return command.qid != 0 ? Verdict::with({}) : Verdict::model();
  };
  for (const Kind kind : {Kind::kWrite, Kind::kCompare}) {
    std::vector<std::byte> large = pattern(8192), small = pattern(4096);
    Io fetched(kind, 0, large);
    EXPECT_EQ(run(fetched).error, -ENODATA);
    EXPECT_EQ(fetched.completion.moved, 0u);
    Io in_capsule(kind, 0, small);
    EXPECT_TRUE(run(in_capsule).ok()) << "the controller had it with the command";
  }
}

TEST_F(HostIoTest, ComparesAndSaysWhenItDiffers) {
  connect();
  std::vector<std::byte> data(1024);
  Io same(Kind::kCompare, 0, data);
  EXPECT_TRUE(run(same).ok());
  data[600] = std::byte{1};
  Io other(Kind::kCompare, 0, data);
  EXPECT_EQ(run(other).status.code(), nvme::status::kCompareFailure.code());
  EXPECT_EQ(other.completion.error, 0);
}

TEST_F(HostIoTest, CompareAndWriteIsOneFusedPair) {
  connect();
  std::vector<std::byte> old(512), fresh = pattern(512);
  Io swap(Kind::kCompareAndWrite, 3, fresh);
  swap.compare_with(old);
  EXPECT_TRUE(run(swap).ok());
  EXPECT_TRUE(std::equal(fresh.begin(), fresh.end(), blocks().begin() + 3 * 512));
  const std::size_t last = controller_->log.size() - 1;
  EXPECT_EQ(controller_->log[last - 1].sqe.fuse(), nvme::flags::kFuseFirst);
  EXPECT_EQ(controller_->log[last].sqe.fuse(), nvme::flags::kFuseSecond);
  Io again(Kind::kCompareAndWrite, 3, fresh);
  again.compare_with(old);
  EXPECT_EQ(run(again).status.code(), nvme::status::kCompareFailure.code()) << "the compare's word, not the write's";
}

TEST_F(HostIoTest, FlushZeroesDeallocateVerifyAndUncorrectable) {
  connect();
  std::ranges::fill(blocks(), std::byte{9});
  Io zero(Kind::kWriteZeroes, 2, 4);
  zero.deallocate = true;
  EXPECT_TRUE(run(zero).ok());
  EXPECT_EQ(blocks()[2 * 512], std::byte{0});
  EXPECT_EQ(blocks()[6 * 512], std::byte{9});
  EXPECT_TRUE((controller_->log.back().sqe.arguments<nvme::ReadWriteArguments>().control &
               nvme::ReadWriteArguments::kDeallocate) != 0);
  Io drop(Kind::kDeallocate, 100, 10);
  EXPECT_TRUE(run(drop).ok());
  EXPECT_EQ(blocks()[109 * 512 + 511], std::byte{0});
  EXPECT_EQ(blocks()[110 * 512], std::byte{9});
  Io flush(Kind::kFlush, 0, 0), verify(Kind::kVerify, 0, 8), spoil(Kind::kWriteUncorrectable, 5, 1);
  EXPECT_TRUE(run(flush).ok());
  EXPECT_TRUE(run(verify).ok());
  EXPECT_TRUE(run(spoil).ok());
  EXPECT_EQ(count_io(nvme::io::kFlush), 1u);
  EXPECT_EQ(count_io(nvme::io::kVerify), 1u);
  EXPECT_EQ(count_io(nvme::io::kWriteUncorrectable), 1u);
}

TEST_F(HostIoTest, ForcesUnitAccessWhenAsked) {
  connect();
  std::vector<std::byte> data(512);
  Io write(Kind::kWrite, 0, data);
  write.force_unit_access = true;
  EXPECT_TRUE(run(write).ok());
  EXPECT_EQ(controller_->log.back().sqe.arguments<nvme::ReadWriteArguments>().control,
            nvme::ReadWriteArguments::kForceUnitAccess);
}

TEST_F(HostIoTest, RefusesWhatMakesNoSense) {
  connect();
  std::vector<std::byte> data(1024);
  const auto error_of = [&](const std::function<void(Io&)>& change) {
    Io io(Kind::kWrite, 0, data);
    change(io);
    return run(io).error;
  };
  EXPECT_EQ(error_of([](Io& io) { io.blocks = 0; }), -EINVAL);
  EXPECT_EQ(error_of([](Io& io) { io.blocks = 1; }), -EINVAL) << "more memory than blocks";
  EXPECT_EQ(error_of([](Io& io) { io.blocks = 3; }), -EINVAL) << "less memory than blocks";
  EXPECT_EQ(error_of([](Io& io) { io.iov_count = 0; }), -EINVAL);
  EXPECT_EQ(error_of([](Io& io) { io.block_size = 0; }), -EINVAL);
  EXPECT_EQ(error_of([](Io& io) { io.lba = UINT64_MAX; }), -EINVAL);
  EXPECT_EQ(error_of([](Io& io) { io.blocks = UINT64_MAX / 256; }), -EINVAL);
  EXPECT_EQ(error_of([](Io& io) { io.queue = 2; }), -EINVAL) << "there is one queue";
  EXPECT_EQ(error_of([](Io& io) { io.kind = Kind::kCompareAndWrite; }), -EINVAL) << "nothing to compare with";
  EXPECT_EQ(count_io(nvme::io::kWrite), 0u);
}

TEST_F(HostIoTest, ACompareAndWriteIsNeverSplit) {
  controller_->identity.mdts = 1;
  connect();
  std::vector<std::byte> data(16384), old(16384);
  Io swap(Kind::kCompareAndWrite, 0, data);
  swap.compare_with(old);
  const Completion completion = run(swap);
  EXPECT_EQ(completion.error, -EMSGSIZE);
  EXPECT_THAT(completion_error(completion, "compare and write").text,
              testing::HasSubstr("larger than the controller's limit (MDTS) or the transport's"));
}

TEST_F(HostIoTest, ACompareAndWriteOnAQueueOfOneCommandIsAnErrorAndNoWait) {
  options_.qsize = 2;
  options_.sq_flow_control = true;
  connect();
  std::vector<std::byte> data(512), old(512);
  Io swap(Kind::kCompareAndWrite, 0, data);
  swap.compare_with(old);
  EXPECT_EQ(run(swap).error, -EINVAL);
}

TEST_F(HostIoTest, OneFailedPieceFailsTheWholeOnce) {
  controller_->identity.mdts = 1;
  connect();
  std::vector<std::byte> data = pattern(8192 * 4);
  std::size_t writes = 0;
  controller_->script = [&](const Received& command) {
    return command.is_io(nvme::io::kWrite) && ++writes == 2 ? Verdict::refuse(nvme::status::kLbaOutOfRange)
                                                            : Verdict::model();
  };
  Io write(Kind::kWrite, 0, data);
  EXPECT_EQ(run(write).status.code(), nvme::status::kLbaOutOfRange.code());
  settle();
  EXPECT_EQ(write.ends, 1);
}

TEST_F(HostIoTest, ADamagedPieceIsAnErrorOfThatRequestAlone) {
  connect();
  std::vector<std::byte> data(512);
  loopback_control().fail_next_response(-EBADMSG);
  Io first(Kind::kRead, 0, data), second(Kind::kRead, 0, data);
  EXPECT_EQ(run(first).error, -EBADMSG);
  EXPECT_TRUE(run(second).ok());
}

TEST_F(HostIoTest, PassesCommandsThrough) {
  connect();
  std::vector<std::byte> data(4096);
  const weft_iov iov{data.data(), data.size(), nullptr};
  Command identify(wire::identify({.cns = nvme::cns::kController}));
  identify.direction = DataDirection::kIn;
  identify.iov = &iov;
  identify.iov_count = 1;
  EXPECT_TRUE(run(identify).ok());
  EXPECT_EQ(load<nvme::IdentifyController>(data.data()).cntlid, 7);
  Command flush(wire::flush(1), 1);
  EXPECT_TRUE(run(flush).ok());
  nvme::Sqe unknown;
  unknown.opcode = 0xC0;
  Command vendor(unknown);
  EXPECT_EQ(run(vendor).status.code(), nvme::status::kInvalidOpcode.code());
  Command nowhere(wire::flush(1), 9);
  EXPECT_EQ(run(nowhere).error, -EINVAL);
}

TEST_F(HostIoTest, APassedCommandWithTooManySegmentsIsRefusedHere) {
  LoopbackLimits limits;
  limits.max_iov = 2;
  loopback_control().set_limits(limits);
  connect();
  std::vector<std::byte> data(512 * 3);
  std::vector<weft_iov> parts(3, weft_iov{data.data(), 512, nullptr});
  Command write(wire::write(1, 0, 3), 1);
  write.direction = DataDirection::kOut;
  write.iov = parts.data();
  write.iov_count = 3;
  EXPECT_EQ(run(write).error, -EMSGSIZE);
}

TEST_F(HostIoTest, AdminCommandsThatFindNoRoomWaitAndLeaveRoomForWhatIsUrgent) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kGetFeatures) ? Verdict::hold() : Verdict::model();
  };
  std::vector<std::unique_ptr<Command>> commands;
  for (int i = 0; i < 40; ++i) {
    commands.push_back(std::make_unique<Command>(wire::get_features(nvme::feature::kTimestamp)));
    submit(*commands.back());
  }
  settle();
  EXPECT_EQ(controller_->held(), 29u) << "32 entries, one of them an Asynchronous Event Request's, two kept free";
  auto value =
      ask<std::uint64_t>([](Host& host, auto done) { host.get_property(nvme::property::kCap, true, std::move(done)); });
  EXPECT_TRUE(value.has_value()) << "a property gets through";
  while (controller_->held() > 0) {
    controller_->answer(0);
    settle();
  }
  for (auto& command : commands) EXPECT_EQ(command->ends, 1);
}

}  // namespace
}  // namespace weft::test

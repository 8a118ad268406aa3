// The host's calls, awaited: each resumes once, from a later turn, also when the host goes away.
#include "weft/coroutine.hpp"

#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using Kind = IoRequest::Kind;

class CoroutineTest : public HostTest {
 protected:
  int resumed_ = 0;
};

TEST_F(CoroutineTest, AWholeSessionReadsLikeOne) {
  bool closed = false;
  const auto session = [&]() -> Task<Status> {
    Address address = *Address::parse("loop://here/" + kSubsystem);
    auto host = co_await weft::connect(*reactor_, registry_, address, options_);
    if (!host) co_return host.error();
    const auto list = co_await list_namespaces(**host);
    const auto ns = co_await identify_namespace(**host, list->front());
    if (!ns) co_return ns.error();
    std::vector<std::byte> out = pattern(4096), in(4096);
    for (std::uint64_t lba = 0; lba < 64; lba += 8) {
      Io write(Kind::kWrite, lba, out);
      const Completion written = co_await weft::submit(**host, write);
      if (!written.ok()) co_return completion_error(written, "write");
      Io read(Kind::kRead, lba, in);
      if (!(co_await weft::submit(**host, read)).ok() || in != out) co_return Error(EIO, "read something else");
    }
    PassthroughRequest flush;
    flush.sqe = wire::flush(1);
    flush.queue = 1;
    if (!(co_await weft::submit(**host, flush)).ok()) co_return Error(EIO, "no flush");
    auto reset = co_await weft::ask<bool>([&](auto reply) { (*host)->reset(std::move(reply)); });
    if (!reset) co_return reset.error();
    closed = *co_await weft::close(**host);
    co_return Status();
  };
  std::optional<Status> result;
  const auto run = [&]() -> Detached { result = co_await session(); };
  run();
  EXPECT_FALSE(result.has_value()) << "nothing ends from inside the call";
  ASSERT_TRUE(run_until([&] { return result.has_value(); }));
  EXPECT_TRUE(result->has_value()) << result->error().text;
  EXPECT_TRUE(closed);
}

TEST_F(CoroutineTest, WhatMakesNoSenseResumesOnceAndLater) {
  connect();
  std::vector<std::byte> data(512);
  Io odd(Kind::kRead, 0, data);
  odd.blocks = 2;
  const auto run = [&]() -> Detached {
    const Completion read = co_await weft::submit(*host_, odd);
    EXPECT_EQ(read.error, -EINVAL);
    ++resumed_;
  };
  run();
  EXPECT_EQ(resumed_, 0);
  settle();
  EXPECT_EQ(resumed_, 1);
}

TEST_F(CoroutineTest, TheHostMayGoAwayMeanwhile) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_io(nvme::io::kRead) ? Verdict::hold() : Verdict::model();
  };
  std::vector<std::byte> data(512);
  Io read(Kind::kRead, 0, data);
  const auto run = [&]() -> Detached {
    EXPECT_EQ((co_await weft::submit(*host_, read)).error, -ECANCELED);
    ++resumed_;
  };
  run();
  settle();
  EXPECT_EQ(resumed_, 0);
  host_.reset();
  EXPECT_TRUE(run_until([&] { return resumed_ != 0; }));
  EXPECT_EQ(resumed_, 1);
}

TEST_F(CoroutineTest, ConnectingInVainGivesTheError) {
  controller_->script = [](const Received&) { return Verdict::refuse(fabrics::status::kConnectInvalidHost); };
  const Address address = *Address::parse("loop://here/" + kSubsystem);
  const auto run = [&]() -> Detached {
    const auto host = co_await weft::connect(*reactor_, registry_, address, options_);
    EXPECT_EQ(host.error().stage, "Connect command");
    ++resumed_;
  };
  run();
  EXPECT_TRUE(run_until([&] { return resumed_ == 1; }));
}

}  // namespace
}  // namespace weft::test

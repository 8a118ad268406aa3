// A host on a bad link: for two seconds nothing passes, while others hold what they may and more hosts wait for memory. It
// loses no connection and no command.

#include <fmt/format.h>
#include <poll.h>

#include "tests/peer/hostile/attack/attacked_target.hpp"

namespace weft::hostile {
namespace {

constexpr std::chrono::milliseconds kSilence{2200};
constexpr std::uint32_t kBlocks = 2048;  // of 512 bytes
constexpr std::uint16_t kReads = 31, kLogPages = 8;

Sqe large_read(std::uint16_t cid) {
  return Sqe(0x02, cid).u32(4, 1).u64(40, 0).u16(48, kBlocks - 1).transport(kBlocks * 512);
}
Sqe large_log_page(std::uint16_t cid) {  // commands supported and effects
  constexpr std::uint32_t kBytes = 4096;
  return Sqe(0x02, cid).u32(40, 0x05 | ((kBytes / 4 - 1) << 16)).transport(kBytes);
}

// All commands of a connection are answered, and none fails.
void expect_answers(RawHost& host, std::uint16_t count) {
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto answer = host.answer();
    ASSERT_TRUE(answer) << i << " of " << count << " answers, then none";
    EXPECT_EQ(answer->status, 0) << "command " << answer->cid;
  }
}

using AHostOnABadLink = AttackedTarget;

TEST_F(AHostOnABadLink, LosesNothingInTwoSecondsOfSilence) {
  RawAssociation silent;
  ASSERT_TRUE(silent.open({.port = port_, .subnqn = kOpen, .from = "127.0.0.9", .receive_buffer = 65536}));
  // What ends lets a queue pair hold more, beyond its share once the others come.
  for (int i = 0; i < 2; ++i) {
    for (std::uint16_t cid = 0; cid < kReads; ++cid) ASSERT_TRUE(silent.io.send(silent.io.capsule(large_read(cid))));
    if (i == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_answers(silent.io, kReads));
    }
  }
  for (std::uint16_t cid = 0; cid < kLogPages; ++cid)
    ASSERT_TRUE(silent.admin.send(silent.admin.capsule(large_log_page(cid))));
  // As many as fill both memories, from several machines.
  std::string machines = " --machine";
  for (int i = 1; i <= 8; ++i) machines += fmt::format(" 127.0.1.{}", i);
  const auto readers = begin(fmt::format("hold reads --connections 128 --subnqn {}{}", kOpen, machines));
  const auto browsers = begin("hold log-pages --connections 64" + machines);
  poll(nullptr, 0, kSilence.count());
  readers->expect_here();
  browsers->expect_here();
  ASSERT_NO_FATAL_FAILURE(expect_answers(silent.io, kReads));
  ASSERT_NO_FATAL_FAILURE(expect_answers(silent.admin, kLogPages));
  silent = RawAssociation();
  ends_when_told();
}

}  // namespace
}  // namespace weft::hostile

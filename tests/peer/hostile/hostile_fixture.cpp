#include "tests/peer/hostile/hostile_fixture.hpp"

#include <algorithm>
#include <thread>

namespace weft::hostile {
namespace {

bool same(const TargetCounts& a, const TargetCounts& b) {
  return a.queue_pairs == b.queue_pairs && a.controllers == b.controllers && a.commands == b.commands &&
         a.borrowed_buffers == b.borrowed_buffers;
}

}  // namespace

void HostileTest::serve(const TargetOptions& options, const std::string& listen_options) {
  served = std::make_unique<ServedTarget>(options, listen_options);
  const std::uint32_t nsid = served->add("ram://?size=16M");
  other = served->connect("?kato=0&hostnqn=nqn.2026-01.org.example:good");
  ASSERT_NE(other, nullptr);
  auto described = other->identify_namespace(nsid);
  ASSERT_TRUE(described) << described.error().text;
  ns = *described;
  // Its event request comes in its own time, and stays.
  const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
  while ((counts_before_ = served->target->counts()).commands != 1) {
    ASSERT_LT(monotonic_now(), deadline) << "no event request came";
    std::this_thread::yield();
  }
  process_before_ = process_counts(getpid());
}

void HostileTest::SetUp() { serve(); }

bool HostileTest::comes_to(const TargetCounts& expected) {
  const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
  for (;;) {
    const TargetCounts now = served->target->counts();
    if (same(now, expected)) return true;
    if (monotonic_now() > deadline) {
      ADD_FAILURE() << now.queue_pairs << " queue pairs, " << now.controllers << " controllers, " << now.commands
                    << " commands, " << now.borrowed_buffers << " buffers; expected " << expected.queue_pairs << ", "
                    << expected.controllers << ", " << expected.commands << ", " << expected.borrowed_buffers;
      return false;
    }
    std::this_thread::yield();
  }
}

void HostileTest::still_well() {
  const auto data = letters(16384, seed_++);
  std::vector<std::byte> back(data.size());
  const Status written = other->write(ns, kQuietBlocks, data);
  ASSERT_TRUE(written) << written.error().text;
  const Status read = other->read(ns, kQuietBlocks, back);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(back, data);
  EXPECT_TRUE(comes_to(counts_before_));
  // Connections that were closed before they were accepted are taken, and found closed, in the target's own time: counted once
  // more after this they may be others. What stays for good is found when the program ends.
  const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
  ProcessCounts now = process_counts(getpid());
  for (; !(now == process_before_) && monotonic_now() < deadline; now = process_counts(getpid()))
    std::this_thread::yield();
  EXPECT_EQ(now, process_before_);
  EXPECT_TRUE(comes_to(counts_before_));
}

void HostileTest::TearDown() {
  if (other == nullptr) return;
  still_well();
  other.reset();
  EXPECT_TRUE(served->comes_to_rest());
}

RawAssociation HostileTest::associate(const ConnectPlan& how) {
  RawAssociation host;
  EXPECT_TRUE(host.open(how)) << "no association";
  return host;
}

void expect_term_req(const std::optional<ReceivedPdu>& pdu, Type type, std::uint16_t fes, std::uint32_t fei,
                     const Bytes& offender) {
  ASSERT_TRUE(pdu) << "no PDU came";
  ASSERT_EQ(pdu->type(), type);
  EXPECT_EQ(pdu->fes(), fes);
  EXPECT_EQ(pdu->fei(), fei);
  const Bytes echo = pdu->echo();
  EXPECT_GE(echo.size(), std::min<std::size_t>(8, offender.size()));
  ASSERT_LE(echo.size(), std::min<std::size_t>(128, offender.size()));
  EXPECT_TRUE(std::equal(echo.begin(), echo.end(), offender.begin())) << "it echoes something else";
}

Sqe read_command(std::uint16_t cid, std::uint64_t lba, std::uint32_t blocks) {
  return Sqe(0x02, cid).u32(4, 1).u64(40, lba).u16(48, blocks - 1).transport(blocks * 512);
}
Sqe write_command(std::uint16_t cid, std::uint64_t lba, std::uint32_t blocks) {
  return Sqe(0x01, cid).u32(4, 1).u64(40, lba).u16(48, blocks - 1).transport(blocks * 512);
}

Bytes pattern(std::size_t bytes, unsigned seed) {
  Bytes data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::uint8_t>(i * 7 + i / 256 + seed);
  return data;
}

}  // namespace weft::hostile

// Hosts that hold memory and do not move: what the others get meanwhile (docs/decisions/0106).
#include <fmt/format.h>

#include <algorithm>

#include "bench.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr char kListed[] = "nqn.2026-01.org.example:listed";

std::string name_of(int i) { return fmt::format("nqn.2026-01.org.example:attacker-{}", i); }
std::string address_of(int i) { return fmt::format("192.0.{}.{}", 2 + i / 200, i % 200 + 1); }

class ShortageOfMemory : public Bench {
 protected:
  explicit ShortageOfMemory(TargetOptions options = {}) : Bench(options) {}
  void SetUp() override { serve(4096); }
  void TearDown() override {
    loopback_control().set_hold_data(false);
    loopback_control().release_data();
    settle();
  }
  // An I/O queue of its own controller.
  CapsuleHost& queue_of(const std::string& hostnqn, const std::string& address, std::uint32_t entries = 64) {
    const auto who = names(kDiskNqn, hostnqn.c_str());
    CapsuleHost& a = host(0, 32, address + "@here");
    const Reply reply = a.connect(who, 0, 32);
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    enable(a);
    CapsuleHost& q = host(1, entries, address + "@here");
    EXPECT_TRUE(q.connect(who, 1, entries, static_cast<std::uint16_t>(reply.result()), 0, true).ok());
    return q;
  }
  // Stalls whatever it asks for from now on: its data is held.
  void ask(CapsuleHost& q, int reads, int writes) {
    loopback_control().set_hold_data(true);
    for (int i = 0; i < reads; ++i) q.send(wire::read(1, 0, 2048), {}, data_);
    for (int i = 0; i < writes; ++i) q.send(wire::write(1, 0, 2048), data_);
    settle();
    loopback_control().set_hold_data(false);
  }
  // Ends commands until the queue pair may hold a lot.
  void widen(CapsuleHost& q) {
    for (int i = 0; i < 32; ++i) ASSERT_TRUE(q.call(wire::read(1, 0, 2048), {}, data_).ok());
  }
  std::uint64_t in_flight() { return loopback_control().held_data(); }

  std::vector<std::byte> data_ = std::vector<std::byte>(1u << 20);
};

TEST_F(ShortageOfMemory, AQueuePairThatTakesNothingHoldsOneCommand) {
  CapsuleHost& q = queue_of(name_of(0), address_of(0));
  ask(q, 31, 0);
  EXPECT_EQ(in_flight(), 1u);
  EXPECT_TRUE(q.call(wire::flush(1)).ok()) << "what needs no memory passes";
  loopback_control().release_data();
  settle();
  EXPECT_EQ(in_flight(), 0u);
  EXPECT_TRUE(q.call(wire::read(1, 0, 2048), {}, data_).ok()) << "and all the others were served";
}

TEST_F(ShortageOfMemory, AQueuePairThatSendsNothingHoldsOneCommand) {
  CapsuleHost& q = queue_of(name_of(0), address_of(0));
  ask(q, 0, 31);
  EXPECT_EQ(in_flight(), 1u);
}

TEST_F(ShortageOfMemory, WhatIsBehindEndsWithItsQueuePair) {
  CapsuleHost& q = queue_of(name_of(0), address_of(0));
  ask(q, 31, 0);
  q.close();
  settle();
  EXPECT_EQ(storage_->borrowed(), 0u);
  EXPECT_EQ(counts().borrowed_buffers, 0u);
}

TEST_F(ShortageOfMemory, ACommandBehindOthersCanBeAborted) {
  CapsuleHost& q = queue_of(name_of(0), address_of(0));
  CapsuleHost& a = *hosts_[hosts_.size() - 2];
  ask(q, 1, 0);
  const std::uint16_t cid = q.send(wire::read(1, 0, 2048), {}, data_);
  settle();
  EXPECT_EQ(a.call(wire::abort(1, cid)).result() & 1, 0u);
  ASSERT_TRUE(q.reply(cid));
  EXPECT_EQ(q.reply(cid)->code(), 0x007);
}

TEST_F(ShortageOfMemory, ManyNamesOfOneMachineStopNobodyElsewhere) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(0)), 31, 0);
  CapsuleHost& victim = queue_of(kHostA, "192.0.2.250");
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(victim.call(wire::read(1, 0, 2048), {}, data_).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(victim.call(wire::write(1, 0, 2048), data_).ok());
}

TEST_F(ShortageOfMemory, ManyMachinesLeaveRoomForSmallCommands) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(i)), 31, 0);
  CapsuleHost& victim = queue_of(kHostA, "192.0.1.250");
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(victim.call(wire::read(1, 0, 256), {}, std::span(data_).first(128 << 10)).ok());
}

TEST_F(ShortageOfMemory, WhatStandsStillIsTakenFromThoseOverTheirShare) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(i)), i % 2 == 0 ? 31 : 0, i % 2 == 0 ? 0 : 31);
  CapsuleHost& victim = queue_of(kHostA, "192.0.1.250");
  const std::uint16_t cid = victim.send(wire::read(1, 0, 2048), {}, data_);
  settle();
  ASSERT_FALSE(victim.reply(cid)) << "there is not enough for a large one";
  for (int i = 0; i < 10 && !victim.reply(cid); ++i) advance(kSecond / 10);
  EXPECT_TRUE(victim.reply(cid)) << "within a second";
}

// Reads too, of which bytes may have gone: their connections end, which takes longer.
TEST_F(ShortageOfMemory, AReadThatStandsStillForTwoSecondsLosesNothingThoughItsHostIsOverItsShare) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(i)), 31, 0);
  CapsuleHost& victim = queue_of(kHostA, "192.0.1.250");
  const std::uint16_t cid = victim.send(wire::read(1, 0, 2048), {}, data_);
  const auto closed = [&] {
    return std::count_if(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->closed(); });
  };
  for (int i = 0; i < 25; ++i) advance(kSecond / 10);
  EXPECT_EQ(closed(), 0);
  for (int i = 0; i < 15 && !victim.reply(cid); ++i) advance(kSecond / 10);
  EXPECT_TRUE(victim.reply(cid)) << "within four seconds";
  EXPECT_GT(closed(), 0);
}

TEST_F(ShortageOfMemory, ANameOfTheMachineOfHostsThatReadNothingIsServedInFourSeconds) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(0)), 31, 0);
  CapsuleHost& victim = queue_of(kHostA, address_of(0));
  const std::uint16_t cid = victim.send(wire::read(1, 0, 2048), {}, data_);
  settle();
  ASSERT_FALSE(victim.reply(cid)) << "there is not enough for a large one";
  for (int i = 0; i < 40 && !victim.reply(cid); ++i) advance(kSecond / 10);
  EXPECT_TRUE(victim.reply(cid));
}

// Neither what waits for memory, nor what waits behind others of its queue.
TEST_F(ShortageOfMemory, AStopBeginsNoneOfThoseThatWait) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(i)), 0, 31);
  const std::uint64_t lent = storage_->calls(StorageCall::kLend);
  bool done = false;
  stopped_ = true;
  server_->stop(FakeClock::now() + kSecond / 20, [&] { done = true; });
  advance(kSecond / 10);
  EXPECT_TRUE(run([&] { return done; }));
  EXPECT_EQ(storage_->calls(StorageCall::kLend), lent);
}

// The loopback transport counts as one machine what comes from one address.
TEST_F(ShortageOfMemory, ANameOfTheAttackersMachineIsServedWithinASecond) {
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(0)), 0, 31);
  CapsuleHost& victim = queue_of(kHostA, address_of(0));
  const std::uint16_t cid = victim.send(wire::read(1, 0, 2048), {}, data_);
  settle();
  for (int i = 0; i < 10 && !victim.reply(cid); ++i) advance(kSecond / 10);
  EXPECT_TRUE(victim.reply(cid));
}

TEST_F(ShortageOfMemory, AWriteThatIsTakenBackMayBeSentAgain) {
  CapsuleHost& hog = queue_of(name_of(0), address_of(0));
  widen(hog);
  ask(hog, 0, 40);
  ASSERT_GT(in_flight(), 20u);
  for (int i = 1; i < 60; ++i) ask(queue_of(name_of(i), address_of(i)), 1, 0);
  for (int i = 0; i < 15; ++i) advance(kSecond / 10);
  EXPECT_FALSE(hog.closed());
  int interrupted = 0;
  for (const std::uint16_t cid : hog.order()) {
    const auto reply = hog.reply(cid);
    interrupted += reply && reply->code() == 0x021 ? 1 : 0;
  }
  EXPECT_GT(interrupted, 0);
  loopback_control().release_data();
  settle();
  EXPECT_TRUE(hog.call(wire::write(1, 0, 2048), data_).ok());
}

TEST_F(ShortageOfMemory, AHostWithinItsShareThatStallsForTwoSecondsLosesNothing) {
  CapsuleHost& honest = queue_of(kHostA, "192.0.1.250");
  loopback_control().set_hold_data(true);
  const std::uint16_t read = honest.send(wire::read(1, 0, 256), {}, std::span(data_).first(128 << 10));
  const std::uint16_t write = honest.send(wire::write(1, 0, 256), std::span(data_).first(128 << 10));
  settle();
  loopback_control().set_hold_data(false);
  for (int i = 0; i < 60; ++i) ask(queue_of(name_of(i), address_of(i)), 31, 0);
  std::vector<std::uint16_t> more;
  for (int i = 0; i < 20; ++i) advance(kSecond / 10);
  ASSERT_FALSE(honest.closed());
  EXPECT_FALSE(honest.reply(read));
  loopback_control().release_data();
  settle();
  ASSERT_TRUE(honest.reply(read) && honest.reply(write));
  EXPECT_TRUE(honest.reply(read)->ok());
  EXPECT_TRUE(honest.reply(write)->ok());
}

TEST_F(ShortageOfMemory, WithoutShortageNothingIsTakenBack) {
  CapsuleHost& hog = queue_of(name_of(0), address_of(0));
  widen(hog);
  ask(hog, 40, 0);
  CapsuleHost& other = queue_of(kHostA, "192.0.1.250");
  for (int i = 0; i < 20; ++i) {
    advance(kSecond);
    ASSERT_TRUE(other.call(wire::read(1, 0, 2048), {}, data_).ok());
  }
  EXPECT_FALSE(hog.closed());
}

// ---- Discovery and admin data.

class ShortageOfAdminMemory : public ShortageOfMemory {
 protected:
  void SetUp() override {
    ShortageOfMemory::SetUp();
    ASSERT_TRUE(server_->add_subsystem({.nqn = "nqn.2026-01.org.example:listed-disk",
                                        .allow_any_host = false,
                                        .allow_hosts = {kListed},
                                        .serial = "",
                                        .model = "Weft"}));
  }
  CapsuleHost& service(const std::string& hostnqn, const std::string& address) {
    CapsuleHost& h = host(0, 32, address + "@here");
    EXPECT_TRUE(h.connect(names(fabrics::kDiscoveryNqn, hostnqn.c_str()), 0, 32).ok());
    EXPECT_TRUE(h.call(wire::property_set(nvme::property::kCc, 1, false)).ok());
    return h;
  }
  void ask_for_logs(CapsuleHost& h, int count) {
    loopback_control().set_hold_data(true);
    for (int i = 0; i < count; ++i) {
      h.send(wire::get_log_page({.lid = nvme::log_page::kDiscovery, .offset = 0, .length = data_.size()}), {}, data_);
    }
    settle();
    loopback_control().set_hold_data(false);
  }
};

TEST_F(ShortageOfAdminMemory, LogPagesThatNobodyTakesStopNoIo) {
  for (int i = 0; i < 24; ++i) ask_for_logs(service(name_of(i), address_of(0)), 31);
  CapsuleHost& victim = queue_of(kListed, address_of(0));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(victim.call(wire::read(1, 0, 2048), {}, data_).ok());
  CapsuleHost& newcomer = queue_of(kHostB, "192.0.1.250");
  nvme::IdentifyController id;
  CapsuleHost& its_admin = *hosts_[hosts_.size() - 2];
  EXPECT_TRUE(its_admin.call(wire::identify({.cns = nvme::cns::kController}), {}, bytes_of(id)).ok());
  EXPECT_FALSE(newcomer.closed());
}

// Those that are being sent, and those behind them.
TEST_F(ShortageOfAdminMemory, LogPagesCanBeAborted) {
  CapsuleHost& a = admin(names(kDiskNqn));
  const auto page = wire::get_log_page({.lid = nvme::log_page::kError, .length = data_.size()});
  std::vector<std::uint16_t> cids;
  loopback_control().set_hold_data(true);
  for (int i = 0; i < 24; ++i) cids.push_back(a.send(page, {}, data_));
  settle();
  std::vector<std::uint16_t> sending;  // CIDs of the others are used again
  for (const std::uint16_t cid : cids) {
    EXPECT_EQ(a.call(wire::abort(0, cid)).result() & 1, 0u) << cid;
    if (!a.reply(cid)) {
      sending.push_back(cid);
    } else {
      EXPECT_EQ(a.reply(cid)->code(), 0x007) << cid;
    }
  }
  EXPECT_EQ(a.call(wire::abort(0, 999)).result() & 1, 1u);
  EXPECT_EQ(sending.size(), 8u) << "those that wait end at once";
  loopback_control().set_hold_data(false);
  loopback_control().release_data();
  settle();
  for (const std::uint16_t cid : sending) {
    ASSERT_TRUE(a.reply(cid)) << cid;
    EXPECT_EQ(a.reply(cid)->code(), 0x007) << cid;
  }
  for (int i = 0; i < 24; ++i) ASSERT_TRUE(a.call(page, {}, data_).ok()) << "nothing is left behind";
}

TEST_F(ShortageOfAdminMemory, ALogPageIsZeroBeyondItsEnd) {
  CapsuleHost& h = service(kHostA, "192.0.1.250");
  std::fill(data_.begin(), data_.end(), std::byte{0xEE});
  ASSERT_TRUE(
      h.call(wire::get_log_page({.lid = nvme::log_page::kDiscovery, .offset = 0, .length = data_.size()}), {}, data_)
          .ok());
  const auto header = load<fabrics::DiscoveryLogHeader>(data_.data());
  EXPECT_GE(header.numrec, 1u);
  const auto zeroes = std::span(data_).subspan(1024 * (header.numrec + 1));
  EXPECT_TRUE(std::all_of(zeroes.begin(), zeroes.end(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(ShortageOfAdminMemory, ALongLogPageComesInPiecesAndWhole) {
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(server_->add_subsystem({.nqn = fmt::format("nqn.2026-01.org.example:many-{:03}", i),
                                        .allow_any_host = true,
                                        .allow_hosts = {},
                                        .serial = "",
                                        .model = "Weft"}));
  }
  CapsuleHost& h = service(kHostA, "192.0.1.250");
  const auto read = wire::get_log_page({.lid = nvme::log_page::kDiscovery, .offset = 0, .length = data_.size()});
  ASSERT_TRUE(h.call(read, {}, data_).ok());
  const auto header = load<fabrics::DiscoveryLogHeader>(data_.data());
  ASSERT_GE(header.numrec, 301u);
  std::vector<std::byte> part(4096);
  for (std::uint64_t offset = 0; offset < (header.numrec + 1) * 1024; offset += part.size()) {
    ASSERT_TRUE(h.call(wire::get_log_page({.lid = nvme::log_page::kDiscovery, .offset = offset, .length = part.size()}),
                       {}, part)
                    .ok());
    ASSERT_TRUE(std::equal(part.begin(), part.end(), data_.begin() + static_cast<std::ptrdiff_t>(offset))) << offset;
  }
  // It changes while it is sent: the host is told to read it again, not given halves of two.
  loopback_control().set_hold_data(true);
  const std::uint16_t cid = h.send(read, {}, data_);
  settle();
  ASSERT_TRUE(server_->add_subsystem({.nqn = "nqn.2026-01.org.example:aaa",
                                      .allow_any_host = true,
                                      .allow_hosts = {},
                                      .serial = "",
                                      .model = "Weft"}));
  loopback_control().set_hold_data(false);
  loopback_control().release_data();
  settle();
  ASSERT_TRUE(h.reply(cid));
  EXPECT_EQ(h.reply(cid)->code(), 0x021);
}

}  // namespace
}  // namespace weft::test

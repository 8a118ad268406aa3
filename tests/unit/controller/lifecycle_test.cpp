// A controller's life: properties, enable, reset, shutdown, keep alive, linger.
#include <fmt/format.h>

#include "bench.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

class Lifecycle : public Bench {
 protected:
  static std::uint64_t get(CapsuleHost& h, std::uint32_t offset, bool eight = false) {
    const Reply reply = h.call(wire::property_get(offset, eight));
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    return reply.result();
  }
  static nvme::Csts csts(CapsuleHost& h) {
    return nvme::Csts(static_cast<std::uint32_t>(get(h, nvme::property::kCsts)));
  }
  static void set_cc(CapsuleHost& h, nvme::Cc cc) {
    ASSERT_TRUE(h.call(wire::property_set(nvme::property::kCc, cc.value(), false)).ok());
  }
  static constexpr nvme::Cc good_cc() { return nvme::Cc().with_enable(true).with_iosqes(6).with_iocqes(4); }
};

TEST_F(Lifecycle, TellsCapVsAndCrto) {
  serve();
  CapsuleHost& h = host();
  ASSERT_TRUE(h.connect(names(), 0, 32).ok());
  const nvme::Cap cap(get(h, nvme::property::kCap, true));
  EXPECT_EQ(cap.mqes(), 1023u);
  EXPECT_TRUE(cap.cqr());
  EXPECT_TRUE(cap.crwms());
  EXPECT_EQ(cap.mpsmin(), 0u);
  EXPECT_NE(cap.css() & nvme::Cap::kCssNvm, 0u);
  EXPECT_EQ(get(h, nvme::property::kVs), 0x20000u);
  EXPECT_EQ(nvme::Crto(static_cast<std::uint32_t>(get(h, nvme::property::kCrto))).crwmt(), cap.to());
  EXPECT_FALSE(csts(h).ready());
}

TEST_F(Lifecycle, PromisesNoLongerQueuesThanTheTransportHas) {
  loopback_control().set_limits({.max_io_depth = 64});
  serve();
  CapsuleHost& h = admin();
  EXPECT_EQ(nvme::Cap(get(h, nvme::property::kCap, true)).mqes(), 63u);
}

TEST_F(Lifecycle, RefusesPropertiesThatAreNotThere) {
  serve();
  CapsuleHost& h = host();
  ASSERT_TRUE(h.connect(names(), 0, 32).ok());
  for (const std::uint32_t offset : {0x0Cu, 0x24u, 0x28u, 0x1300u, 0x02u}) {
    EXPECT_EQ(h.call(wire::property_get(offset, false)).code(), 0x002) << offset;
  }
  EXPECT_EQ(h.call(wire::property_get(nvme::property::kCap, false)).code(), 0x002);
  EXPECT_EQ(h.call(wire::property_get(nvme::property::kCc, true)).code(), 0x002);
  EXPECT_EQ(h.call(wire::property_set(nvme::property::kVs, 1, false)).code(), 0x002);
  EXPECT_EQ(h.call(wire::property_set(nvme::property::kCc, 1, true)).code(), 0x002);
}

TEST_F(Lifecycle, BecomesReadyWhenEnabled) {
  serve();
  CapsuleHost& h = admin();
  EXPECT_TRUE(csts(h).ready());
  EXPECT_FALSE(csts(h).fatal());
}

TEST_F(Lifecycle, FailsOnABadConfiguration) {
  serve();
  for (const nvme::Cc cc : {good_cc().with_mps(1), good_cc().with_css(1), good_cc().with_ams(1),
                            good_cc().with_iosqes(5), good_cc().with_iocqes(0)}) {
    CapsuleHost& h = host();
    ASSERT_TRUE(h.connect(names(), 0, 32).ok());
    set_cc(h, cc);
    EXPECT_TRUE(csts(h).fatal()) << std::hex << cc.value();
    EXPECT_FALSE(csts(h).ready());
    set_cc(h, nvme::Cc());
    EXPECT_FALSE(csts(h).fatal()) << "a reset clears it";
    set_cc(h, good_cc());
    EXPECT_TRUE(csts(h).ready());
  }
}

TEST_F(Lifecycle, ADiscoveryControllerNeedsNoEntrySizes) {
  serve();
  CapsuleHost& h = host();
  ASSERT_TRUE(h.connect(names(fabrics::kDiscoveryNqn), 0, 32).ok());
  set_cc(h, nvme::Cc().with_enable(true));
  EXPECT_TRUE(csts(h).ready());
}

TEST_F(Lifecycle, RefusesAdminCommandsWhileDisabled) {
  serve();
  CapsuleHost& h = host();
  ASSERT_TRUE(h.connect(names(), 0, 32).ok());
  nvme::IdentifyController id;
  EXPECT_EQ(h.call(wire::identify({}), {}, bytes_of(id)).code(), 0x00C);
}

TEST_F(Lifecycle, AResetTakesTheIoQueuesAndKeepsTheAdminQueue) {
  serve();
  CapsuleHost& a = admin();
  CapsuleHost& q1 = io(1);
  CapsuleHost& q2 = io(2);
  set_cc(a, good_cc().with_enable(false));
  settle();
  EXPECT_TRUE(q1.closed());
  EXPECT_TRUE(q2.closed());
  EXPECT_FALSE(csts(a).ready());
  set_cc(a, good_cc());
  EXPECT_TRUE(csts(a).ready());
  EXPECT_TRUE(host(1).connect(names(), 1, 32, cntlid_).ok());
}

TEST_F(Lifecycle, StaysReadyUntilTheLastIoQueueHasGone) {
  serve();
  CapsuleHost& a = admin();
  CapsuleHost& q = io(1);
  std::vector<std::byte> data(512);
  storage_->hold(StorageCall::kMap);
  q.send(wire::read(1, 0, 1), {}, data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  set_cc(a, good_cc().with_enable(false));
  settle();
  EXPECT_FALSE(csts(a).ready()) << "the connection has gone; what the backend still does is the worker's";
  storage_->let_go();
  settle();
  EXPECT_EQ(counts().queue_pairs, 1u);
}

TEST_F(Lifecycle, AShutdownFlushesAndCompletes) {
  serve();
  storage_->info.volatile_cache = true;
  // The namespace was added before: another one, whose cache is known.
  auto cached = std::make_shared<MemoryStorage>(64);
  cached->info.volatile_cache = true;
  add_namespace(cached, 2);
  CapsuleHost& a = admin();
  CapsuleHost& q = io(1);
  cached->hold(StorageCall::kFlush);
  set_cc(a, good_cc().with_shn(nvme::Cc::kShutdownNormal));
  settle();
  EXPECT_TRUE(q.closed());
  EXPECT_EQ(csts(a).shst(), nvme::Csts::kShutdownInProgress);
  cached->let_go();
  settle();
  EXPECT_EQ(cached->calls(StorageCall::kFlush), 1u);
  EXPECT_EQ(csts(a).shst(), nvme::Csts::kShutdownComplete);
  EXPECT_EQ(host(1).connect(names(), 1, 32, cntlid_).code(), 0x182);
}

TEST_F(Lifecycle, AShutdownWhoseFlushFailsNeverCompletes) {
  serve();
  auto failing = std::make_shared<MemoryStorage>(64), after = std::make_shared<MemoryStorage>(64);
  failing->info.volatile_cache = after->info.volatile_cache = true;
  add_namespace(after, 2);
  add_namespace(failing, 3);
  CapsuleHost& a = admin();
  failing->fail_next(StorageCall::kFlush, nvme::status::kWriteFault);
  set_cc(a, good_cc().with_shn(nvme::Cc::kShutdownNormal));
  settle();
  EXPECT_EQ(after->calls(StorageCall::kFlush), 1u) << "the others are flushed all the same";
  EXPECT_EQ(csts(a).shst(), nvme::Csts::kShutdownInProgress);
  EXPECT_TRUE(csts(a).fatal());
  EXPECT_EQ(notices_.size(), 2u) << "of the storage, and of the shutdown";
  set_cc(a, nvme::Cc());
  set_cc(a, good_cc());
  EXPECT_TRUE(csts(a).ready()) << "a reset goes on from there";
}

TEST_F(Lifecycle, AControllerComesBackAfterAShutdown) {
  serve();
  CapsuleHost& a = admin();
  set_cc(a, good_cc().with_shn(nvme::Cc::kShutdownNormal));
  settle();
  set_cc(a, nvme::Cc());
  set_cc(a, good_cc());
  EXPECT_TRUE(csts(a).ready());
  EXPECT_EQ(csts(a).shst(), nvme::Csts::kShutdownNone);
}

TEST_F(Lifecycle, TheAssociationEndsWithTheAdminConnection) {
  serve();
  CapsuleHost& a = admin();
  CapsuleHost& q = io(1);
  a.close();
  settle();
  EXPECT_TRUE(q.closed());
  EXPECT_EQ(counts().controllers, 0u);
}

TEST_F(Lifecycle, TheLossOfAnIoQueueLeavesTheController) {
  serve();
  CapsuleHost& a = admin();
  io(1).close();
  settle();
  EXPECT_TRUE(csts(a).ready());
}

TEST_F(Lifecycle, KeepAliveExpiryEndsTheAssociation) {
  serve();
  CapsuleHost& a = admin(names(), 5000);
  CapsuleHost& q = io(1);
  advance(4 * kSecond);
  EXPECT_FALSE(a.closed());
  advance(2 * kSecond);
  settle();
  advance(5 * kSecond);
  EXPECT_TRUE(a.closed());
  EXPECT_TRUE(q.closed());
  ASSERT_FALSE(notices_.empty());
  EXPECT_NE(notices_.back().find("5000 ms"), std::string::npos);
}

TEST_F(Lifecycle, WhatIsSaidOfAControllerNamesItsHostAndAddressAndMovesNoCursor) {
  serve();
  admin(names(kDiskNqn, "nqn.2026-01.org.example:\x1b[2Ja"), 1000);
  const std::string peer = server_->controllers().at(0).peer;
  advance(2 * kSecond);
  ASSERT_EQ(notices_.size(), 1u);
  const std::string expected =
      fmt::format("controller {} of host nqn.2026-01.org.example:\\x1b[2Ja at {}: ", cntlid_, peer);
  EXPECT_TRUE(notices_[0].starts_with(expected)) << notices_[0];
}

TEST_F(Lifecycle, KeepAliveCommandsKeepItAlive) {
  serve();
  CapsuleHost& a = admin(names(), 5000);
  for (int i = 0; i < 10; ++i) {
    advance(4 * kSecond);
    ASSERT_TRUE(a.call(wire::keep_alive()).ok());
  }
}

TEST_F(Lifecycle, IoTrafficKeepsItAlive) {
  serve();
  CapsuleHost& a = admin(names(), 5000);
  CapsuleHost& q = io(1);
  std::vector<std::byte> data(512);
  for (int i = 0; i < 10; ++i) {
    advance(4 * kSecond);
    ASSERT_TRUE(q.call(wire::read(1, 0, 1), {}, data).ok());
  }
  EXPECT_FALSE(a.closed());
}

TEST_F(Lifecycle, KatoIsRoundedUpAndCanBeChanged) {
  serve();
  CapsuleHost& a = admin(names(), 4100);
  EXPECT_EQ(a.call(wire::get_features(nvme::feature::kKeepAliveTimer)).result(), 5000u);
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kKeepAliveTimer, 10'001)).ok());
  EXPECT_EQ(a.call(wire::get_features(nvme::feature::kKeepAliveTimer)).result(), 11'000u);
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kKeepAliveTimer, UINT32_MAX)).ok());
  EXPECT_EQ(a.call(wire::get_features(nvme::feature::kKeepAliveTimer)).result(), UINT32_MAX / 1000 * 1000u);
}

TEST_F(Lifecycle, WithoutKatoNothingExpires) {
  serve();
  CapsuleHost& a = admin();
  advance(1000 * kSecond);
  EXPECT_FALSE(a.closed());
}

TEST_F(Lifecycle, ADisabledControllerEndsAfterTwoMinutes) {
  serve();
  CapsuleHost& never = host();
  ASSERT_TRUE(never.connect(names(), 0, 32).ok());
  CapsuleHost& a = admin();
  advance(100 * kSecond);
  set_cc(a, nvme::Cc());
  advance(30 * kSecond);
  EXPECT_TRUE(never.closed());
  EXPECT_FALSE(a.closed());
  advance(100 * kSecond);
  EXPECT_TRUE(a.closed());
  EXPECT_EQ(notices_.size(), 2u);
}

TEST_F(Lifecycle, ASilentDiscoveryConnectionIsCleanedUp) {
  serve();
  CapsuleHost& h = admin(names(fabrics::kDiscoveryNqn));
  advance(100 * kSecond);
  ASSERT_TRUE(csts(h).ready());
  advance(100 * kSecond);
  EXPECT_FALSE(h.closed());
  advance(130 * kSecond);
  EXPECT_TRUE(h.closed());
}

TEST_F(Lifecycle, AShutdownOfADisabledControllerIsComplete) {
  serve();
  CapsuleHost& h = admin();
  set_cc(h, good_cc().with_enable(false).with_shn(nvme::Cc::kShutdownNormal));
  settle();
  EXPECT_EQ(csts(h).shst(), nvme::Csts::kShutdownComplete);
  EXPECT_FALSE(csts(h).ready());
  set_cc(h, nvme::Cc());
  EXPECT_EQ(csts(h).shst(), nvme::Csts::kShutdownNone);
}

TEST_F(Lifecycle, AnEnableDuringAResetTakesEffectAfterIt) {
  serve();
  CapsuleHost& a = admin();
  io(1);
  const std::uint16_t off = a.send(wire::property_set(nvme::property::kCc, nvme::Cc().value(), false));
  const std::uint16_t on = a.send(wire::property_set(nvme::property::kCc, good_cc().value(), false));
  ASSERT_TRUE(a.wait(off).ok());
  ASSERT_TRUE(a.wait(on).ok());
  settle();
  EXPECT_TRUE(csts(a).ready());
  EXPECT_TRUE(host(1).connect(names(), 1, 32, cntlid_).ok());
}

TEST_F(Lifecycle, DisconnectOnTheAdminQueueIsOfTheWrongType) {
  serve();
  EXPECT_EQ(admin().call(wire::disconnect()).code(), 0x185);
}

TEST_F(Lifecycle, DisconnectEndsAnIoQueueAfterWhatIsUnderWay) {
  serve();
  CapsuleHost& a = admin();
  CapsuleHost& q = io(1);
  storage_->hold(StorageCall::kMap);
  std::vector<std::byte> data(512);
  const std::uint16_t read = q.send(wire::read(1, 0, 1), {}, data);
  const std::uint16_t bye = q.send(wire::disconnect());
  settle();
  EXPECT_TRUE(q.order().size() == 1) << "only Connect was answered so far";
  storage_->let_go();
  ASSERT_TRUE(q.wait_closed());
  EXPECT_TRUE(q.reply(read)->ok());
  EXPECT_TRUE(q.reply(bye)->ok());
  EXPECT_EQ(q.order().back(), bye);
  EXPECT_FALSE(a.closed());
}

TEST_F(Lifecycle, DisconnectWithAnotherRecordFormatIsRefused) {
  serve();
  admin();
  nvme::Sqe sqe = wire::disconnect();
  sqe.cdw10 = 1;
  EXPECT_EQ(io(1).call(sqe).code(), 0x180);
}

TEST_F(Lifecycle, AuthenticationIsNotOffered) {
  serve();
  nvme::Sqe sqe;
  sqe.opcode = nvme::kFabricsOpcode;
  sqe.nsid = fabrics::fctype::kAuthenticationSend;
  EXPECT_EQ(admin().call(sqe).code(), 0x001);
}

}  // namespace
}  // namespace weft::test

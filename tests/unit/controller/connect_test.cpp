// Connect: each check, its status and where it says the bad field is; who is let in.
#include <set>

#include "bench.hpp"
#include "core/controller/cntlids.hpp"

namespace weft::test {
namespace {

using Names = CapsuleHost::Names;

class Connect : public Bench {
 protected:
  using Bench::Bench;
  struct Refusal {
    std::uint16_t code;
    std::uint32_t where;  // IATTR and IPO
    friend bool operator==(const Refusal&, const Refusal&) = default;
  };
  static constexpr std::uint32_t kData = 1u << 16;
  static Refusal of(const Reply& reply) { return {reply.code(), static_cast<std::uint32_t>(reply.result())}; }

  // Sends a Connect whose entry and data a test has changed.
  Refusal refusal(const std::function<void(fabrics::ConnectCommand&, fabrics::ConnectData&)>& change,
                  std::uint16_t cntlid = 0xFFFF, std::uint16_t qid = 0) {
    auto command = fabrics::as<fabrics::ConnectCommand>(wire::connect({.qid = qid, .entries = 32}));
    auto data = CapsuleHost::connect_data(names(), cntlid);
    change(command, data);
    CapsuleHost& h = host(qid);
    return of(h.call(fabrics::to_sqe(command), std::as_bytes(std::span(&data, 1))));
  }
};

TEST_F(Connect, AnswersWithTheControllerId) {
  serve();
  const Reply reply = host().connect(names(), 0, 32);
  ASSERT_TRUE(reply.ok());
  EXPECT_GE(reply.result(), 1u);
  EXPECT_LE(reply.result(), 0xFFEFu);  // and no authentication asked for
  EXPECT_EQ(reply.cqe.sqhd, 1);
}

TEST_F(Connect, AnswersSqhdFfffWhenTheHostAsksForNoFlowControl) {
  serve();
  const Reply reply = host().connect(names(), 0, 32, 0xFFFF, 0, true);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply.cqe.sqhd, 0xFFFF);
}

TEST_F(Connect, NamesOfAnyFormAreServedAndLikelyMistakesWarnedOfOnce) {
  const std::string subsystem = "blktests-subsystem-1", odd = "nqm.2014-08.org.example:odd", host_name = "h\xff\n";
  const std::string longest(223, 'x');
  listen();
  testing::internal::CaptureStderr();
  for (const std::string& nqn : {subsystem, odd, longest})
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = nqn, .allow_any_host = false, .allow_hosts = {host_name}, .serial = "", .model = "Weft"}));
  ASSERT_TRUE(server_->allow_host(subsystem, odd));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;  // the odd name, and the host's control character
  for (const std::string& nqn : {subsystem, odd, longest})
    EXPECT_TRUE(host().connect(names(nqn.c_str(), host_name.c_str()), 0, 32).ok()) << nqn;
  for (const std::string& nqn : {std::string(), std::string(224, 'x'), std::string("a\0b", 3)})
    EXPECT_FALSE(server_->add_subsystem({.nqn = nqn})) << nqn;
}

class LargeLimits : public Bench {
 protected:
  LargeLimits() : Bench(options()) {}
  static TargetOptions options() {
    TargetOptions large;
    large.in_capsule = 1u << 20;
    return large;
  }
};

TEST_F(LargeLimits, ThatATransportDoesNotHaveAreSaidOnce) {
  serve();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(host().connect(names(), 0, 32).ok());
  EXPECT_EQ(notices_, std::vector<std::string>{"in_capsule = 1048576 becomes 8192 at here: the transport has no more"});
}

class OddLimits : public Bench {
 protected:
  OddLimits() : Bench(options()) {}
  static TargetOptions options() {
    TargetOptions odd;
    odd.in_capsule = 100;
    return odd;
  }
};

TEST_F(OddLimits, ThatAreRoundedAreSaidWithThatReason) {
  serve();
  ASSERT_TRUE(host().connect(names(), 0, 32).ok());
  EXPECT_EQ(notices_, std::vector<std::string>{"in_capsule = 100 becomes 96 at here: it is a multiple of 16"});
}

TEST_F(Connect, RefusesAnotherRecordFormat) {
  serve();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.recfmt = 1; }), (Refusal{0x180, 0}));
}
TEST_F(Connect, RefusesAQueueOfOneEntry) {
  serve();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.sqsize = 0; }), (Refusal{0x182, 44}));
}
TEST_F(Connect, RefusesAQueueLargerThanMqes) {
  serve();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.sqsize = 1024; }), (Refusal{0x182, 44}));
}
TEST_F(Connect, AcceptsTheLargestQueue) {
  serve();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.sqsize = 1023; }).code, 0);
}
TEST_F(Connect, RefusesQidFfff) {
  serve();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.qid = 0xFFFF; }), (Refusal{0x182, 42}));
}
TEST_F(Connect, RefusesAHostIdOfZeroes) {
  serve();
  EXPECT_EQ(refusal([](auto&, auto& d) { d.hostid = {}; }), (Refusal{0x182, kData | 0}));
}
TEST_F(Connect, RefusesTheStaticControllerModel) {
  serve();
  EXPECT_EQ(refusal([](auto&, auto& d) { d.cntlid = 0xFFFE; }), (Refusal{0x182, kData | 16}));
  EXPECT_EQ(refusal([](auto&, auto& d) { d.cntlid = 1; }), (Refusal{0x182, kData | 16}));
}
TEST_F(Connect, RefusesNamesWithoutAnEnd) {
  serve();
  EXPECT_EQ(refusal([](auto&, auto& d) { d.subnqn.fill('x'); }), (Refusal{0x182, kData | 256}));
  EXPECT_EQ(refusal([](auto&, auto& d) { d.hostnqn.fill('x'); }), (Refusal{0x182, kData | 512}));
}
TEST_F(Connect, JudgesNothingThatIsReserved) {
  serve();
  const Refusal taken = refusal([](auto& c, auto& d) {
    c.flags = 0x3C;  // bits 5:2
    c.reserved5.fill(0xA5);
    c.cattr = 0xE0;
    c.reserved47 = 0xFF;
    c.reserved54.fill(0xA5);
    d.reserved18.fill(0xA5);
    d.reserved768.fill(0xA5);
  });
  EXPECT_EQ(taken.code, 0);
}
TEST_F(Connect, RefusesAFusedConnect) {
  serve();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.flags = 0x01; }), (Refusal{0x182, 1}));
}
TEST_F(Connect, RefusesAnUnknownSubsystem) {
  serve();
  EXPECT_EQ(of(host().connect(names("nqn.2026-01.org.example:none"), 0, 32)), (Refusal{0x182, kData | 256}));
}
TEST_F(Connect, RefusesDataOfAnotherSize) {
  serve();
  const std::vector<std::byte> data(1020);
  EXPECT_EQ(of(host().call(wire::connect({}), data)), (Refusal{0x182, 24}));
}
TEST_F(Connect, LetsAHostTryAgainOnTheSameConnection) {
  serve();
  CapsuleHost& h = host();
  EXPECT_FALSE(h.connect(names("nqn.2026-01.org.example:none"), 0, 32).ok());
  EXPECT_TRUE(h.connect(names(), 0, 32).ok());
}
TEST_F(Connect, RefusesASecondConnectOnAQueue) {
  serve();
  CapsuleHost& a = admin();
  EXPECT_EQ(of(a.connect(names(), 0, 32)).code, 0x00C);
  CapsuleHost& q = io();
  EXPECT_EQ(of(q.connect(names(), 1, 32, cntlid_)).code, 0x00C);
}
TEST_F(Connect, RefusesOtherCommandsBeforeIt) {
  serve();
  EXPECT_EQ(host().call(wire::property_get(nvme::property::kCap, true)).code(), 0x00C);
  EXPECT_EQ(host(1).call(wire::read(1, 0, 1), {}, *std::make_unique<std::array<std::byte, 512>>()).code(), 0x00C);
}
TEST_F(Connect, ClosesAConnectionThatSendsNone) {
  serve();
  CapsuleHost& h = host();
  advance(11'000'000'000);
  EXPECT_TRUE(h.closed());
}

// ---- I/O queues

TEST_F(Connect, RefusesAnIoQueueOfAnUnknownController) {
  serve();
  admin();
  const auto other = static_cast<std::uint16_t>(cntlid_ + 1);
  EXPECT_EQ(of(host(1).connect(names(), 1, 32, other)), (Refusal{0x182, kData | 16}));
  EXPECT_EQ(of(host(1).connect(names(), 1, 32, 0xFFFF)), (Refusal{0x182, kData | 16}));
}
TEST_F(Connect, RefusesAnIoQueueOfAnotherHost) {
  serve();
  admin();
  EXPECT_EQ(of(host(1).connect(names(kDiskNqn, kHostB), 1, 32, cntlid_)), (Refusal{0x182, kData | 512}));
}
// Hosts send a HOSTID of their own on each queue, or none.
TEST_F(Connect, TakesAnIoQueueWithAnyHostIdFromTheMachineOfTheAdminQueue) {
  serve();
  admin();
  Names other_id = names(), no_id = names();
  other_id.hostid = {9};
  no_id.hostid = {};
  EXPECT_TRUE(host(1).connect(other_id, 1, 32, cntlid_).ok());
  EXPECT_TRUE(host(2).connect(no_id, 2, 32, cntlid_).ok());
}
TEST_F(Connect, TakesAnIoQueueFromAnotherMachineOnlyWithTheHostIdOfTheAdminQueue) {
  serve();
  admin();
  Names other_id = names(), no_id = names();
  other_id.hostid = {9};
  no_id.hostid = {};
  EXPECT_EQ(of(host(1, 32, "another@here").connect(other_id, 1, 32, cntlid_)), (Refusal{0x182, kData | 0}));
  EXPECT_EQ(of(host(1, 32, "another@here").connect(no_id, 1, 32, cntlid_)), (Refusal{0x182, kData | 0}));
  EXPECT_TRUE(host(1, 32, "another@here").connect(names(), 1, 32, cntlid_).ok());
}
TEST_F(Connect, APeerThatTheTransportDoesNotNameIsOnNoMachine) {
  serve();
  CapsuleHost& unnamed = host(0, 32, "@here");
  const Reply connected = unnamed.connect(names(), 0, 32);
  ASSERT_TRUE(connected.ok());
  cntlid_ = static_cast<std::uint16_t>(connected.result());
  enable(unnamed);
  Names no_id = names();
  no_id.hostid = {};
  EXPECT_EQ(of(host(1, 32, "@here").connect(no_id, 1, 32, cntlid_)), (Refusal{0x182, kData | 0}));
}
// SPDK's hosts send the keep-alive time of their admin queue on each queue.
TEST_F(Connect, TakesAnIoQueueWithAKeepAliveTime) {
  serve();
  admin();
  EXPECT_EQ(refusal([](auto& c, auto&) { c.kato = 5000; }, cntlid_, 1).code, 0);
}
TEST_F(Connect, RefusesAnIoQueueBeforeTheControllerIsEnabled) {
  serve();
  const Reply reply = host().connect(names(), 0, 32);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(of(host(1).connect(names(), 1, 32, static_cast<std::uint16_t>(reply.result()))), (Refusal{0x182, 42}));
}
TEST_F(Connect, RefusesAnIoQueueBeyondTheGrantedNumber) {
  serve();
  CapsuleHost& a = admin();
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kNumberOfQueues, 1 | (1 << 16))).ok());
  EXPECT_EQ(of(host(3).connect(names(), 3, 32, cntlid_)), (Refusal{0x182, 42}));
  EXPECT_TRUE(host(2).connect(names(), 2, 32, cntlid_).ok());
}
TEST_F(Connect, RefusesAQidThatIsInUse) {
  serve();
  admin();
  io(1);
  EXPECT_EQ(of(host(1).connect(names(), 1, 32, cntlid_)).code, 0x00C);
}
TEST_F(Connect, TakesAQidAgainWhenItsQueueHasGone) {
  serve();
  admin();
  io(1).close();
  settle();
  EXPECT_TRUE(host(1).connect(names(), 1, 32, cntlid_).ok());
}
TEST_F(Connect, RefusesIoQueuesOfTheDiscoveryService) {
  serve();
  const Reply reply = host().connect(names(fabrics::kDiscoveryNqn), 0, 32);
  ASSERT_TRUE(reply.ok());
  const auto cntlid = static_cast<std::uint16_t>(reply.result());
  EXPECT_EQ(of(host(1).connect(names(fabrics::kDiscoveryNqn), 1, 32, cntlid)), (Refusal{0x182, 42}));
}
TEST_F(Connect, OneHostMayHaveSeveralControllers) {
  serve();
  admin();
  const std::uint16_t first = cntlid_;
  admin();
  EXPECT_NE(cntlid_, first);
  EXPECT_EQ(counts().controllers, 2u);
}
TEST_F(Connect, AControllerIdDoesNotComeBackSoon) {
  serve();
  admin().close();
  const std::uint16_t first = cntlid_;
  settle();
  EXPECT_EQ(counts().controllers, 0u);
  admin();
  EXPECT_EQ(cntlid_, first == fabrics::kCntlidMax ? 1 : first + 1);
}

// ---- Controller identifiers

class CntlidRanges : public Bench {
 protected:
  CntlidRanges() : Bench({.cntlids = {.first = 7, .last = 9}}) {}
  std::uint16_t connected(const char* subnqn = kDiskNqn) {
    const Reply reply = host().connect(names(subnqn), 0, 32);
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    return static_cast<std::uint16_t>(reply.result());
  }
};

TEST_F(CntlidRanges, EachIsGivenOnceAndThenTheTargetIsBusy) {
  serve();
  std::set<std::uint16_t> given;
  for (int i = 0; i < 3; ++i) given.insert(connected());
  EXPECT_EQ(given, (std::set<std::uint16_t>{7, 8, 9}));
  EXPECT_EQ(host().connect(names(), 0, 32).code(), 0x181);
  hosts_.front()->close();
  settle();
  EXPECT_TRUE(given.contains(connected())) << "one is free again";
}
TEST_F(CntlidRanges, DiscoveryUsesNoneUp) {
  serve();
  for (int i = 0; i < 16; ++i) {
    const std::uint16_t cntlid = connected(fabrics::kDiscoveryNqn);
    EXPECT_TRUE(cntlid < 7 || cntlid > 9) << cntlid;
  }
  for (int i = 0; i < 3; ++i) connected();
}
TEST_F(CntlidRanges, ASubsystemMayHaveItsOwn) {
  serve();
  const char* const other = "nqn.2026-01.org.example:other";
  ASSERT_TRUE(server_->add_subsystem(
      {.nqn = other, .allow_any_host = true, .cntlids = CntlidRange{.first = 0xFFEF, .last = 0xFFEF}}));
  EXPECT_EQ(connected(other), 0xFFEF);
  EXPECT_EQ(host().connect(names(other), 0, 32).code(), 0x181);
  EXPECT_LE(connected(), 9);
}
TEST_F(CntlidRanges, AFlushForAControllerThatIsGoneEndsNoShutdownOfItsSuccessor) {
  ASSERT_TRUE(
      server_->add_subsystem({.nqn = kDiskNqn, .allow_any_host = true, .cntlids = CntlidRange{.first = 5, .last = 5}}));
  storage_ = std::make_shared<MemoryStorage>(1024);
  storage_->info.volatile_cache = true;
  add_namespace(storage_);
  listen();
  storage_->hold(StorageCall::kFlush);
  CapsuleHost& first = admin();
  const auto cc = nvme::Cc().with_enable(true).with_iosqes(6).with_iocqes(4).with_shn(nvme::Cc::kShutdownNormal);
  ASSERT_TRUE(first.call(wire::property_set(nvme::property::kCc, cc.value(), false)).ok());
  first.close();
  settle();
  ASSERT_EQ(counts().controllers, 0u);
  CapsuleHost& second = admin();
  ASSERT_EQ(cntlid_, 5);
  storage_->let_go();
  settle();
  advance(options_.linger + 1'000'000'000);
  EXPECT_FALSE(second.closed()) << "nor does it end as one that was shut down and lingers";
}
TEST_F(CntlidRanges, RefusesRangesThatAreNone) {
  for (const CntlidRange& range : {CntlidRange{0, 9}, CntlidRange{9, 8}, CntlidRange{1, 0xFFF0}}) {
    EXPECT_EQ(controller::Server::check_options({.cntlids = range}).error().code, EINVAL);
    EXPECT_EQ(server_->add_subsystem({.nqn = kDiskNqn, .cntlids = range}).error().code, EINVAL);
  }
}
TEST(Cntlids, BeginAtRandomWithinTheirRange) {
  std::set<std::uint16_t> first;
  for (int i = 0; i < 64; ++i)
    first.insert(controller::Cntlids({.first = 100, .last = 60000}).next([](auto) { return false; }));
  EXPECT_GT(first.size(), 32u);
  EXPECT_GE(*first.begin(), 100);
  EXPECT_LE(*first.rbegin(), 60000);
}
TEST(Cntlids, AreReadFromText) {
  EXPECT_EQ(parse_cntlid_range("1-999").value(), (CntlidRange{1, 999}));
  EXPECT_EQ(parse_cntlid_range("65519-65519").value(), (CntlidRange{65519, 65519}));
  for (const char* const wrong :
       {"", "-", "5", "1-", "-9", "0-9", "9-8", "1-65520", "1-70000", "1 - 9", "1-9x", "0x1-0x9", "1-2-3", "+1-9"}) {
    const auto range = parse_cntlid_range(wrong);
    ASSERT_FALSE(range) << wrong;
    EXPECT_EQ(range.error().text.find(std::string("'") + wrong + "' is not a range of controller identifiers"), 0u);
  }
}

// ---- Who may come in

class Access : public Connect {
 protected:
  using Connect::Connect;
  void subsystem(SubsystemOptions options) { ASSERT_TRUE(server_->add_subsystem(options)); }
};

TEST_F(Access, AHostThatIsNotListedIsInvalid) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"});
  listen();
  EXPECT_TRUE(host().connect(names(), 0, 32).ok());
  EXPECT_EQ(of(host().connect(names(kDiskNqn, kHostB), 0, 32)), (Refusal{0x184, 0}));
}
TEST_F(Access, AHostThatIsNotListedLearnsNotWhatExists) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"});
  listen();
  const char* const none = "nqn.2026-01.org.example:none";
  EXPECT_EQ(of(host().connect(names(none, kHostB), 0, 32)), (Refusal{0x184, 0}));
  EXPECT_EQ(of(host().connect(names(none, kHostA), 0, 32)), (Refusal{0x182, kData | 256}));
}
TEST_F(Access, WithoutARuleAHostComesInByLoopback) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {}, .serial = "", .model = "Weft"});
  listen();  // the transport stays within the machine
  EXPECT_TRUE(host().connect(names(), 0, 32).ok());
}
TEST_F(Access, AHostWithoutANameComesInWhereAnyHostDoes) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"});
  listen();
  admin(names(kDiskNqn, ""));
  io(1, 32, names(kDiskNqn, ""));
  ASSERT_EQ(server_->controllers().size(), 1u);
  EXPECT_EQ(server_->controllers()[0].hostnqn, "");
  EXPECT_TRUE(host().connect(names(fabrics::kDiscoveryNqn, ""), 0, 32).ok());
}
TEST_F(Access, AHostWithoutANameComesInByLoopbackWithoutARule) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {}, .serial = "", .model = "Weft"});
  listen();
  EXPECT_TRUE(host().connect(names(kDiskNqn, ""), 0, 32).ok());
}
TEST_F(Access, AHostWithoutANameIsOnNoList) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"});
  listen();
  EXPECT_EQ(of(host().connect(names(kDiskNqn, ""), 0, 32)), (Refusal{0x184, 0}));
}
TEST_F(Access, AQueueOfAHostWithoutANameIsNoQueueOfAnother) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"});
  listen();
  admin();
  EXPECT_EQ(of(host(1).connect(names(kDiskNqn, ""), 1, 32, cntlid_)), (Refusal{0x182, kData | 512}));
}

class FewControllers : public Access {
 protected:
  FewControllers() : Access(TargetOptions{.max_controllers_per_host = 2}) {}
};
TEST_F(FewControllers, AreCountedByMachineForHostsWithoutAName) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"});
  listen();
  EXPECT_TRUE(host().connect(names(kDiskNqn, ""), 0, 32).ok());
  EXPECT_TRUE(host().connect(names(kDiskNqn, ""), 0, 32).ok());
  EXPECT_EQ(of(host().connect(names(kDiskNqn, ""), 0, 32)).code, 0x181);
  ASSERT_FALSE(notices_.empty());
  EXPECT_NE(notices_.back().find("a host without a name at host"), std::string::npos) << notices_.back();
  EXPECT_TRUE(host(0, 32, "another@here").connect(names(kDiskNqn, ""), 0, 32).ok());
}

// A stranger who takes a listed name keeps its owner out of nothing.
TEST_F(FewControllers, AreCountedByMachineForEachName) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"});
  listen();
  for (const int expected : {0, 0, 0x181})
    EXPECT_EQ(host(0, 32, "stranger@here").connect(names(kDiskNqn, kHostA), 0, 32).code(), expected);
  EXPECT_TRUE(host(0, 32, "owner@here").connect(names(kDiskNqn, kHostA), 0, 32).ok());
}

TEST_F(Access, TakingAHostOffTheListEndsItsControllers) {
  subsystem({.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {kHostA, kHostB}, .serial = "", .model = "Weft"});
  listen();
  CapsuleHost& a = admin();
  CapsuleHost& b = admin(names(kDiskNqn, kHostB));
  ASSERT_TRUE(server_->disallow_host(kDiskNqn, kHostA));
  settle();
  EXPECT_TRUE(a.closed());
  EXPECT_FALSE(b.closed());
  EXPECT_EQ(of(host().connect(names(), 0, 32)).code, 0x184);
}
TEST_F(Access, ADiscoveryListenerReachesNoSubsystem) {
  serve();
  listen("discovery", true);
  EXPECT_EQ(of(host(0, 32, "discovery").connect(names(), 0, 32)), (Refusal{0x182, kData | 256}));
  EXPECT_TRUE(host(0, 32, "discovery").connect(names(fabrics::kDiscoveryNqn), 0, 32).ok());
}

}  // namespace
}  // namespace weft::test

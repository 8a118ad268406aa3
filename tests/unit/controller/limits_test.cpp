// How many connections and controllers there may be, and what becomes of one more.
#include "bench.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

class Limits : public Bench {
 protected:
  Limits()
      : Bench([] {
          TargetOptions o;
          o.max_connections = 5;
          o.max_controllers = 3;
          o.max_controllers_per_host = 2;
          return o;
        }()) {}
  // Without waiting to be connected; open() fails when it is refused.
  bool refused() {
    hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://here")));
    return !hosts_.back()->open(0, 32);
  }
};

TEST_F(Limits, AConnectionTooManyIsRefusedAndToldOnce) {
  serve();
  for (int i = 0; i < 5; ++i) host();
  EXPECT_TRUE(refused());
  EXPECT_TRUE(refused());
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_NE(notices_[0].find("5 are open"), std::string::npos) << notices_[0];
  hosts_[0]->close();
  settle();
  host();
  EXPECT_TRUE(refused());
  EXPECT_EQ(notices_.size(), 1u) << "not each of them";
  advance(10 * kSecond);  // those without Connect end
  for (int i = 0; i < 5; ++i) host();
  EXPECT_TRUE(refused());
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_NE(notices_[1].find("3 times"), std::string::npos) << notices_[1];
}

TEST_F(Limits, AControllerTooManyIsBusy) {
  serve();
  CapsuleHost& first = admin(names(kDiskNqn, kHostA));
  admin(names(kDiskNqn, kHostA));
  EXPECT_EQ(host().connect(names(kDiskNqn, kHostA), 0, 32).code(), 0x181) << "of one host";
  admin(names(kDiskNqn, kHostB));
  EXPECT_EQ(host().connect(names(kDiskNqn, "nqn.2026-01.org.example:c"), 0, 32).code(), 0x181) << "of all";
  first.close();
  settle();
  EXPECT_TRUE(hosts_.back()->connect(names(kDiskNqn, "nqn.2026-01.org.example:c"), 0, 32).ok());
}

class LimitsByMachine : public Bench {
 protected:
  LimitsByMachine()
      : Bench([] {
          TargetOptions o;
          o.max_connections = 200;
          o.max_unconnected = 100;
          o.max_controllers = 64;
          o.max_discovery_controllers = 64;
          return o;
        }()) {}
  void SetUp() override {
    serve();
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kListedDisk, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"}));
  }
  static std::string invented(int i) { return "nqn.2026-01.org.example:invented-" + std::to_string(i); }
  std::uint16_t connect(const char* subnqn, const std::string& hostnqn, const std::string& address) {
    hosts_.push_back(
        std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://" + address + "@here")));
    if (!hosts_.back()->open(0, 32)) return 0xFFFF;
    return hosts_.back()->connect(names(subnqn, hostnqn.c_str()), 0, 32).code();
  }
  static constexpr char kListedDisk[] = "nqn.2026-01.org.example:listed-disk";
};

TEST_F(LimitsByMachine, DiscoveryControllersOfOneMachineKeepNobodyOut) {
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    refused += connect(fabrics::kDiscoveryNqn, invented(i % 5), "192.0.2.1") == 0x181 ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(connect(kListedDisk, kHostA, "192.0.2.1"), 0) << "a listed host of the same machine";
  EXPECT_EQ(connect(fabrics::kDiscoveryNqn, kHostA, "192.0.2.1"), 0) << "which may ask what there is";
  EXPECT_EQ(connect(fabrics::kDiscoveryNqn, kHostB, "192.0.2.2"), 0) << "a host of another machine";
  EXPECT_EQ(connect(kDiskNqn, kHostB, "192.0.2.2"), 0);
}

TEST_F(LimitsByMachine, ControllersOfManyNamesOfOneMachineKeepNobodyOut) {
  int refused = 0;
  for (int i = 0; i < 80; ++i) refused += connect(kDiskNqn, invented(i), "192.0.2.1") == 0x181 ? 1 : 0;
  EXPECT_GT(refused, 0);
  EXPECT_EQ(connect(kListedDisk, kHostA, "192.0.2.1"), 0) << "a listed host of the same machine";
  EXPECT_EQ(connect(kDiskNqn, kHostB, "192.0.2.2"), 0) << "a host of another machine";
}

TEST_F(LimitsByMachine, ListedHostsHaveControllersInReserve) {
  for (int i = 0; i < 80; ++i) static_cast<void>(connect(kDiskNqn, invented(i), "192.0.2." + std::to_string(i)));
  EXPECT_EQ(connect(kDiskNqn, kHostB, "192.0.3.1"), 0x181);
  EXPECT_EQ(connect(kListedDisk, kHostA, "192.0.3.2"), 0);
}

TEST_F(LimitsByMachine, ConnectionsOfOneMachineKeepNobodyOut) {
  int refused = 0;
  for (int i = 0; i < 250; ++i) {
    const Address address = *Address::parse("loop://192.0.2.1@here");
    hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, address));
    refused += hosts_.back()->open(0, 32) ? 0 : 1;
  }
  EXPECT_EQ(refused, 150) << "as many as may wait to connect";
  EXPECT_EQ(connect(kDiskNqn, kHostB, "192.0.2.2"), 0);
}

class FewQueueEntries : public Bench {
 protected:
  FewQueueEntries()
      : Bench([] {
          TargetOptions o;
          o.max_queue_size = 128;
          o.max_queue_entries = 1024;
          return o;
        }()) {}
  void SetUp() override {
    serve();
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kListedDisk, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"}));
  }
  CapsuleHost& from(const std::string& machine, std::uint16_t qid, std::uint32_t entries) {
    hosts_.push_back(
        std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://" + machine + "@here")));
    EXPECT_TRUE(hosts_.back()->open(qid, entries));
    return *hosts_.back();
  }
  // How many I/O queues of so many entries a new controller is granted, of 16.
  int queues(const std::string& machine, std::uint32_t entries, const char* subnqn, const std::string& hostnqn) {
    const auto who = names(subnqn, hostnqn.c_str());
    CapsuleHost& admin = from(machine, 0, 32);
    const Reply reply = admin.connect(who, 0, 32);
    EXPECT_TRUE(reply.ok()) << std::hex << reply.code();
    enable(admin);
    int granted = 0;
    for (std::uint16_t qid = 1; qid <= 16; ++qid) {
      const Reply one =
          from(machine, qid, entries).connect(who, qid, entries, static_cast<std::uint16_t>(reply.result()), 0, true);
      EXPECT_TRUE(one.ok() || one.code() == 0x181) << std::hex << one.code();
      granted += one.ok() ? 1 : 0;
    }
    return granted;
  }
  static constexpr char kListedDisk[] = "nqn.2026-01.org.example:listed-disk";
};

TEST_F(FewQueueEntries, AreDividedByNameAndMachineAndListedHostsHaveAReserve) {
  EXPECT_EQ(queues("192.0.2.1", 128, kDiskNqn, kHostB), 5) << "of 7 beside the reserve";
  EXPECT_GT(queues("192.0.2.1", 16, kDiskNqn, "nqn.2026-01.org.example:c"), 0) << "another name";
  EXPECT_GT(queues("192.0.2.2", 16, kDiskNqn, kHostB), 0) << "another machine";
  for (int i = 3; i < 20; ++i) queues("192.0.2." + std::to_string(i), 16, kDiskNqn, kHostB);
  EXPECT_EQ(queues("192.0.2.20", 16, kDiskNqn, kHostB), 0) << "though its controller is made";
  EXPECT_GE(queues("192.0.2.21", 32, kListedDisk, kHostA), 2) << "the reserve";
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_NE(notices_[0].find("refused a queue of 128 entries for host"), std::string::npos) << notices_[0];
}

TEST_F(FewQueueEntries, AreFreeAgainWhenTheirQueueHasGone) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(queues("192.0.2.1", 128, kDiskNqn, kHostB), 5);
    hosts_.clear();
    settle();
  }
}

TEST_F(FewQueueEntries, CountWhatAnAdminQueueHasBeyondItsController) {
  int granted = 0;
  for (int i = 0; i < 16; ++i) granted += from("192.0.2.1", 0, 128).connect(names(), 0, 128).ok() ? 1 : 0;
  EXPECT_GT(granted, 5);
  EXPECT_LT(granted, 10) << "96 of each are counted";
}

class ManyMachines : public LimitsByMachine {
 protected:
  CapsuleHost& open_from(const std::string& address) {
    hosts_.push_back(
        std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://" + address + "@here")));
    EXPECT_TRUE(hosts_.back()->open(0, 32)) << address;
    settle();
    return *hosts_.back();
  }
  void flood(int machines) {
    for (int i = 0; i < machines; ++i) open_from("198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  }
};

TEST_F(ManyMachines, ThatSayNothingHaveHalfOfAllConnectionsAndTheOldestMakesRoom) {
  flood(100);
  CapsuleHost& first = *hosts_[0];
  advance(kSecond);
  EXPECT_FALSE(first.closed());
  CapsuleHost& newcomer = open_from("192.0.2.1");
  EXPECT_TRUE(first.closed());
  EXPECT_FALSE(hosts_[1]->closed());
  flood(99);
  EXPECT_FALSE(newcomer.closed()) << "others came earlier";
  EXPECT_TRUE(newcomer.connect(names(kListedDisk, kHostA), 0, 32).ok());
  EXPECT_EQ(counts().queue_pairs, 100u);
  ASSERT_EQ(notices_.size(), 1u) << "not each of them";
  EXPECT_NE(notices_[0].find("closed a connection from 198.51.0.0 that had not connected"), std::string::npos)
      << notices_[0];
}

TEST_F(ManyMachines, TheOneWithMostMakesRoomFirst) {
  CapsuleHost& alone = open_from("192.0.2.1");
  for (int i = 0; i < 60; ++i) open_from("192.0.2.2");
  flood(39);
  advance(kSecond);
  for (int i = 0; i < 59; ++i) open_from("192.0.3." + std::to_string(i));
  EXPECT_FALSE(alone.closed());
  for (std::size_t i = 1; i < 60; ++i) EXPECT_TRUE(hosts_[i]->closed()) << i;
  EXPECT_FALSE(hosts_[60]->closed());
}

TEST_F(ManyMachines, AHostThatOpensManyQueuesHasTimeToConnectThem) {
  flood(90);
  advance(kSecond);
  for (int i = 0; i < 30; ++i) open_from("192.0.2.1");
  for (std::size_t i = 90; i < 120; ++i) EXPECT_FALSE(hosts_[i]->closed()) << i;
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(hosts_[i]->closed()) << i;
}

TEST_F(ManyMachines, WhoHasConnectedMakesRoomForNobody) {
  CapsuleHost& connected = open_from("192.0.2.1");
  ASSERT_TRUE(connected.connect(names(kListedDisk, kHostA), 0, 32).ok());
  flood(400);
  EXPECT_FALSE(connected.closed());
  EXPECT_TRUE(open_from("192.0.2.3").connect(names(kDiskNqn, kHostB), 0, 32).ok());
}

TEST_F(Limits, TheNameOfWhoIsRefusedIsOneLineThatHarmsNoTerminal) {
  serve();
  const auto evil = names(kDiskNqn,
                          "nqn.2026-01.org.example:a\nweft: b\x1b[2J\xc2\x9b"
                          "31m\xe2\x80\xae");
  host().connect(evil, 0, 32);
  host().connect(evil, 0, 32);
  EXPECT_EQ(host().connect(evil, 0, 32).code(), 0x181);
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_NE(notices_[0].find("example:a\\x0aweft: b\\x1b[2J\\xc2\\x9b31m\\xe2\\x80\\xae at "), std::string::npos)
      << notices_[0];
}

}  // namespace
}  // namespace weft::test

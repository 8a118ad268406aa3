// The discovery service: who sees what, the generation counter, the events of a persistent connection.
#include "bench.hpp"
#include "core/controller/network_address.hpp"
#include "core/wire/text_field.hpp"

namespace weft::test {
namespace {

constexpr char kOther[] = "nqn.2026-01.org.example:other";

class Discovery : public Bench {
 protected:
  struct Log {
    fabrics::DiscoveryLogHeader header;
    std::vector<std::string> seen;  // "subnqn at traddr"
  };
  void SetUp() override {
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kDiskNqn, .allow_any_host = false, .allow_hosts = {kHostA}, .serial = "", .model = "Weft"}));
    ASSERT_TRUE(server_->add_subsystem(
        {.nqn = kOther, .allow_any_host = false, .allow_hosts = {kHostB}, .serial = "", .model = "Weft"}));
    listen("one");
    listen("discovery", true);
  }
  CapsuleHost& service(const char* hostnqn, std::uint32_t kato = 0) {
    CapsuleHost& h = host(0, 32, "discovery");
    EXPECT_TRUE(h.connect(names(fabrics::kDiscoveryNqn, hostnqn), 0, 32, 0xFFFF, kato).ok());
    EXPECT_TRUE(h.call(wire::property_set(nvme::property::kCc, 1, false)).ok());
    return h;
  }
  static Reply read(CapsuleHost& h, std::span<std::byte> into, std::uint64_t offset = 0, bool retain = false) {
    return h.call(
        wire::get_log_page(
            {.lid = nvme::log_page::kDiscovery, .offset = offset, .length = into.size(), .retain_async_event = retain}),
        {}, into);
  }
  static Log log(CapsuleHost& h) {
    std::vector<std::byte> page(16 << 10);
    EXPECT_TRUE(read(h, page).ok());
    Log log{load<fabrics::DiscoveryLogHeader>(page.data()), {}};
    for (std::uint64_t i = 0; i < log.header.numrec; ++i) {
      const auto entry = load<fabrics::DiscoveryLogEntry>(page.data() + 1024 * (i + 1));
      log.seen.push_back(std::string(wire::read_text(entry.subnqn)) + " at " +
                         std::string(wire::read_text(entry.traddr)));
      EXPECT_EQ(entry.cntlid, 0xFFFF);
      EXPECT_GE(entry.asqsz, 32);
      EXPECT_EQ(entry.subtype, fabrics::subtype::kNvm);
    }
    return log;
  }
};

TEST_F(Discovery, AHostSeesWhatItMayUse) {
  EXPECT_EQ(log(service(kHostA)).seen, std::vector<std::string>{std::string(kDiskNqn) + " at one"});
  EXPECT_EQ(log(service(kHostB)).seen, std::vector<std::string>{std::string(kOther) + " at one"});
  EXPECT_TRUE(log(service("nqn.2026-01.org.example:stranger")).seen.empty());
}

TEST_F(Discovery, EachListenerIsAnEntry) {
  listen("two");
  EXPECT_EQ(log(service(kHostA)).seen.size(), 2u);
}

TEST_F(Discovery, TheGenerationFollowsTheViewOfTheHost) {
  CapsuleHost& a = service(kHostA);
  CapsuleHost& b = service(kHostB);
  const std::uint64_t of_a = log(a).header.genctr;
  const std::uint64_t of_b = log(b).header.genctr;
  ASSERT_TRUE(server_->allow_host(kOther, "nqn.2026-01.org.example:stranger"));
  EXPECT_EQ(log(a).header.genctr, of_a) << "nothing that it sees has changed";
  EXPECT_EQ(log(service(kHostA)).header.genctr, of_a) << "nor over another connection";
  ASSERT_TRUE(server_->allow_host(kOther, kHostA));
  EXPECT_NE(log(a).header.genctr, of_a);
  EXPECT_EQ(log(b).header.genctr, of_b);
}

TEST_F(Discovery, IsReadInPiecesAndZeroFilled) {
  CapsuleHost& a = service(kHostA);
  std::array<std::byte, 4096> page;
  page.fill(std::byte{9});
  ASSERT_TRUE(read(a, page, 1024).ok());
  EXPECT_NE(page[0], std::byte{9});
  EXPECT_EQ(page[1024], std::byte{0});
  ASSERT_TRUE(read(a, std::span(page).first(20)).ok());
  EXPECT_EQ(read(a, page, 8192).code(), 0x002);
}

TEST_F(Discovery, APersistentConnectionIsToldOfChanges) {
  CapsuleHost& a = service(kHostA, 30'000);
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kAsyncEventConfiguration, 1u << 31)).ok());
  const std::uint16_t event = a.send(wire::async_event_request());
  ASSERT_TRUE(server_->allow_host(kOther, "nqn.2026-01.org.example:stranger"));
  settle();
  EXPECT_FALSE(a.reply(event));
  ASSERT_TRUE(server_->allow_host(kOther, kHostA));
  EXPECT_EQ(a.wait(event).result(), 0x70F002u);
  EXPECT_EQ(log(a).seen.size(), 2u);
}

TEST_F(Discovery, AConnectionWithoutKeepAliveIsToldNothing) {
  CapsuleHost& a = service(kHostA);
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kAsyncEventConfiguration, 1u << 31)).ok());
  const std::uint16_t event = a.send(wire::async_event_request());
  ASSERT_TRUE(server_->allow_host(kOther, kHostA));
  settle();
  EXPECT_FALSE(a.reply(event));
}

TEST_F(Discovery, DoesNothingElse) {
  CapsuleHost& a = service(kHostA);
  nvme::IdentifyController id;
  ASSERT_TRUE(a.call(wire::identify({}), {}, bytes_of(id)).ok());
  EXPECT_EQ(id.cntrltype, nvme::cntrltype::kDiscovery);
  EXPECT_EQ(wire::read_text(id.subnqn), fabrics::kDiscoveryNqn);
  EXPECT_EQ(a.call(wire::identify({.cns = nvme::cns::kActiveNamespaces}), {}, bytes_of(id)).code(), 0x002);
  nvme::SmartLog smart;
  EXPECT_EQ(a.call(wire::get_log_page({.lid = nvme::log_page::kSmart, .length = 512}), {}, bytes_of(smart)).code(),
            0x109);
  EXPECT_EQ(a.call(wire::set_features(nvme::feature::kNumberOfQueues, 0)).code(), 0x002);
}

TEST_F(Discovery, IsOnEveryListener) {
  EXPECT_TRUE(host(0, 32, "one").connect(names(fabrics::kDiscoveryNqn), 0, 32).ok());
}

TEST(NetworkAddress, KnowsLoopbackAndWildcards) {
  using namespace controller;
  EXPECT_TRUE(is_loopback(1, "127.0.0.1"));
  EXPECT_TRUE(is_loopback(1, "127.9.9.9"));
  EXPECT_TRUE(is_loopback(2, "::1"));
  for (const char* mapped : {"::ffff:127.0.0.1", "::FFFF:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:127.9.9.9"})
    EXPECT_TRUE(is_loopback(2, mapped)) << mapped;
  EXPECT_FALSE(is_loopback(2, "::127.0.0.1"));
  EXPECT_FALSE(is_loopback(2, "::ffff:8000:1"));
  EXPECT_TRUE(is_loopback(0xFE, "any"));
  EXPECT_FALSE(is_loopback(2, "::ffff:192.0.2.1"));
  EXPECT_FALSE(is_loopback(1, "192.0.2.1"));
  EXPECT_FALSE(is_loopback(1, "0.0.0.0"));
  EXPECT_FALSE(is_loopback(2, "fe80::1%lo"));
  EXPECT_FALSE(is_loopback(0, ""));
  EXPECT_TRUE(is_wildcard(1, "0.0.0.0"));
  EXPECT_TRUE(is_wildcard(2, "::"));
  EXPECT_FALSE(is_wildcard(1, "127.0.0.1"));
  EXPECT_FALSE(is_wildcard(0xFE, "::"));
  EXPECT_EQ(unmapped("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(family_of("::ffff:192.0.2.1"), 1);
  EXPECT_EQ(family_of("fe80::1%eth0"), 2);
  EXPECT_EQ(family_of("here"), 0);
}

TEST(NetworkAddress, AMachineIsAnIPv4AddressOrANetworkOfIPv6) {
  using controller::machine_of;
  EXPECT_EQ(machine_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(machine_of("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(machine_of("::FFFF:c000:201"), "192.0.2.1");
  EXPECT_EQ(machine_of("2001:db8:1:2::1"), "2001:db8:1:2::/64");
  EXPECT_EQ(machine_of("2001:DB8:1:2:ffff:ffff:ffff:ffff"), "2001:db8:1:2::/64");
  EXPECT_NE(machine_of("2001:db8:1:3::1"), machine_of("2001:db8:1:2::1"));
  EXPECT_EQ(machine_of("fe80::1%eth0"), "fe80::/64%eth0");
  EXPECT_EQ(machine_of("local socket"), "local socket");
}

}  // namespace
}  // namespace weft::test

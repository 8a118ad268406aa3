// The discovery service: who sees what, the generation counter, the events of a persistent connection.
#include <gmock/gmock.h>

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
      EXPECT_EQ(entry.subtype, i == 0 ? fabrics::subtype::kCurrentDiscovery : fabrics::subtype::kNvm);
      if (i == 0) {
        EXPECT_EQ(wire::read_text(entry.subnqn), fabrics::kDiscoveryNqn);
        EXPECT_EQ(wire::read_text(entry.traddr), "discovery");
        continue;
      }
      log.seen.push_back(std::string(wire::read_text(entry.subnqn)) + " at " +
                         std::string(wire::read_text(entry.traddr)));
      EXPECT_EQ(entry.cntlid, 0xFFFF);
      EXPECT_GE(entry.asqsz, 32);
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
  ASSERT_TRUE(read(a, page, 2048).ok());
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

// Some hosts take the fields as C strings.
TEST_F(Discovery, AddressesAndNamesArePaddedWithNuls) {
  std::vector<std::byte> page(16 << 10);
  ASSERT_TRUE(read(service(kHostA), page).ok());
  for (std::size_t i = 1; i <= 2; ++i) {
    const auto entry = load<fabrics::DiscoveryLogEntry>(page.data() + 1024 * i);
    const auto ends_in_nuls = [](auto& field) {
      const std::string_view whole(field.data(), field.size());
      const std::size_t end = std::min(whole.find('\0'), whole.size());
      return end != whole.size() && whole.find_first_not_of('\0', end) == std::string_view::npos;
    };
    EXPECT_TRUE(ends_in_nuls(entry.traddr));
    EXPECT_TRUE(ends_in_nuls(entry.trsvcid));
    EXPECT_TRUE(ends_in_nuls(entry.subnqn));
  }
}

TEST_F(Discovery, WhatItsIdentifyPromisesIsThere) {
  CapsuleHost& a = service(kHostA, 30'000);
  nvme::IdentifyController id;
  ASSERT_TRUE(a.call(wire::identify({}), {}, bytes_of(id)).ok());
  EXPECT_NE(wire::read_text(id.sn), "");
  // ELPE: so many entries of the error log. A refused command is in it.
  EXPECT_FALSE(a.call(wire::set_features(nvme::feature::kNumberOfQueues, 0)).ok());
  std::vector<nvme::ErrorLogEntry> errors(id.elpe + 1U);
  ASSERT_TRUE(a.call(wire::get_log_page({.lid = nvme::log_page::kError, .length = errors.size() * 64}), {},
                     std::as_writable_bytes(std::span(errors)))
                  .ok());
  EXPECT_EQ(errors[0].error_count, 1u);
  nvme::SupportedLogPages supported;
  ASSERT_TRUE(a.call(wire::get_log_page({.lid = nvme::log_page::kSupportedLogPages, .length = sizeof supported}), {},
                     bytes_of(supported))
                  .ok());
  for (std::size_t lid = 0; lid < supported.lid.size(); ++lid) {
    std::array<std::byte, 64> start;
    const bool there =
        a.call(wire::get_log_page({.lid = static_cast<std::uint8_t>(lid), .length = start.size()}), {}, start).ok();
    EXPECT_EQ(there, (supported.lid[lid] & 1) != 0) << lid;
  }
  // CTRATT: the host identifier is a feature, and not one of this controller.
  EXPECT_EQ(id.ctratt & nvme::ctratt::kHostId128, 0u);
  EXPECT_EQ(id.acl, 0) << "no Abort";
  // OAES and KAS.
  EXPECT_NE(id.oaes & nvme::async_event::kEnableDiscovery, 0u);
  EXPECT_TRUE(a.call(wire::set_features(nvme::feature::kAsyncEventConfiguration, 1u << 31)).ok());
  EXPECT_NE(id.kas, 0);
  EXPECT_TRUE(a.call(wire::keep_alive()).ok());
  // AERL: so many event requests, and not one more.
  for (int i = 0; i <= id.aerl; ++i) static_cast<void>(a.send(wire::async_event_request()));
  EXPECT_EQ(a.call(wire::async_event_request()).code(), 0x105);
}

TEST_F(Discovery, TheServiceIsListedOnlyWhileItsListenerIsThere) {
  CapsuleHost& a = service(kHostA);
  std::vector<std::byte> page(4096);
  Status ended;
  server_->unlisten(*Address::parse("loop://discovery"), [&](Status status) { ended = std::move(status); });
  settle();
  EXPECT_TRUE(ended);
  ASSERT_TRUE(read(a, page).ok());
  EXPECT_EQ(load<fabrics::DiscoveryLogHeader>(page.data()).numrec, 1u);
  EXPECT_EQ(load<fabrics::DiscoveryLogEntry>(page.data() + 1024).subtype, fabrics::subtype::kNvm);
}

TEST_F(Discovery, ALinkLocalAddressIsListedWithoutAScopeAndOnItsLinkOnly) {
  Address link = *Address::parse("loop://x");
  link.traddr = "fe80::1%eth0";
  ASSERT_TRUE(server_->listen(link, false));
  EXPECT_EQ(log(service(kHostA)).seen.size(), 1u) << "it came by another one";
  hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, link));
  CapsuleHost& h = *hosts_.back();
  ASSERT_TRUE(h.open(0, 32));
  ASSERT_TRUE(h.connect(names(fabrics::kDiscoveryNqn, kHostA), 0, 32).ok());
  ASSERT_TRUE(h.call(wire::property_set(nvme::property::kCc, 1, false)).ok());
  std::vector<std::byte> page(8192);
  ASSERT_TRUE(read(h, page).ok());
  std::vector<std::string> traddrs;
  for (std::uint64_t i = 0; i < load<fabrics::DiscoveryLogHeader>(page.data()).numrec; ++i)
    traddrs.emplace_back(load<fabrics::DiscoveryLogEntry>(page.data() + 1024 * (i + 1)).traddr.data());
  EXPECT_THAT(traddrs, testing::UnorderedElementsAre("fe80::1", "fe80::1", "one"));
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

TEST(NetworkAddress, OneAddressHasManySpellings) {
  using controller::is_same_address;
  for (const auto& [one, other] : {std::pair{"::1", "0:0:0:0:0:0:0:1"},
                                   {"2001:DB8::a", "2001:db8:0::A"},
                                   {"::ffff:192.0.2.1", "192.0.2.1"},
                                   {"::FFFF:c000:201", "192.0.2.1"},
                                   {"localhost", "127.0.0.1"},
                                   {"", "*"},
                                   {"fe80::1%lo", "fe80:0::1%1"}})
    EXPECT_TRUE(is_same_address(one, other)) << one << " " << other;
  for (const auto& [one, other] : {std::pair{"::1", "127.0.0.1"},
                                   {"*", "::"},
                                   {"*", "0.0.0.0"},
                                   {"::", "0.0.0.0"},
                                   {"fe80::1%lo", "fe80::1"},
                                   {"name", "Name"}})
    EXPECT_FALSE(is_same_address(one, other)) << one << " " << other;
  EXPECT_EQ(controller::scope_of("fe80::1%eth0"), "eth0");
  EXPECT_EQ(controller::without_scope("fe80::1%eth0"), "fe80::1");
  EXPECT_TRUE(controller::is_wildcard(2, "*"));
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

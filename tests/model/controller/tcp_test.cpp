// A Target over the TCP plugin, found by its scheme: what needs real addresses, and the whole way once.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/wire/sqe.hpp"
#include "core/wire/text_field.hpp"
#include "support/build_folders.hpp"
#include "support/capsule_host.hpp"
#include "support/memory_backend.hpp"
#include "weft/controller.hpp"

namespace weft::test {
namespace {

constexpr char kNqn[] = "nqn.2026-01.org.example:disk";
constexpr char kHost[] = "nqn.2026-01.org.example:host-a";

class TargetOverTcp : public testing::Test {
 protected:
  void SetUp() override {
    reactor_ = std::move(*Reactor::create());
    const auto tcp = registry_.find("tcp", WEFT_ROLE_CONTROLLER);
    ASSERT_TRUE(tcp) << tcp.error().text;
    transport_ = *tcp;
    target_ = std::move(*Target::start(registry_, {.threads = 2}));
    storage_ = std::make_shared<MemoryStorage>(4096);
  }
  void TearDown() override {
    hosts_.clear();
    target_.reset();
    reactor_.reset();
  }
  void serve(SubsystemOptions options) {
    ASSERT_TRUE(target_->add_subsystem(options));
    NamespaceOptions ns;
    ns.backend = std::make_unique<MemoryBackend>(storage_);
    ASSERT_TRUE(target_->add_namespace(kNqn, std::move(ns)));
  }
  Result<Address> listen(const std::string& text, bool discovery_only = false) {
    return target_->listen(*Address::parse(text), discovery_only);
  }
  CapsuleHost& host(const Address& address, std::uint16_t qid = 0) {
    hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, address));
    EXPECT_TRUE(hosts_.back()->open(qid, 32)) << hosts_.back()->closed_error().text;
    return *hosts_.back();
  }
  std::vector<fabrics::DiscoveryLogEntry> discover(const Address& address) {
    CapsuleHost& h = host(address);
    EXPECT_TRUE(h.connect({.subnqn = fabrics::kDiscoveryNqn}, 0, 32).ok());
    EXPECT_TRUE(h.call(wire::property_set(nvme::property::kCc, 1, false)).ok());
    std::vector<std::byte> page(8192);
    EXPECT_TRUE(h.call(wire::get_log_page({.lid = nvme::log_page::kDiscovery, .length = page.size()}), {}, page).ok());
    std::vector<fabrics::DiscoveryLogEntry> entries(load<fabrics::DiscoveryLogHeader>(page.data()).numrec);
    for (std::size_t i = 0; i < entries.size(); ++i)
      entries[i] = load<fabrics::DiscoveryLogEntry>(page.data() + 1024 * (i + 1));
    return entries;
  }
  // The addresses of subsystems that a host sees which reached `traddr`.
  std::vector<std::string> seen_from(Address discovery, const char* traddr) {
    discovery.traddr = traddr;
    std::vector<std::string> seen;
    for (const fabrics::DiscoveryLogEntry& entry : discover(discovery)) {
      if (entry.subtype == fabrics::subtype::kNvm) seen.emplace_back(wire::read_text(entry.traddr));
    }
    return seen;
  }
  static void enable(CapsuleHost& admin) {
    const auto cc = nvme::Cc().with_enable(true).with_iosqes(6).with_iocqes(4);
    ASSERT_TRUE(admin.call(wire::property_set(nvme::property::kCc, cc.value(), false)).ok());
  }
  static Address with_option(Address address, const char* key, const char* value) {
    address.options.push_back({key, value});
    return address;
  }

  TransportRegistry registry_{SearchPath::standard({plugin_folder()})};
  std::unique_ptr<Reactor> reactor_;
  Transport* transport_ = nullptr;
  std::unique_ptr<Target> target_;
  std::shared_ptr<MemoryStorage> storage_;
  std::vector<std::unique_ptr<CapsuleHost>> hosts_;
};

TEST_F(TargetOverTcp, WritesAndReadsBack) {
  serve({.nqn = kNqn, .allow_any_host = true});
  const auto bound = listen("tcp://127.0.0.1:0");
  ASSERT_TRUE(bound) << bound.error().text;
  const Address with_digests = with_option(with_option(*bound, "hdgst", "on"), "ddgst", "on");
  for (const Address& address : {*bound, with_digests}) {
    CapsuleHost& admin = host(address);
    const Reply connected = admin.connect({.subnqn = kNqn}, 0, 32);
    ASSERT_TRUE(connected.ok());
    enable(admin);
    const auto cntlid = static_cast<std::uint16_t>(connected.result());
    CapsuleHost& q = host(address, 1);
    ASSERT_TRUE(q.connect({.subnqn = kNqn}, 1, 32, cntlid, 0, true).ok());
    for (const std::uint32_t blocks : {1u, 8u, 17u, 256u, 2048u}) {
      std::vector<std::byte> out(std::size_t{blocks} * 512), in(out.size());
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i * 31 + blocks);
      ASSERT_TRUE(q.call(wire::write(1, 100, blocks), out).ok()) << blocks;
      ASSERT_TRUE(q.call(wire::read(1, 100, blocks), {}, in).ok()) << blocks;
      EXPECT_EQ(in, out);
      EXPECT_TRUE(q.call(wire::compare(1, 100, blocks), out).ok());
    }
  }
}

TEST_F(TargetOverTcp, FusedPairsStayTogetherWhenTheWriteIsFetched) {
  serve({.nqn = kNqn, .allow_any_host = true});
  const auto bound = listen("tcp://127.0.0.1:0");
  ASSERT_TRUE(bound);
  CapsuleHost& admin = host(*bound);
  const auto cntlid = static_cast<std::uint16_t>(admin.connect({.subnqn = kNqn}, 0, 32).result());
  enable(admin);
  CapsuleHost& q = host(*bound, 1);
  ASSERT_TRUE(q.connect({.subnqn = kNqn}, 1, 32, cntlid).ok());
  for (const std::uint32_t blocks : {1u, 16u, 64u}) {  // in the capsule, at its limit, by R2T
    const auto before = storage_->content(0, blocks);
    auto fresh = before;
    for (std::byte& b : fresh) b ^= std::byte{0x5A};
    const std::uint16_t first = q.send(wire::fused(wire::compare(1, 0, blocks), nvme::flags::kFuseFirst), before);
    const std::uint16_t second = q.send(wire::fused(wire::write(1, 0, blocks), nvme::flags::kFuseSecond), fresh);
    EXPECT_TRUE(q.wait(first).ok());
    EXPECT_TRUE(q.wait(second).ok());
    EXPECT_EQ(storage_->content(0, blocks), fresh);
  }
}

TEST_F(TargetOverTcp, OtherListenersNeedARule) {
  serve({.nqn = kNqn});
  EXPECT_TRUE(listen("tcp://127.0.0.1:0"));
  EXPECT_TRUE(listen("tcp://0.0.0.0:0", true)) << "the discovery service alone harms nobody";
  const auto refused = listen("tcp://0.0.0.0:0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EINVAL);
  EXPECT_NE(refused.error().text.find(kNqn), std::string::npos) << refused.error().text;
  ASSERT_TRUE(target_->allow_host(kNqn, kHost));
  EXPECT_TRUE(listen("tcp://0.0.0.0:0"));
  EXPECT_EQ(target_->counts().listeners, 3u);
}

TEST_F(TargetOverTcp, AWildcardIsListedAsTheAddressThatWasReached) {
  serve({.nqn = kNqn, .allow_any_host = true});
  const auto io = listen("tcp://0.0.0.0:0");
  const auto discovery = listen("tcp://0.0.0.0:0", true);
  ASSERT_TRUE(io);
  ASSERT_TRUE(discovery);
  Address reached = *discovery;
  reached.traddr = "127.0.0.7";
  const auto log = discover(reached);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].subtype, fabrics::subtype::kCurrentDiscovery);
  EXPECT_EQ(wire::read_text(log[0].traddr), "127.0.0.7");
  EXPECT_EQ(wire::read_text(log[0].trsvcid), discovery->trsvcid);
  const fabrics::DiscoveryLogEntry& entry = log[1];
  EXPECT_EQ(wire::read_text(entry.traddr), "127.0.0.7");
  EXPECT_EQ(wire::read_text(entry.trsvcid), io->trsvcid);
  EXPECT_EQ(entry.trtype, fabrics::trtype::kTcp);
  EXPECT_EQ(entry.adrfam, fabrics::adrfam::kIpv4);
}

TEST_F(TargetOverTcp, AWildcardIsListedInTheFamiliesInWhichItListens) {
  using Addresses = std::vector<std::string>;
  serve({.nqn = kNqn, .allow_any_host = true});
  const auto discovery = listen("tcp://*:0", true);
  ASSERT_TRUE(discovery) << discovery.error().text;
  if (discovery->traddr != "*") GTEST_SKIP() << "this machine has no IPv6";
  EXPECT_EQ(discovery->to_string(), "tcp://*:" + discovery->trsvcid);
  const auto six = listen("tcp://[::]:0");
  ASSERT_TRUE(six);
  EXPECT_EQ(seen_from(*discovery, "127.0.0.1"), Addresses());
  EXPECT_EQ(seen_from(*discovery, "::1"), Addresses{"::1"});
  ASSERT_TRUE(target_->unlisten(*six));
  ASSERT_TRUE(listen("tcp://0.0.0.0:0"));
  EXPECT_EQ(seen_from(*discovery, "127.0.0.7"), Addresses{"127.0.0.7"});
  EXPECT_EQ(seen_from(*discovery, "::1"), Addresses());
  ASSERT_TRUE(listen("tcp://*:0"));
  EXPECT_EQ(seen_from(*discovery, "127.0.0.7"), (Addresses{"127.0.0.7", "127.0.0.7"})) << "each listener once";
  EXPECT_EQ(seen_from(*discovery, "::1"), Addresses{"::1"});
}

TEST_F(TargetOverTcp, AListenerIsFoundByAnySpellingOfItsAddress) {
  const auto ends = [&](const Result<Address>& bound, const std::string& spelling) {
    ASSERT_TRUE(bound);
    const Status ended = target_->unlisten(*Address::parse(spelling));
    EXPECT_TRUE(ended) << bound->to_string() << " by " << spelling << ": " << (ended ? "" : ended.error().text);
  };
  const auto port = [](const Result<Address>& bound) { return bound ? bound->trsvcid : "0"; };
  Result<Address> bound = listen("tcp://127.0.0.1:0?hdgst=on&ddgst=off");
  ends(bound, "tcp://127.0.0.1:" + port(bound) + "?ddgst=off&hdgst=on");
  bound = listen("tcp://127.0.0.1:0");
  ends(bound, "trtype:TCP adrfam:IPv4 traddr:127.0.0.1 trsvcid:" + port(bound));
  bound = listen("tcp://localhost:0");
  ends(bound, "tcp://[::ffff:127.0.0.1]:0" + port(bound));
  bound = listen("tcp://*:0");
  ends(bound, "tcp://*:" + port(bound));
  bound = listen("tcp://[::1]:0");
  if (bound) ends(bound, "tcp://[0:0::0:1]:" + port(bound));
  bound = listen("tcp://127.0.0.13");
  ends(bound, "tcp://127.0.0.13:4420");
  bound = listen("tcp://127.0.0.13", true);
  ends(bound, "tcp://127.0.0.13");
  bound = listen("tcp://127.0.0.1:0");
  EXPECT_FALSE(target_->unlisten(*Address::parse("tcp://127.0.0.2:" + port(bound))));
  EXPECT_FALSE(target_->unlisten(*Address::parse("tcp://127.0.0.1:0")));
  EXPECT_FALSE(target_->unlisten(*Address::parse("rdma://127.0.0.1:" + port(bound))));
}

TEST_F(TargetOverTcp, TwoListenersOnOnePortAreRefused) {
  const auto first = listen("tcp://127.0.0.1:0");
  ASSERT_TRUE(first);
  const auto second = target_->listen(*first);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_TRUE(target_->unlisten(*first));
  EXPECT_EQ(target_->counts().listeners, 0u);
}

}  // namespace
}  // namespace weft::test

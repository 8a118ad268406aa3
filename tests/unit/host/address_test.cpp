// Which address a queue goes to, and what a discovery log's addresses become: over the loopback transport, dressed as one
// that has services, resolves names, and has network addresses.
#include <map>

#include "host_fixture.hpp"

namespace weft::test {
namespace {

using testing::ElementsAre;

// "disk.example" is another machine at each look-up.
struct Named {
  std::vector<std::string> asked;  // addresses of connect(), in order
  std::vector<std::string> answers;
  std::string local;  // of each queue pair, "": the loopback's
};
Named named;

int connect_named(weft_group* group, const weft_address* address, const weft_qpair_params* params,
                  const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) {
  named.asked.push_back(std::string(address->traddr) + " " + address->trsvcid);
  weft_address there = *address;
  if (std::string_view(address->traddr) == "disk.example" && !named.answers.empty()) {
    there.traddr = named.answers.front().c_str();
    const int rc = loopback_transport()->connect(group, &there, params, events, ctx, out, error);
    named.answers.erase(named.answers.begin());
    return rc;
  }
  return loopback_transport()->connect(group, &there, params, events, ctx, out, error);
}

void info_named(const weft_qpair* qpair, weft_qpair_info* out) {
  loopback_transport()->qpair_info(qpair, out);
  std::strncpy(out->peer_trsvcid, "4420", sizeof out->peer_trsvcid - 1);
  if (!named.local.empty()) std::strncpy(out->local, named.local.c_str(), sizeof out->local - 1);
}

const weft_transport* named_transport() {
  static const weft_transport table = [] {
    weft_transport made = *loopback_transport();
    made.name = "named";
    made.default_trsvcid = "4420";
    made.discovery_trsvcid = "8009";
    made.connect = &connect_named;
    made.qpair_info = &info_named;
    return made;
  }();
  return &table;
}

class AddressTest : public HostTest {
 protected:
  AddressTest() {
    named = {};
    EXPECT_TRUE(registry_.add(named_transport(), "named").has_value());
  }
  void connect_to(const std::string& text) {
    std::optional<Result<std::unique_ptr<Host>>> result;
    Host::connect(*reactor_, registry_, *Address::parse(text), options_,
                  [&](Result<std::unique_ptr<Host>> host) { result = std::move(host); });
    ASSERT_TRUE(run_until([&] { return result.has_value(); }));
    ASSERT_TRUE(result->has_value()) << result->error().text;
    host_ = std::move(**result);
  }
};

TEST_F(AddressTest, EveryQueueGoesWhereTheAdminQueueWent) {
  ScriptedController other(*reactor_, registry_, "there");
  named.answers = {"here", "there", "there"};
  options_.queues = 2;
  connect_to("named://disk.example/" + kSubsystem);
  EXPECT_THAT(named.asked, ElementsAre("disk.example 4420", "here 4420", "here 4420"));
  EXPECT_EQ(controller_->queues(), 3u);
  EXPECT_EQ(other.queues(), 0u);
  named.asked.clear();
  ASSERT_TRUE(ask<bool>([](Host& host, auto done) { host.reset(std::move(done)); }).has_value());
  EXPECT_THAT(named.asked, ElementsAre("here 4420", "here 4420")) << "after a reset too";
  ASSERT_TRUE(close());
  host_.reset();
  other.close();
  EXPECT_TRUE(run_until([&] { return other.closed(); }));
}

TEST_F(AddressTest, ANameInThePathIsTheSubsystem) {
  connect_to("named://here/blktests-subsystem-1");
  EXPECT_EQ(named.asked.front(), "here 4420");
  const auto data = load<fabrics::ConnectData>(controller_->log.front().data.data());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(&data.subnqn)), "blktests-subsystem-1");
}

class ScopeTest : public AddressTest {
 protected:
  ScopeTest() {
    controller_->identity.cntrltype = nvme::cntrltype::kDiscovery;
    std::vector<std::byte>& page = controller_->log_pages[nvme::log_page::kDiscovery];
    fabrics::DiscoveryLogHeader header;
    header.numrec = 4;
    page.assign(5 * 1024, std::byte{0});
    std::memcpy(page.data(), &header, sizeof header);
    put(page, 1, fabrics::adrfam::kIpv6, "fe80::1");
    put(page, 2, fabrics::adrfam::kIpv6, "fe80::1%enp9");
    put(page, 3, fabrics::adrfam::kIpv6, "2001:db8::1");
    put(page, 4, fabrics::adrfam::kIpv4, "192.0.2.1");
  }
  static void put(std::vector<std::byte>& page, std::size_t at, std::uint8_t adrfam, std::string_view traddr) {
    fabrics::DiscoveryLogEntry entry;
    entry.adrfam = adrfam;
    std::copy(traddr.begin(), traddr.end(), entry.traddr.begin());
    std::memcpy(page.data() + at * 1024, &entry, sizeof entry);
  }
  std::vector<std::string> addresses() {
    std::vector<std::string> out;
    const auto entries =
        ask<std::vector<fabrics::DiscoveryLogEntry>>([](Host& host, auto done) { host.discover(std::move(done)); });
    for (const fabrics::DiscoveryLogEntry& entry : entries.value()) out.emplace_back(entry.traddr.data());
    return out;
  }
};

TEST_F(ScopeTest, ALinkLocalAddressHasTheScopeOfTheDiscoveryConnection) {
  named.local = "fe80::2%eth0";
  connect_to("named://here");
  EXPECT_EQ(named.asked.front(), "here 8009");
  EXPECT_THAT(addresses(), ElementsAre("fe80::1%eth0", "fe80::1%eth0", "2001:db8::1", "192.0.2.1"));
}

TEST_F(ScopeTest, OverAConnectionWithoutAScopeNothingChanges) {
  named.local = "2001:db8::2";
  connect_to("named://here");
  EXPECT_THAT(addresses(), ElementsAre("fe80::1", "fe80::1%enp9", "2001:db8::1", "192.0.2.1"));
}

}  // namespace
}  // namespace weft::test

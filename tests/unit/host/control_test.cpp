// What a host asks about a controller: namespaces, features, properties, log pages, the discovery log.
#include "core/wire/sqe.hpp"
#include "host_fixture.hpp"

namespace weft::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using HostControlTest = HostTest;
using Entries = std::vector<fabrics::DiscoveryLogEntry>;

TEST_F(HostControlTest, ListsNamespaces) {
  controller_->spaces[5].bytes.resize(4096);
  controller_->spaces[900].bytes.resize(4096);
  connect();
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_TRUE(list.has_value());
  EXPECT_THAT(*list, ElementsAre(1, 5, 900));
}

TEST_F(HostControlTest, ListsMoreNamespacesThanOnePageHolds) {
  for (std::uint32_t nsid = 1; nsid <= 2500; ++nsid) controller_->spaces[nsid];
  connect();
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->size(), 2500u);
}

TEST_F(HostControlTest, AListThatDoesNotAscendEnds) {
  connect();
  controller_->script = [](const Received& command) {
    if (!command.is_admin(nvme::admin::kIdentify)) return Verdict::model();
    std::vector<std::byte> same(4096);
    for (std::size_t i = 0; i < same.size(); i += 4) same[i] = std::byte{3};
    return Verdict::with({{}, 0, same});
  };
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_TRUE(list.has_value());
  EXPECT_THAT(*list, ElementsAre(3));
}

TEST_F(HostControlTest, IdentifiesANamespace) {
  controller_->spaces[1].nguid = 0x5c;
  controller_->spaces[2] = {.block_size = 4096, .bytes = std::vector<std::byte>(4096 * 10), .nguid = 0};
  connect();
  auto first = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->blocks, 1024u);
  EXPECT_EQ(first->block_size, 512u);
  EXPECT_EQ(first->nguid[0], 0x5c);
  EXPECT_EQ(first->uuid[15], 0xab);
  auto second = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(2, std::move(done)); });
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->bytes(), 40960u);
  EXPECT_EQ(second->block_size, 4096u);
}

TEST_F(HostControlTest, SaysThatANamespaceIsNotThereOrMakesNoSense) {
  connect();
  auto none = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(9, std::move(done)); });
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().text, HasSubstr("namespace 9 is not there"));
  nvme::IdentifyNamespace bad;
  bad.nsze = 5;
  bad.lbaf[0].lbads = 60;
  controller_->script = [&](const Received&) {
    const auto* first = reinterpret_cast<const std::byte*>(&bad);
    return Verdict::with({{}, 0, {first, first + sizeof bad}});
  };
  auto absurd = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_FALSE(absurd.has_value());
  EXPECT_THAT(absurd.error().text, HasSubstr("2^60"));
  bad.lbaf[0].lbads = 9;
  bad.lbaf[0].ms = 8;
  auto metadata = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_FALSE(metadata.has_value());
  EXPECT_THAT(metadata.error().text, HasSubstr("metadata"));
  controller_->script = [](const Received&) { return Verdict::refuse(nvme::status::kInternalError); };
  auto refused = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, EIO);
}

TEST_F(HostControlTest, SaysThatANamespaceHasAnotherCommandSet) {
  connect();
  std::uint8_t csi = nvme::csi::kZoned;
  NvmeStatus of_identify;
  controller_->script = [&](const Received& command) {
    const auto cns = command.sqe.arguments<nvme::IdentifyArguments>().cns;
    if (cns != nvme::cns::kNamespaceDescriptors) return Verdict::with({of_identify, 0, std::vector<std::byte>(4096)});
    return Verdict::with({{}, 0, {std::byte{nvme::nidt::kCsi}, std::byte{1}, {}, {}, std::byte{csi}}});
  };
  for (const NvmeStatus status : {NvmeStatus(), nvme::status::kInvalidIoCommandSet}) {
    of_identify = status;
    auto zoned = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
    ASSERT_FALSE(zoned.has_value());
    EXPECT_EQ(zoned.error().code, ENOTSUP);
    EXPECT_EQ(zoned.error().text, "namespace 1 has the zoned command set, which is not supported");
  }
  csi = 0x30;
  auto unknown = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().text, "namespace 1 has command set 30h, which is not supported");
}

TEST_F(HostControlTest, ListsAsManyNamespacesAsThereCanBe) {
  connect();
  std::uint32_t most = 65'536;
  controller_->script = [&](const Received& command) {
    if (!command.is_admin(nvme::admin::kIdentify)) return Verdict::model();
    nvme::NamespaceList list;
    for (std::uint32_t i = 0; i < list.nsid.size() && command.sqe.nsid + i < most; ++i)
      list.nsid[i] = command.sqe.nsid + i + 1;
    const auto* first = reinterpret_cast<const std::byte*>(&list);
    return Verdict::with({{}, 0, {first, first + sizeof list}});
  };
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->size(), most);
  ++most;
  list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_FALSE(list.has_value());
  EXPECT_EQ(list.error().code, EFBIG);
}

TEST_F(HostControlTest, AListOfNamespacesThatIsNotAscendingIsCutWithAWarning) {
  connect();
  controller_->script = [&](const Received& command) {
    if (!command.is_admin(nvme::admin::kIdentify)) return Verdict::model();
    nvme::NamespaceList list;
    list.nsid = {};
    list.nsid[0] = 5;
    list.nsid[1] = 9;
    list.nsid[2] = 7;
    const auto* first = reinterpret_cast<const std::byte*>(&list);
    return Verdict::with({{}, 0, {first, first + sizeof list}});
  };
  testing::internal::CaptureStderr();
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(*list, (std::vector<std::uint32_t>{5, 9}));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("is not ascending: 7 follows 9"));
}

TEST_F(HostControlTest, ASizeThatNoNumberHoldsIsRefused) {
  connect();
  nvme::IdentifyNamespace huge;
  huge.nsze = std::uint64_t{1} << 55;
  huge.lbaf[0].lbads = 9;
  controller_->script = [&](const Received&) {
    const auto* first = reinterpret_cast<const std::byte*>(&huge);
    return Verdict::with({{}, 0, {first, first + sizeof huge}});
  };
  auto refused = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, EPROTO);
  EXPECT_THAT(refused.error().text, HasSubstr("36028797018963968 blocks of 512 bytes"));
  huge.nsze = (std::uint64_t{1} << 55) - 1;
  auto largest = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_TRUE(largest.has_value());
  EXPECT_EQ(largest->bytes(), UINT64_MAX - 511);
}

TEST_F(HostControlTest, IdentifyWithHalfItsDataIsAnError) {
  connect();
  controller_->script = [](const Received& command) {
    return command.is_admin(nvme::admin::kIdentify) ? Verdict::with({{}, 0, std::vector<std::byte>(2048), false})
                                                    : Verdict::model();
  };
  auto ns = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_FALSE(ns.has_value());
  EXPECT_EQ(ns.error().code, ENODATA);
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_FALSE(list.has_value());
  EXPECT_EQ(list.error().code, ENODATA);
}

TEST_F(HostControlTest, ALogPageIsAsLongAsWhatCame) {
  controller_->identity.mdts = 1;
  connect();
  std::size_t comes = 0;
  controller_->script = [&](const Received& command) {
    return command.is_admin(nvme::admin::kGetLogPage) ? Verdict::with({{}, 0, pattern(comes), false})
                                                      : Verdict::model();
  };
  const auto read = [&] {
    return ask<std::vector<std::byte>>(
        [](Host& host, auto done) { host.get_log_page(0xC1, 0, 0, 12000, std::move(done)); });
  };
  comes = 100;
  EXPECT_EQ(read()->size(), 100u) << "a controller whose page ends there";
  comes = 0;
  EXPECT_EQ(read().error().code, ENODATA) << "success, and nothing at all";
}

TEST_F(HostControlTest, AListWithoutAnEndIsRefused) {
  connect();
  std::uint32_t next = 0;
  controller_->script = [&](const Received& command) {
    if (!command.is_admin(nvme::admin::kIdentify)) return Verdict::model();
    std::vector<std::byte> page(4096);
    for (std::size_t i = 0; i < page.size(); i += 4) {
      ++next;
      std::memcpy(page.data() + i, &next, sizeof next);
    }
    return Verdict::with({{}, 0, page});
  };
  auto list = ask<std::vector<std::uint32_t>>([](Host& host, auto done) { host.list_namespaces(std::move(done)); });
  ASSERT_FALSE(list.has_value());
  EXPECT_EQ(list.error().code, EFBIG);
  EXPECT_THAT(list.error().text, HasSubstr("65536"));
  EXPECT_LE(next, 70000u);
}

TEST_F(HostControlTest, DescriptorsThatRunOverThePageAreLeftAlone) {
  connect();
  controller_->script = [](const Received& command) {
    if (!command.is_admin(nvme::admin::kIdentify) ||
        command.sqe.arguments<nvme::IdentifyArguments>().cns != nvme::cns::kNamespaceDescriptors)
      return Verdict::model();
    std::vector<std::byte> page(4096, std::byte{0xff});
    return Verdict::with({{}, 0, page});
  };
  auto ns = ask<Namespace>([](Host& host, auto done) { host.identify_namespace(1, std::move(done)); });
  ASSERT_TRUE(ns.has_value());
  EXPECT_EQ(ns->uuid[0], 0);
}

TEST_F(HostControlTest, FeaturesAndProperties) {
  connect();
  auto get = ask<std::uint32_t>([](Host& host, auto done) { host.get_feature(0x0f, 0, std::move(done)); });
  EXPECT_EQ(*get, 0x0fu);
  auto set = ask<std::uint32_t>([](Host& host, auto done) { host.set_feature(0x06, 77, std::move(done)); });
  EXPECT_EQ(*set, 77u);
  auto vs =
      ask<std::uint64_t>([](Host& host, auto done) { host.get_property(nvme::property::kVs, false, std::move(done)); });
  EXPECT_EQ(*vs, 0x20000u);
  auto bad = ask<bool>([](Host& host, auto done) { host.set_property(0x44, 1, false, std::move(done)); });
  ASSERT_FALSE(bad.has_value());
  EXPECT_THAT(bad.error().text, HasSubstr("Property Set 44h: Invalid Field"));
}

TEST_F(HostControlTest, ReadsALogPageInPartsThatACommandMayCarry) {
  controller_->identity.mdts = 1;
  controller_->log_pages[0xC1] = pattern(30000);
  connect();
  auto log =
      ask<std::vector<std::byte>>([](Host& host, auto done) { host.get_log_page(0xC1, 0, 8, 20001, std::move(done)); });
  ASSERT_TRUE(log.has_value());
  const std::vector<std::byte> whole = pattern(30000);
  EXPECT_EQ(*log, std::vector(whole.begin() + 8, whole.begin() + 20009));
  EXPECT_EQ(count_admin(nvme::admin::kGetLogPage), 3u);
}

TEST_F(HostControlTest, RefusesLogPagePartsThatCannotBeAskedFor) {
  connect();
  auto empty =
      ask<std::vector<std::byte>>([](Host& host, auto done) { host.get_log_page(2, 0, 0, 0, std::move(done)); });
  EXPECT_EQ(empty.error().code, EINVAL);
  auto odd = ask<std::vector<std::byte>>([](Host& host, auto done) { host.get_log_page(2, 0, 2, 4, std::move(done)); });
  EXPECT_EQ(odd.error().code, EINVAL);
}

class DiscoveryTest : public HostTest {
 protected:
  DiscoveryTest() {
    controller_->identity.cntrltype = nvme::cntrltype::kDiscovery;
    controller_->identity.oaes = nvme::async_event::kEnableDiscovery;
  }
  void publish(std::uint64_t genctr, std::uint64_t numrec, std::uint16_t recfmt = 0) {
    fabrics::DiscoveryLogHeader header;
    header.genctr = genctr;
    header.numrec = numrec;
    header.recfmt = recfmt;
    std::vector<std::byte>& page = controller_->log_pages[nvme::log_page::kDiscovery];
    page.assign(1024 * (1 + std::min<std::uint64_t>(numrec, 6000)), std::byte{0});
    std::memcpy(page.data(), &header, sizeof header);
    for (std::size_t i = 1; i < page.size() / 1024; ++i) page[i * 1024 + 4] = static_cast<std::byte>(genctr);  // portid
  }
  Result<Entries> discover() {
    return ask<Entries>([](Host& host, auto done) { host.discover(std::move(done)); });
  }
};

TEST_F(DiscoveryTest, ReadsTheWholeLog) {
  publish(1, 3);
  connect("");
  EXPECT_EQ(host_->io_queues(), 0);
  auto entries = discover();
  ASSERT_TRUE(entries.has_value()) << entries.error().text;
  EXPECT_EQ(entries->size(), 3u);
}

TEST_F(DiscoveryTest, AnEmptyLogIsNoError) {
  publish(1, 0);
  connect("");
  EXPECT_TRUE(discover()->empty());
}

TEST_F(DiscoveryTest, ReadsAgainWhenTheLogChangedMeanwhile) {
  publish(1, 3);
  connect("");
  std::size_t reads = 0;
  controller_->script = [&](const Received& command) {
    if (command.is_admin(nvme::admin::kGetLogPage) && ++reads == 3) publish(2, 5);
    return Verdict::model();
  };
  auto entries = discover();
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 5u);
  EXPECT_EQ(entries->front().portid, 2) << "of one generation";
}

TEST_F(DiscoveryTest, GivesUpOnALogThatNeverRests) {
  publish(1, 1);
  connect("");
  std::uint64_t generation = 1;
  controller_->script = [&](const Received& command) {
    if (command.is_admin(nvme::admin::kGetLogPage)) publish(++generation, 1);
    return Verdict::model();
  };
  auto entries = discover();
  ASSERT_FALSE(entries.has_value());
  EXPECT_EQ(entries.error().code, EAGAIN);
  EXPECT_LE(generation, 40u) << "a bounded number of tries";
}

TEST_F(DiscoveryTest, RefusesAnUnknownFormatAndAnAbsurdCount) {
  publish(1, 1, 9);
  connect("");
  EXPECT_THAT(discover().error().text, HasSubstr("record format 9"));
  publish(1, UINT64_MAX);
  EXPECT_EQ(discover().error().code, EFBIG);
  publish(1, 65'537);
  const Result<Entries> refused = discover();
  EXPECT_EQ(refused.error().code, EFBIG);
  EXPECT_THAT(refused.error().text, HasSubstr("claims 65537 entries; 64 MiB"));
}

TEST_F(DiscoveryTest, ReadsALargeLogInPiecesOfOneGeneration) {
  publish(1, 5000);
  connect("");
  bool changed = false;
  std::uint64_t longest = 0;
  controller_->script = [&](const Received& command) {
    if (!command.is_admin(nvme::admin::kGetLogPage)) return Verdict::model();
    longest = std::max(longest, command.length);
    const bool late = command.sqe.arguments<nvme::GetLogPageArguments>().offset > 2'000'000;
    if (late && !std::exchange(changed, true)) publish(2, 5001);
    return Verdict::model();
  };
  auto entries = discover();
  ASSERT_TRUE(entries.has_value()) << entries.error().text;
  ASSERT_EQ(entries->size(), 5001u);
  for (const fabrics::DiscoveryLogEntry& entry : *entries) ASSERT_EQ(entry.portid, 2) << "of one generation";
  EXPECT_LE(longest, 256u << 10) << "memory is taken as entries come";
}

TEST_F(DiscoveryTest, ACountBeyondTheLogIsAnErrorAndNoMemory) {
  publish(1, 60'000);  // the page has 6,000
  connect("");
  std::size_t reads = 0;
  controller_->script = [&](const Received& command) {
    if (!command.is_admin(nvme::admin::kGetLogPage)) return Verdict::model();
    const std::uint64_t offset = command.sqe.arguments<nvme::GetLogPageArguments>().offset;
    ++reads;
    return offset > (6000u << 10) ? Verdict::refuse(nvme::status::kInvalidField.dnr()) : Verdict::model();
  };
  EXPECT_FALSE(discover().has_value());
  EXPECT_LE(reads, 1000u) << "a bounded number of tries";
}

TEST_F(DiscoveryTest, ALogThatIsShorterThanItSaysIsAnError) {
  publish(1, 3);
  connect("");
  controller_->script = [&](const Received& command) {
    if (!command.is_admin(nvme::admin::kGetLogPage)) return Verdict::model();
    const std::vector<std::byte>& page = controller_->log_pages[nvme::log_page::kDiscovery];
    return Verdict::with({{}, 0, {page.begin(), page.begin() + 1024}, false});
  };
  EXPECT_EQ(discover().error().code, EPROTO);
  controller_->script = [&](const Received& command) {
    return command.is_admin(nvme::admin::kGetLogPage) ? Verdict::with({{}, 0, pattern(8), false}) : Verdict::model();
  };
  EXPECT_EQ(discover().error().code, EPROTO);
}

TEST_F(DiscoveryTest, StartsAgainWhenTold) {
  publish(4, 2);
  connect("");
  std::size_t reads = 0;
  controller_->script = [&](const Received& command) {
    return command.is_admin(nvme::admin::kGetLogPage) && ++reads == 2
               ? Verdict::refuse(fabrics::status::kDiscoverRestart)
               : Verdict::model();
  };
  EXPECT_EQ(discover()->size(), 2u);
}

TEST_F(DiscoveryTest, HearsOfChangesOnAPersistentConnection) {
  options_.kato = std::chrono::milliseconds(30'000);
  publish(1, 1);
  connect("");
  ASSERT_EQ(controller_->event_requests(), 1u);
  controller_->send_event(
      {nvme::async_event::kTypeNotice, nvme::async_event::kNoticeDiscovery, nvme::log_page::kDiscovery});
  settle();
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].info, nvme::async_event::kNoticeDiscovery);
  EXPECT_EQ(controller_->event_requests(), 1u);
}

TEST_F(DiscoveryTest, IoToADiscoveryControllerIsAnError) {
  publish(1, 1);
  connect("");
  Io io(IoRequest::Kind::kVerify, 0, 1);
  EXPECT_EQ(run(io).error, -EINVAL);
}

}  // namespace
}  // namespace weft::test

// Admin commands: Identify, log pages, features, asynchronous events, Abort.
#include "bench.hpp"
#include "core/controller/disk_identity.hpp"
#include "core/controller/subsystem.hpp"
#include "core/wire/text_field.hpp"

namespace weft::test {
namespace {

namespace lid = nvme::log_page;
namespace fid = nvme::feature;

class Admin : public Bench {
 protected:
  void SetUp() override {
    serve();
    a_ = &admin();
  }
  template <class T>
  Reply identify(T& into, std::uint8_t cns, std::uint32_t nsid = 0, std::uint8_t csi = 0) {
    static_assert(sizeof(T) == 4096);
    return a_->call(wire::identify({.cns = cns, .nsid = nsid, .cntid = 0, .csi = csi}), {}, bytes_of(into));
  }
  Reply log(std::span<std::byte> into, std::uint8_t id, std::uint64_t offset = 0, bool retain = false,
            std::uint32_t nsid = 0, CapsuleHost* h = nullptr) {
    return (h == nullptr ? a_ : h)
        ->call(wire::get_log_page(
                   {.lid = id, .nsid = nsid, .offset = offset, .length = into.size(), .retain_async_event = retain}),
               {}, into);
  }
  Reply set(std::uint8_t id, std::uint32_t value) { return a_->call(wire::set_features(id, value)); }
  Reply get(std::uint8_t id, std::uint32_t cdw11 = 0, std::uint8_t select = 0) {
    return a_->call(wire::get_features(id, cdw11, 0, select));
  }

  // Of namespace 1.
  wire::Uuid uuid() {
    EXPECT_TRUE(identify(page_, nvme::cns::kNamespaceDescriptors, 1).ok());
    wire::Uuid uuid{};
    std::memcpy(uuid.data(), page_.data() + 24, uuid.size());
    return uuid;
  }

  CapsuleHost* a_ = nullptr;
  std::array<std::byte, 4096> page_{};
};

// ---- Identify

TEST_F(Admin, IdentifyControllerHasWhatHostsCheck) {
  nvme::IdentifyController id;
  ASSERT_TRUE(identify(id, nvme::cns::kController).ok());
  EXPECT_EQ(id.cntlid, cntlid_);
  EXPECT_EQ(id.ver, 0x20000u);
  EXPECT_NE(id.kas, 0);
  EXPECT_EQ(id.ioccsz, (64u + 8192u) / 16);
  EXPECT_EQ(id.iorcsz, 1u);
  EXPECT_EQ(id.icdoff, 0);
  EXPECT_EQ(id.sqes, 0x66);
  EXPECT_EQ(id.cqes, 0x44);
  EXPECT_EQ(id.cntrltype, nvme::cntrltype::kIo);
  EXPECT_EQ(id.nn, id.mnan);
  EXPECT_EQ(id.maxcmd, 1024);
  EXPECT_EQ(id.mdts, 8);
  EXPECT_EQ(id.cmic & 0x0B, 3);
  EXPECT_EQ(id.sgls, 0x300001u);
  EXPECT_EQ(wire::read_text(id.subnqn), kDiskNqn);
  EXPECT_EQ(wire::read_text(id.sn), controller::derive_serial(kDiskNqn, uuid()));
  EXPECT_EQ(wire::read_text(id.mn), "Weft");
  EXPECT_EQ(id.vwc, nvme::vwc::kFlushAllSupported) << "no volatile cache, but Flush to all";
  EXPECT_NE(id.fuses & nvme::fuses::kCompareAndWrite, 0);
}

TEST_F(Admin, IdentifyNamespaceTellsSizeAndNames) {
  nvme::IdentifyNamespace id;
  ASSERT_TRUE(identify(id, nvme::cns::kNamespace, 1).ok());
  EXPECT_EQ(id.nsze, 1024u);
  EXPECT_EQ(id.lbaf[0].lbads, 9);
  EXPECT_EQ(id.format_index(), 0u);
  ASSERT_TRUE(identify(page_, nvme::cns::kNamespaceDescriptors, 1).ok());
  EXPECT_EQ(std::memcmp(page_.data() + 4, id.nguid.data(), sizeof id.nguid), 0);
}

TEST_F(Admin, IdentifyOfNamespacesThatAreNotThere) {
  nvme::IdentifyNamespace id;
  id.nsze = 7;
  ASSERT_TRUE(identify(id, nvme::cns::kNamespace, 5).ok());
  EXPECT_EQ(id.nsze, 0u) << "valid but inactive: zeroes";
  for (const std::uint32_t nsid : {0u, 65537u, 0xFFFFFFFFu}) {
    EXPECT_EQ(identify(id, nvme::cns::kNamespace, nsid).code(), 0x00B) << nsid;
  }
  EXPECT_EQ(identify(id, nvme::cns::kNamespaceDescriptors, 5).code(), 0x00B);
}

TEST_F(Admin, ListsActiveNamespaces) {
  add_namespace(std::make_shared<MemoryStorage>(64), 9);
  add_namespace(std::make_shared<MemoryStorage>(64));  // the lowest that is free
  nvme::NamespaceList list;
  ASSERT_TRUE(identify(list, nvme::cns::kActiveNamespaces).ok());
  EXPECT_EQ(list.nsid[0], 1u);
  EXPECT_EQ(list.nsid[1], 2u);
  EXPECT_EQ(list.nsid[2], 9u);
  EXPECT_EQ(list.nsid[3], 0u);
  ASSERT_TRUE(identify(list, nvme::cns::kActiveNamespacesCommandSet, 2).ok());
  EXPECT_EQ(list.nsid[0], 9u);
  EXPECT_EQ(list.nsid[1], 0u);
  EXPECT_EQ(identify(list, nvme::cns::kActiveNamespaces, 0xFFFFFFFE).code(), 0x00B);
}

TEST_F(Admin, DescriptorsHaveNguidUuidAndCommandSet) {
  ASSERT_TRUE(identify(page_, nvme::cns::kNamespaceDescriptors, 1).ok());
  const auto byte = [&](std::size_t i) { return std::to_integer<int>(page_[i]); };
  EXPECT_EQ(byte(0), nvme::nidt::kNguid);
  EXPECT_EQ(byte(1), 16);
  EXPECT_EQ(byte(20), nvme::nidt::kUuid);
  EXPECT_EQ(byte(40), nvme::nidt::kCsi);
  EXPECT_EQ(byte(41), 1);
  EXPECT_EQ(byte(45), 0) << "the list ends";
}

TEST_F(Admin, IdentifyForVersionTwo) {
  nvme::IdentifyNamespaceIndependent ns;
  ASSERT_TRUE(identify(ns, nvme::cns::kNamespaceIndependent, 1).ok());
  EXPECT_EQ(ns.nstat, nvme::nstat::kReady);
  EXPECT_TRUE(identify(page_, nvme::cns::kControllerCommandSet).ok());
  EXPECT_TRUE(identify(page_, nvme::cns::kNamespaceCommandSet, 1).ok());
  EXPECT_EQ(identify(page_, nvme::cns::kControllerCommandSet, 0, 2).code(), 0x002) << "no zoned command set";
  ASSERT_TRUE(identify(page_, nvme::cns::kCommandSetCombinations).ok());
  EXPECT_EQ(std::to_integer<int>(page_[0]), 1);
}

// Linux takes WZSL as it is, and NLB has 16 bits.
TEST_F(Admin, TellsWhatOneCommandMayCover) {
  nvme::IdentifyControllerNvm id;
  ASSERT_TRUE(identify(id, nvme::cns::kControllerCommandSet).ok());
  for (const std::uint8_t limit : {id.vsl, id.wzsl, id.wusl}) EXPECT_EQ(4096ull << limit, 65536ull * 512);
  EXPECT_NE(id.dmrl, 0);
  EXPECT_GE(id.dmsl, std::uint64_t{id.dmrl} * id.dmrsl);
  EXPECT_GE(id.dmrsl, (2ull << 30) / 512) << "one range reaches 2 GiB";
}

TEST_F(Admin, WhatOneCommandMayCoverFollowsFromTheSmallestBlock) {
  constexpr char kLarge[] = "nqn.2026-01.org.example:large";
  ASSERT_TRUE(server_->add_subsystem(
      {.nqn = kLarge, .allow_any_host = true, .allow_hosts = {}, .serial = "", .model = "Weft"}));
  a_ = &admin(names(kLarge));
  nvme::IdentifyControllerNvm id;
  ASSERT_TRUE(identify(id, nvme::cns::kControllerCommandSet).ok());
  EXPECT_EQ(id.wzsl, 13) << "without a namespace it must do for any";
  auto large = std::make_shared<MemoryStorage>(65536, 4096);
  add_namespace(large, 1, kLarge);
  ASSERT_TRUE(identify(id, nvme::cns::kControllerCommandSet).ok());
  EXPECT_EQ(id.wzsl, 16);
  CapsuleHost& q = io(1, 32, names(kLarge));
  EXPECT_TRUE(q.call(wire::write_zeroes(1, 0, 65536)).ok());

  // A smaller block comes: who has read the greater limit connects again.
  add_namespace(std::make_shared<MemoryStorage>(64), 2, kLarge);
  settle();
  EXPECT_TRUE(q.closed());
  EXPECT_TRUE(a_->closed());
  EXPECT_NE(notices_.back().find("connect again"), std::string::npos) << notices_.back();
  a_ = &admin(names(kLarge));
  ASSERT_TRUE(identify(id, nvme::cns::kControllerCommandSet).ok());
  EXPECT_EQ(id.wzsl, 13);
  CapsuleHost& again = io(1, 32, names(kLarge));
  large->fill(0, 1, std::byte{7});
  for (const nvme::Sqe& sqe :
       {wire::write_zeroes(1, 0, 8193), wire::write_uncorrectable(1, 0, 8193), wire::verify(1, 0, 8193)}) {
    const Reply reply = again.call(sqe);
    EXPECT_EQ(reply.code(), 0x183);
    EXPECT_TRUE(reply.dnr());
  }
  EXPECT_EQ(large->content(0, 1), std::vector<std::byte>(4096, std::byte{7}));
  for (const nvme::Sqe& sqe :
       {wire::verify(1, 0, 8192), wire::write_uncorrectable(1, 0, 8192), wire::write_zeroes(1, 0, 8192)}) {
    EXPECT_TRUE(again.call(sqe).ok());
  }
}

TEST_F(Admin, OtherCommandSetsAreRefusedWithoutAnEntryInTheErrorLog) {
  for (const std::uint8_t cns :
       {nvme::cns::kNamespaceCommandSet, nvme::cns::kControllerCommandSet, nvme::cns::kActiveNamespacesCommandSet}) {
    for (const std::uint8_t csi : std::initializer_list<std::uint8_t>{1, 2, 0xFF}) {
      const Reply reply = identify(page_, cns, 1, csi);
      EXPECT_EQ(reply.code(), 0x002) << int{cns};
      EXPECT_FALSE(reply.more());
    }
  }
  nvme::SmartLog smart;
  ASSERT_TRUE(log(bytes_of(smart), lid::kSmart).ok());
  EXPECT_EQ(smart.error_log_entries.low, 0u);
}

TEST_F(Admin, AnotherCommandSetHasNoEffects) {
  nvme::Sqe sqe = wire::get_log_page({.lid = lid::kCommandEffects, .length = page_.size()});
  for (const std::uint8_t csi : std::initializer_list<std::uint8_t>{1, 2, 0xFF}) {
    sqe.cdw14 = std::uint32_t{csi} << 24;
    page_.fill(std::byte{9});
    ASSERT_TRUE(a_->call(sqe, {}, page_).ok());
    EXPECT_EQ(page_, (std::array<std::byte, 4096>{}));
  }
  sqe.cdw14 = 0;
  ASSERT_TRUE(a_->call(sqe, {}, page_).ok());
  EXPECT_NE(page_, (std::array<std::byte, 4096>{}));
}

// Every limit of Identify Controller: so much works, and no more.
TEST_F(Admin, KeepsTheLimitsThatItTells) {
  nvme::IdentifyController id;
  ASSERT_TRUE(identify(id, nvme::cns::kController).ok());
  nvme::IdentifyNamespace ns;
  EXPECT_TRUE(identify(ns, nvme::cns::kNamespace, id.nn).ok());
  EXPECT_EQ(identify(ns, nvme::cns::kNamespace, id.nn + 1).code(), 0x00B);
  EXPECT_EQ(id.mnan, id.nn);

  std::vector<std::uint16_t> cids;
  for (std::uint32_t i = 0; i < id.aerl + 1u; ++i) cids.push_back(a_->send(wire::async_event_request()));
  EXPECT_EQ(a_->call(wire::async_event_request()).code(), 0x105);
  for (const std::uint16_t cid : cids) EXPECT_FALSE(a_->reply(cid));

  static_cast<void>(io());
  cids.clear();
  for (std::uint32_t i = 0; i < id.acl + 2u; ++i) cids.push_back(a_->send(wire::abort(1, 77)));
  for (std::uint32_t i = 0; i < id.acl + 1u; ++i) EXPECT_EQ(a_->wait(cids[i]).result(), 1u);
  EXPECT_EQ(a_->wait(cids.back()).code(), 0x103);
  EXPECT_EQ(a_->call(wire::abort(1, 77)).result(), 1u) << "those under way count";

  std::vector<std::byte> most(4096ull << id.mdts), more(most.size() + 512);
  auto large = std::make_shared<MemoryStorage>(2 * most.size() / 512);
  add_namespace(large, 2);
  CapsuleHost& q = io(2);
  EXPECT_TRUE(q.call(wire::read(2, 0, static_cast<std::uint32_t>(most.size() / 512)), {}, most).ok());
  EXPECT_EQ(q.call(wire::read(2, 0, static_cast<std::uint32_t>(more.size() / 512)), {}, more).code(), 0x002);

  std::vector<nvme::ErrorLogEntry> entries(id.elpe + 2u);
  for (std::size_t i = 0; i < entries.size(); ++i) static_cast<void>(q.call(wire::flush(77)));
  ASSERT_TRUE(log(std::as_writable_bytes(std::span(entries)), lid::kError).ok());
  EXPECT_NE(entries[id.elpe].error_count, 0u);
  EXPECT_EQ(entries[id.elpe + 1u].error_count, 0u);

  CapsuleHost& deep = host(3, id.maxcmd);
  EXPECT_TRUE(deep.connect(names(), 3, id.maxcmd, cntlid_, 0, true).ok());
  CapsuleHost& deeper = host(4, 32);
  EXPECT_EQ(deeper.connect(names(), 4, id.maxcmd + 1u, cntlid_, 0, true).code(), 0x182);
}

TEST_F(Admin, RefusesUnknownStructures) {
  for (const std::uint8_t cns : std::initializer_list<std::uint8_t>{0x04, 0x10, 0x17, 0xFF}) {
    const Reply reply = identify(page_, cns);
    EXPECT_EQ(reply.code(), 0x002) << int{cns};
    EXPECT_TRUE(reply.dnr());
  }
}

TEST_F(Admin, RefusesIdentifyDataOfAnotherLength) {
  EXPECT_EQ(a_->call(wire::identify({}), {}, std::span(page_).first(2048)).code(), 0x00F);
}

TEST_F(Admin, RefusesCommandsThatFabricsHasNot) {
  for (const std::uint8_t opcode : {nvme::admin::kCreateIoSq, nvme::admin::kDeleteIoCq, std::uint8_t{0xC0}}) {
    nvme::Sqe sqe;
    sqe.opcode = opcode;
    EXPECT_EQ(a_->call(sqe).code(), 0x001) << int{opcode};
  }
}

// ---- Log pages

TEST_F(Admin, SmartCountsWhatWasDone) {
  CapsuleHost& q = io();
  std::vector<std::byte> data(1000 * 512);
  ASSERT_TRUE(q.call(wire::read(1, 0, 1000), {}, data).ok());
  ASSERT_TRUE(q.call(wire::write(1, 0, 1), std::span(data).first(512)).ok());
  q.close();
  settle();
  nvme::SmartLog smart;
  ASSERT_TRUE(log(bytes_of(smart), lid::kSmart, 0, false, 0xFFFFFFFF).ok());
  EXPECT_EQ(smart.host_reads.low, 1u);
  EXPECT_EQ(smart.host_writes.low, 1u);
  EXPECT_EQ(smart.data_units_read.low, 1u);
  EXPECT_EQ(smart.data_units_written.low, 1u) << "rounded up";
  EXPECT_EQ(log(bytes_of(smart), lid::kSmart, 0, false, 1).code(), 0x002);
}

TEST_F(Admin, ErrorsAreLoggedWithTheirPlace) {
  CapsuleHost& q = io(3);
  std::vector<std::byte> data(512);
  const Reply reply = q.call(wire::read(1, 5000, 1), {}, data);
  EXPECT_EQ(reply.code(), 0x080);
  EXPECT_TRUE(reply.more());
  EXPECT_EQ(identify(page_, 0x55).code(), 0x002);
  std::array<nvme::ErrorLogEntry, 64> entries;
  ASSERT_TRUE(log(std::as_writable_bytes(std::span(entries)), lid::kError).ok());
  // The two came over different queues: their order in the log is that of collecting.
  const auto& of_io = entries[0].sqid == 3 ? entries[0] : entries[1];
  const auto& of_admin = entries[0].sqid == 3 ? entries[1] : entries[0];
  EXPECT_EQ(of_io.sqid, 3);
  EXPECT_EQ(of_io.location, 40);
  EXPECT_EQ(of_io.nsid, 1u);
  EXPECT_EQ(of_io.status_field >> 1, 0x4080);
  EXPECT_EQ(of_admin.sqid, 0);
  EXPECT_EQ(of_admin.location, 40);
  EXPECT_EQ(entries[0].error_count, 2u);
  EXPECT_EQ(entries[1].error_count, 1u);
  EXPECT_EQ(entries[2].error_count, 0u);
}

TEST_F(Admin, ManyErrorsKeepTheNewest) {
  CapsuleHost& q = io();
  std::vector<std::byte> data(512);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(q.call(wire::read(77, 0, 1), {}, data).code(), 0x00B);
  std::array<nvme::ErrorLogEntry, 64> entries;
  ASSERT_TRUE(log(std::as_writable_bytes(std::span(entries)), lid::kError).ok());
  EXPECT_EQ(entries[0].error_count, 300u);
  EXPECT_EQ(entries[63].error_count, 237u);
}

TEST_F(Admin, AFailedConnectIsNotLogged) {
  EXPECT_EQ(host(1).connect(names(), 1, 32, static_cast<std::uint16_t>(cntlid_ + 9)).code(), 0x182);
  EXPECT_EQ(a_->connect(names(), 0, 32).code(), 0x00C);
  nvme::SmartLog smart;
  ASSERT_TRUE(log(bytes_of(smart), lid::kSmart).ok());
  EXPECT_EQ(smart.error_log_entries.low, 0u);
}

TEST_F(Admin, LogPagesCanBeReadInPieces) {
  std::array<std::byte, 64> piece;
  ASSERT_TRUE(log(piece, lid::kFirmwareSlot, 0).ok());
  EXPECT_EQ(std::to_integer<int>(piece[0]), 1);
  piece.fill(std::byte{9});
  ASSERT_TRUE(log(piece, lid::kFirmwareSlot, 480).ok()) << "beyond the end come zeroes";
  EXPECT_EQ(std::to_integer<int>(piece[63]), 0);
  ASSERT_TRUE(log(piece, lid::kFirmwareSlot, 512).ok());
  EXPECT_EQ(log(piece, lid::kFirmwareSlot, 516).code(), 0x002);
  EXPECT_EQ(log(piece, lid::kFirmwareSlot, UINT64_MAX - 3).code(), 0x002);
  nvme::Sqe odd = wire::get_log_page({.lid = lid::kFirmwareSlot, .length = 64});
  odd.cdw12 = 2;
  EXPECT_EQ(a_->call(odd, {}, piece).code(), 0x002);
}

TEST_F(Admin, RefusesUnknownAndHugeLogPages) {
  EXPECT_EQ(log(page_, lid::kAna).code(), 0x109);
  EXPECT_EQ(log(page_, lid::kDiscovery).code(), 0x109);
  nvme::Sqe huge = wire::get_log_page({.lid = lid::kError, .length = 4});
  huge.cdw10 = huge.cdw10 | 0xFFFF0000;
  huge.cdw11 = 0xFFFF;
  EXPECT_EQ(a_->call(huge, {}, std::span(page_).first(4)).code(), 0x002) << "16 GiB are more than MDTS";
}

TEST_F(Admin, TellsWhichLogPagesThereAre) {
  nvme::SupportedLogPages pages;
  ASSERT_TRUE(log(bytes_of(pages), lid::kSupportedLogPages).ok());
  EXPECT_EQ(pages.lid[lid::kSmart], 1u);
  EXPECT_EQ(pages.lid[lid::kAna], 0u);
  nvme::CommandEffectsLog effects;
  ASSERT_TRUE(log(bytes_of(effects), lid::kCommandEffects).ok());
  EXPECT_EQ(effects.io[nvme::io::kWrite], 3u);
  EXPECT_EQ(effects.io[nvme::io::kCopy], 0u);
}

// ---- Features

TEST_F(Admin, GrantsQueuesUpToTheLimit) {
  EXPECT_EQ(set(fid::kNumberOfQueues, 3 | (7u << 16)).result(), 3u | (3u << 16));
  EXPECT_EQ(set(fid::kNumberOfQueues, 999 | (999u << 16)).result(), 127u | (127u << 16));
  EXPECT_EQ(get(fid::kNumberOfQueues).result(), 127u | (127u << 16));
  EXPECT_EQ(set(fid::kNumberOfQueues, 0xFFFF).code(), 0x002);
  EXPECT_EQ(set(fid::kNumberOfQueues, 0xFFFF0000).code(), 0x002);
  io();
  EXPECT_EQ(set(fid::kNumberOfQueues, 0).code(), 0x00C);
}

TEST_F(Admin, ServesAHundredAndTwentyEightIoQueues) {
  ASSERT_TRUE(set(fid::kNumberOfQueues, 127 | (127u << 16)).ok());
  std::vector<std::byte> data(512);
  for (std::uint16_t qid = 1; qid <= 128; ++qid) ASSERT_TRUE(io(qid, 2).call(wire::read(1, 0, 1), {}, data).ok());
  EXPECT_EQ(host(129).connect(names(), 129, 2, cntlid_).code(), 0x182);
  EXPECT_EQ(server_->controllers().front().io_queues, 128);
}

TEST_F(Admin, TellsTheHostIdentifier) {
  std::array<std::uint8_t, 16> id{};
  ASSERT_TRUE(a_->call(wire::get_features(fid::kHostIdentifier, 1), {}, bytes_of(id)).ok());
  EXPECT_EQ(id, (std::array<std::uint8_t, 16>{1, 2, 3}));
  EXPECT_EQ(set(fid::kHostIdentifier, 1).code(), 0x00C);
}

TEST_F(Admin, RefusesFeaturesThatAreNotThere) {
  for (const std::uint8_t id : std::initializer_list<std::uint8_t>{0x00, 0x03, 0x06, 0x0C, 0x10, 0x82, 0xC0}) {
    EXPECT_EQ(get(id).code(), 0x002) << int{id};
    EXPECT_EQ(set(id, 0).code(), 0x002) << int{id};
  }
  EXPECT_EQ(a_->call(wire::set_features(fid::kAsyncEventConfiguration, 0, 0, true)).code(), 0x10D);
  EXPECT_EQ(a_->call(wire::set_features(fid::kAsyncEventConfiguration, 0, 1)).code(), 0x10F);
}

TEST_F(Admin, SelectsDefaultsAndCapabilities) {
  ASSERT_TRUE(set(fid::kTemperatureThreshold, 300).ok());
  EXPECT_EQ(get(fid::kTemperatureThreshold).result(), 300u);
  EXPECT_EQ(get(fid::kTemperatureThreshold, 0, fid::kSelectDefault).result(), 0x157u);
  EXPECT_EQ(get(fid::kTemperatureThreshold, 0, fid::kSelectSupported).result(), 4u) << "changeable";
  EXPECT_EQ(get(fid::kTemperatureThreshold, 0, 7).code(), 0x002);
}

TEST_F(Admin, TheWriteCacheCannotBeSwitchedOff) {
  auto cached = std::make_shared<MemoryStorage>(64);
  cached->info.volatile_cache = true;
  add_namespace(cached, 2);
  nvme::IdentifyController id;
  ASSERT_TRUE(identify(id, nvme::cns::kController).ok());
  EXPECT_EQ(id.vwc, 7);
  EXPECT_EQ(get(fid::kVolatileWriteCache).result(), 1u);
  EXPECT_EQ(set(fid::kVolatileWriteCache, 0).code(), 0x10E);
  EXPECT_TRUE(set(fid::kVolatileWriteCache, 1).ok());
}

// ---- Asynchronous events

class Events : public Admin {
 protected:
  void SetUp() override {
    Admin::SetUp();
    ASSERT_TRUE(set(fid::kAsyncEventConfiguration, 0x100).ok());
  }
  static constexpr std::uint64_t kNamespacesChanged = 0x040002;
};

TEST_F(Events, ANewNamespaceIsTold) {
  const std::uint16_t event = a_->send(wire::async_event_request());
  settle();
  EXPECT_FALSE(a_->reply(event));
  add_namespace(std::make_shared<MemoryStorage>(64), 7);
  EXPECT_EQ(a_->wait(event).result(), kNamespacesChanged);
  nvme::ChangedNamespaceList list;
  ASSERT_TRUE(log(bytes_of(list), lid::kChangedNamespaces).ok());
  EXPECT_EQ(list.nsid[0], 7u);
  EXPECT_EQ(list.nsid[1], 0u);
  ASSERT_TRUE(log(bytes_of(list), lid::kChangedNamespaces).ok());
  EXPECT_EQ(list.nsid[0], 0u) << "reading it clears it";
}

TEST_F(Events, AnEventWaitsForARequest) {
  add_namespace(std::make_shared<MemoryStorage>(64), 7);
  EXPECT_EQ(a_->call(wire::async_event_request()).result(), kNamespacesChanged);
}

TEST_F(Events, AReportedEventIsMaskedUntilItsLogPageIsRead) {
  add_namespace(std::make_shared<MemoryStorage>(64), 7);
  ASSERT_TRUE(a_->call(wire::async_event_request()).ok());
  const std::uint16_t event = a_->send(wire::async_event_request());
  add_namespace(std::make_shared<MemoryStorage>(64), 8);
  settle();
  EXPECT_FALSE(a_->reply(event));
  nvme::ChangedNamespaceList list;
  ASSERT_TRUE(log(bytes_of(list), lid::kChangedNamespaces, 0, true).ok());
  EXPECT_EQ(list.nsid[1], 8u);
  add_namespace(std::make_shared<MemoryStorage>(64), 9);
  settle();
  EXPECT_FALSE(a_->reply(event)) << "read with RAE it stays masked";
  ASSERT_TRUE(log(bytes_of(list), lid::kChangedNamespaces).ok());
  EXPECT_EQ(list.nsid[2], 9u);
  add_namespace(std::make_shared<MemoryStorage>(64), 10);
  EXPECT_TRUE(a_->wait(event).ok());
}

TEST_F(Events, ADisabledEventIsNotTold) {
  ASSERT_TRUE(set(fid::kAsyncEventConfiguration, 0).ok());
  const std::uint16_t event = a_->send(wire::async_event_request());
  add_namespace(std::make_shared<MemoryStorage>(64), 7);
  settle();
  EXPECT_FALSE(a_->reply(event));
}

TEST_F(Events, HoldsAerlAndOneMore) {
  for (int i = 0; i < 4; ++i) a_->send(wire::async_event_request());
  EXPECT_EQ(a_->call(wire::async_event_request()).code(), 0x105);
}

TEST_F(Events, AbortEndsAHeldRequest) {
  const std::uint16_t event = a_->send(wire::async_event_request());
  settle();
  EXPECT_EQ(a_->call(wire::abort(0, event)).result(), 0u);
  EXPECT_EQ(a_->wait(event).code(), 0x007);
  EXPECT_EQ(a_->call(wire::abort(0, event)).result(), 1u);
  EXPECT_EQ(a_->call(wire::abort(5, event)).result(), 1u);
}

TEST_F(Events, AbortEndsAWriteThatWaitsForItsData) {
  CapsuleHost& q = io();
  loopback_control().set_hold_data(true);
  const auto data = pattern(64 * 512);
  const std::uint16_t write = q.send(wire::write(1, 0, 64), data);
  ASSERT_TRUE(run([&] { return loopback_control().held_data() == 1; }));
  EXPECT_EQ(a_->call(wire::abort(1, write)).result(), 0u);
  EXPECT_EQ(q.wait(write).code(), 0x007);
  EXPECT_EQ(storage_->calls(StorageCall::kCommit), 0u);
  loopback_control().set_hold_data(false);
}

TEST_F(Events, AbortCannotTakeBackWhatTheBackendHas) {
  CapsuleHost& q = io();
  storage_->hold(StorageCall::kMap);
  std::vector<std::byte> data(512);
  const std::uint16_t read = q.send(wire::read(1, 0, 1), {}, data);
  ASSERT_TRUE(run([&] { return storage_->held() == 1; }));
  EXPECT_EQ(a_->call(wire::abort(1, read)).result(), 1u);
  storage_->let_go();
  EXPECT_TRUE(q.wait(read).ok());
}

TEST_F(Events, AbortEndsHalfOfAFusedPair) {
  CapsuleHost& q = io();
  const auto data = pattern(512);
  const std::uint16_t half = q.send(wire::fused(wire::compare(1, 0, 1), 1), data);
  settle();
  EXPECT_EQ(a_->call(wire::abort(1, half)).result(), 0u);
  EXPECT_EQ(q.wait(half).code(), 0x007);
  EXPECT_TRUE(q.call(wire::flush(1)).ok());
}

}  // namespace
}  // namespace weft::test

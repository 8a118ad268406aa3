// Fields of the large structs against bytes placed by hand: a look from outside at what the headers assert.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "weft/fabrics.hpp"
#include "weft/nvme.hpp"

namespace weft {
namespace {

// A struct of zeroes but for `bytes` at `offset`.
template <class T>
T with_bytes(std::size_t offset, std::initializer_list<std::uint8_t> bytes) {
  std::array<std::uint8_t, sizeof(T)> raw{};
  std::copy(bytes.begin(), bytes.end(), raw.begin() + static_cast<std::ptrdiff_t>(offset));
  return load<T>(raw.data());
}

using Controller = nvme::IdentifyController;
using Namespace = nvme::IdentifyNamespace;

TEST(Layout, IdentifyControllerHasEachFieldAtItsOffset) {
  EXPECT_EQ(with_bytes<Controller>(4, {'S'}).sn[0], 'S');
  EXPECT_EQ(with_bytes<Controller>(24, {'M'}).mn[0], 'M');
  EXPECT_EQ(with_bytes<Controller>(64, {'F'}).fr[0], 'F');
  EXPECT_EQ(with_bytes<Controller>(76, {2}).cmic, nvme::cmic::kMultiController);
  EXPECT_EQ(with_bytes<Controller>(77, {5}).mdts, 5);
  EXPECT_EQ(with_bytes<Controller>(78, {1, 2}).cntlid, 0x0201);
  EXPECT_EQ(with_bytes<Controller>(80, {0, 4, 1, 0}).ver, 0x00010400U);
  EXPECT_EQ(with_bytes<Controller>(88, {1}).rtd3e, 1U);
  EXPECT_EQ(with_bytes<Controller>(92, {0, 1}).oaes, nvme::async_event::kEnableNamespaceAttribute);
  EXPECT_EQ(with_bytes<Controller>(96, {0x41}).ctratt, nvme::ctratt::kHostId128 | nvme::ctratt::kTrafficBasedKeepAlive);
  EXPECT_EQ(with_bytes<Controller>(111, {2}).cntrltype, nvme::cntrltype::kDiscovery);
  EXPECT_EQ(with_bytes<Controller>(256, {1}).oacs, nvme::oacs::kSecurity);
  EXPECT_EQ(with_bytes<Controller>(258, {3, 4}).acl, 3);
  EXPECT_EQ(with_bytes<Controller>(258, {3, 4}).aerl, 4);
  EXPECT_EQ(with_bytes<Controller>(261, {4}).lpa, nvme::lpa::kExtendedGetLogPage);
  EXPECT_EQ(with_bytes<Controller>(266, {0x57, 1}).wctemp, 0x157);
  EXPECT_EQ(with_bytes<Controller>(320, {10}).kas, 10);
  EXPECT_EQ(with_bytes<Controller>(342, {10}).anatt, 10);
  EXPECT_EQ(with_bytes<Controller>(512, {0x66, 0x44}).sqes, 0x66);
  EXPECT_EQ(with_bytes<Controller>(512, {0x66, 0x44}).cqes, 0x44);
  EXPECT_EQ(with_bytes<Controller>(514, {128}).maxcmd, 128);
  EXPECT_EQ(with_bytes<Controller>(516, {0, 4}).nn, 1024U);
  EXPECT_EQ(with_bytes<Controller>(520, {4}).oncs, nvme::oncs::kDatasetManagement);
  EXPECT_EQ(with_bytes<Controller>(522, {1}).fuses, nvme::fuses::kCompareAndWrite);
  EXPECT_EQ(with_bytes<Controller>(525, {7}).vwc, nvme::vwc::kPresent | nvme::vwc::kFlushAllSupported);
  EXPECT_EQ(with_bytes<Controller>(532, {9}).acwu, 9);
  EXPECT_EQ(with_bytes<Controller>(536, {1, 0, 0x30}).sgls,
            nvme::sgls::kAnyAlignment | nvme::sgls::kOffsetAddressing | nvme::sgls::kTransport);
  EXPECT_EQ(with_bytes<Controller>(540, {8}).mnan, 8U);
  EXPECT_EQ(with_bytes<Controller>(768, {'n'}).subnqn[0], 'n');
  EXPECT_EQ(with_bytes<Controller>(1792, {4, 4}).ioccsz, 1028U);
  EXPECT_EQ(with_bytes<Controller>(1796, {1}).iorcsz, 1U);
  EXPECT_EQ(with_bytes<Controller>(1800, {1}).icdoff, 1);
  EXPECT_EQ(with_bytes<Controller>(1802, {1}).fcatt, nvme::fcatt::kStaticModel);
  EXPECT_EQ(with_bytes<Controller>(1803, {1}).msdbd, 1);
  EXPECT_EQ(with_bytes<Controller>(1804, {1}).ofcs, nvme::ofcs::kDisconnect);
  EXPECT_EQ(with_bytes<Controller>(2048 + 31 * 32, {7}).psd[31].max_power, 7);
}

TEST(Layout, IdentifyNamespaceHasEachFieldAtItsOffset) {
  EXPECT_EQ(with_bytes<Namespace>(0, {1}).nsze, 1U);
  EXPECT_EQ(with_bytes<Namespace>(8, {1}).ncap, 1U);
  EXPECT_EQ(with_bytes<Namespace>(16, {1}).nuse, 1U);
  EXPECT_EQ(with_bytes<Namespace>(26, {1}).flbas, 1);
  EXPECT_EQ(with_bytes<Namespace>(30, {1}).nmic, nvme::nmic::kShared);
  EXPECT_EQ(with_bytes<Namespace>(33, {9}).dlfeat, nvme::dlfeat::kReadZeroes | nvme::dlfeat::kWriteZeroesDeallocates);
  EXPECT_EQ(with_bytes<Namespace>(46, {3}).noiob, 3);
  EXPECT_EQ(with_bytes<Namespace>(64, {4}).npwg, 4);
  EXPECT_EQ(with_bytes<Namespace>(72, {5}).nows, 5);
  EXPECT_EQ(with_bytes<Namespace>(92, {6}).anagrpid, 6U);
  EXPECT_EQ(with_bytes<Namespace>(99, {1}).nsattr, nvme::nsattr::kWriteProtected);
  EXPECT_EQ(with_bytes<Namespace>(104, {7}).nguid[0], 7);
  EXPECT_EQ(with_bytes<Namespace>(120, {8}).eui64[0], 8);
  EXPECT_EQ(with_bytes<Namespace>(128 + 63 * 4 + 2, {12}).lbaf[63].lbads, 12);
}

TEST(Layout, FormatIndexIsMadeOfBothParts) {
  EXPECT_EQ(Namespace{.flbas = 0x7F}.format_index(), 0x3FU);
  EXPECT_EQ(Namespace{.flbas = 0x21}.format_index(), 0x11U);
  EXPECT_EQ(Namespace{.flbas = 0x10}.format_index(), 0U);  // metadata at the end of the block: no part of the index
}

TEST(Layout, SmartLogHasEachFieldAtItsOffset) {
  using nvme::SmartLog;
  EXPECT_EQ(with_bytes<SmartLog>(1, {0x2C, 1}).temperature, 300);
  EXPECT_EQ(with_bytes<SmartLog>(3, {100}).available_spare, 100);
  EXPECT_EQ(with_bytes<SmartLog>(32, {1}).data_units_read.low, 1U);
  EXPECT_EQ(with_bytes<SmartLog>(56, {1}).data_units_written.high, 1U);
  EXPECT_EQ(with_bytes<SmartLog>(64, {1}).host_reads.low, 1U);
  EXPECT_EQ(with_bytes<SmartLog>(80, {1}).host_writes.low, 1U);
  EXPECT_EQ(with_bytes<SmartLog>(112, {1}).power_cycles.low, 1U);
  EXPECT_EQ(with_bytes<SmartLog>(176, {1}).error_log_entries.low, 1U);
  EXPECT_EQ(with_bytes<SmartLog>(214, {1}).temperature_sensors[7], 1);
}

TEST(Layout, OtherLogPagesHaveEachFieldAtItsOffset) {
  EXPECT_EQ(with_bytes<nvme::ErrorLogEntry>(12, {5}).status_field, 5);
  EXPECT_EQ(with_bytes<nvme::ErrorLogEntry>(14, {40}).location, 40);
  EXPECT_EQ(with_bytes<nvme::ErrorLogEntry>(24, {1}).nsid, 1U);
  EXPECT_EQ(with_bytes<nvme::FirmwareSlotLog>(56, {'7'}).revision[6][0], '7');
  EXPECT_EQ(with_bytes<nvme::ChangedNamespaceList>(4092, {1}).nsid[1023], 1U);
  EXPECT_EQ(with_bytes<nvme::CommandEffectsLog>(4 * 0x18, {1}).admin[nvme::admin::kKeepAlive], 1U);
  EXPECT_EQ(with_bytes<nvme::CommandEffectsLog>(1024 + 4, {3}).io[nvme::io::kWrite], 3U);
  EXPECT_EQ(with_bytes<nvme::AnaGroupDescriptor>(16, {1}).state, nvme::ana_state::kOptimized);
}

TEST(Layout, DiscoveryLogHasEachFieldAtItsOffset) {
  using fabrics::DiscoveryLogEntry;
  EXPECT_EQ(with_bytes<fabrics::DiscoveryLogHeader>(0, {3}).genctr, 3U);
  EXPECT_EQ(with_bytes<fabrics::DiscoveryLogHeader>(8, {4}).numrec, 4U);
  EXPECT_EQ(with_bytes<fabrics::DiscoveryLogHeader>(16, {5}).recfmt, 5);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(0, {3}).trtype, fabrics::trtype::kTcp);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(1, {2}).adrfam, fabrics::adrfam::kIpv6);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(2, {2}).subtype, fabrics::subtype::kNvm);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(3, {4}).treq, fabrics::treq::kDisableSqFlowControl);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(6, {0xFF, 0xFF}).cntlid, fabrics::kCntlidAny);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(8, {32}).asqsz, fabrics::kMinAdminQueueSize);
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(32, {'4'}).trsvcid[0], '4');
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(256, {'n'}).subnqn[0], 'n');
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(512, {'1'}).traddr[0], '1');
  EXPECT_EQ(with_bytes<DiscoveryLogEntry>(768, {2}).tsas[fabrics::tsas::kTcpSecurity],
            fabrics::tsas::kTcpSecurityTls13);
}

TEST(Layout, ConnectDataHasEachFieldAtItsOffset) {
  EXPECT_EQ(with_bytes<fabrics::ConnectData>(15, {9}).hostid[15], 9);
  EXPECT_EQ(with_bytes<fabrics::ConnectData>(16, {1, 2}).cntlid, 0x0201);
  EXPECT_EQ(with_bytes<fabrics::ConnectData>(256, {'s'}).subnqn[0], 's');
  EXPECT_EQ(with_bytes<fabrics::ConnectData>(512, {'h'}).hostnqn[0], 'h');
}

TEST(Layout, InvalidParameterNamesTheFieldAndItsPlace) {
  EXPECT_EQ(fabrics::invalid_parameter::kQid.encode(), 42U);
  EXPECT_EQ(fabrics::invalid_parameter::kSqsize.encode(), 44U);
  EXPECT_EQ(fabrics::invalid_parameter::kCattr.encode(), 46U);
  EXPECT_EQ(fabrics::invalid_parameter::kKato.encode(), 48U);
  EXPECT_EQ(fabrics::invalid_parameter::kHostid.encode(), 0x10000U);
  EXPECT_EQ(fabrics::invalid_parameter::kCntlid.encode(), 0x10010U);
  EXPECT_EQ(fabrics::invalid_parameter::kSubnqn.encode(), 0x10100U);
  EXPECT_EQ(fabrics::invalid_parameter::kHostnqn.encode(), 0x10200U);
  EXPECT_EQ(fabrics::InvalidParameter::decode(0x10200), fabrics::invalid_parameter::kHostnqn);
}

TEST(Layout, ConnectResultCarriesAuthenticationBits) {
  const auto result = fabrics::ConnectResult::decode(0x00020007);
  EXPECT_EQ(result.cntlid, 7);
  EXPECT_TRUE(result.authentication_required);
  EXPECT_FALSE(result.secure_channel_required);
  EXPECT_EQ(result.encode(), 0x00020007U);
  EXPECT_TRUE(fabrics::ConnectResult::decode(0x00040001).secure_channel_required);
}

TEST(Layout, KeyedDescriptorHas24BitLengthBesideItsKey) {
  nvme::KeyedSglDescriptor keyed{.address = 0x1122334455667788, .key = 0xAABBCCDD, .identifier = nvme::sgl::kKeyed};
  keyed.set_length(0x010203);
  const std::uint8_t expected[] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
                                   0x03, 0x02, 0x01, 0xDD, 0xCC, 0xBB, 0xAA, 0x40};
  EXPECT_EQ(std::memcmp(&keyed, expected, sizeof expected), 0);
  EXPECT_EQ(nvme::KeyedSglDescriptor::from(keyed.descriptor()).length(), 0x010203U);
}

}  // namespace
}  // namespace weft

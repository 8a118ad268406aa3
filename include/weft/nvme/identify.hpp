// identify.hpp - the data of Identify that describes a controller; a namespace's is in identify_namespace.hpp.
//
// Fields have the specification's short names in lower case. Bits that somebody tests are named beside the struct they
// belong to. Value types; any thread.
#ifndef WEFT_NVME_IDENTIFY_HPP
#define WEFT_NVME_IDENTIFY_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "weft/endian.hpp"

namespace weft::nvme {

inline constexpr std::size_t kIdentifySize = 4096;

namespace cns {
inline constexpr std::uint8_t kNamespace = 0x00;
inline constexpr std::uint8_t kController = 0x01;
inline constexpr std::uint8_t kActiveNamespaces = 0x02;
inline constexpr std::uint8_t kNamespaceDescriptors = 0x03;
inline constexpr std::uint8_t kNamespaceCommandSet = 0x05;
inline constexpr std::uint8_t kControllerCommandSet = 0x06;
inline constexpr std::uint8_t kActiveNamespacesCommandSet = 0x07;
inline constexpr std::uint8_t kNamespaceIndependent = 0x08;
inline constexpr std::uint8_t kAllocatedNamespaces = 0x10;
inline constexpr std::uint8_t kAllocatedNamespace = 0x11;
inline constexpr std::uint8_t kNamespaceControllers = 0x12;
inline constexpr std::uint8_t kSubsystemControllers = 0x13;
inline constexpr std::uint8_t kSecondaryControllers = 0x15;
inline constexpr std::uint8_t kNamespaceGranularity = 0x16;
inline constexpr std::uint8_t kUuidList = 0x17;
inline constexpr std::uint8_t kEnduranceGroups = 0x19;
inline constexpr std::uint8_t kCommandSetCombinations = 0x1C;
}  // namespace cns

namespace csi {
inline constexpr std::uint8_t kNvm = 0x00;
inline constexpr std::uint8_t kKeyValue = 0x01;
inline constexpr std::uint8_t kZoned = 0x02;
}  // namespace csi

struct PowerStateDescriptor {
  le16 max_power{};
  WireBytes<2> reserved2{};
  le32 entry_latency{};  // microseconds
  le32 exit_latency{};
  WireBytes<20> reserved12{};
};
WEFT_WIRE_SIZE(PowerStateDescriptor, 32);
WEFT_WIRE_FIELD(PowerStateDescriptor, max_power, 0);
WEFT_WIRE_FIELD(PowerStateDescriptor, reserved2, 2);
WEFT_WIRE_FIELD(PowerStateDescriptor, entry_latency, 4);
WEFT_WIRE_FIELD(PowerStateDescriptor, exit_latency, 8);
WEFT_WIRE_FIELD(PowerStateDescriptor, reserved12, 12);

// CNS 01h.
struct IdentifyController {
  le16 vid{};
  le16 ssvid{};
  WireText<20> sn{};  // ASCII padded with spaces, as are mn and fr
  WireText<40> mn{};
  WireText<8> fr{};
  std::uint8_t rab{};
  WireBytes<3> ieee{};  // little-endian OUI
  std::uint8_t cmic{};
  std::uint8_t mdts{};  // 2^n pages of CAP.MPSMIN; 0: unlimited
  le16 cntlid{};
  le32 ver{};
  le32 rtd3r{};  // microseconds
  le32 rtd3e{};
  le32 oaes{};  // async_event::kEnable...
  le32 ctratt{};
  le16 rrls{};
  WireBytes<9> reserved102{};
  std::uint8_t cntrltype{};
  WireBytes<16> fguid{};
  le16 crdt1{};  // 100 ms units
  le16 crdt2{};
  le16 crdt3{};
  WireBytes<122> reserved134{};
  le16 oacs{};
  std::uint8_t acl{};   // 0's based
  std::uint8_t aerl{};  // 0's based
  std::uint8_t frmw{};
  std::uint8_t lpa{};
  std::uint8_t elpe{};  // 0's based
  std::uint8_t npss{};  // 0's based
  std::uint8_t reserved264{};
  std::uint8_t apsta{};
  le16 wctemp{};  // kelvin
  le16 cctemp{};
  WireBytes<10> reserved270{};
  WireBytes<16> tnvmcap{};  // bytes, 128-bit little-endian
  WireBytes<16> unvmcap{};
  WireBytes<8> reserved312{};
  le16 kas{};  // 100 ms units
  WireBytes<6> reserved322{};
  le32 sanicap{};
  WireBytes<10> reserved332{};
  std::uint8_t anatt{};  // seconds
  std::uint8_t anacap{};
  le32 anagrpmax{};
  le32 nanagrpid{};
  WireBytes<160> reserved352{};
  std::uint8_t sqes{};  // low nibble least, high nibble greatest
  std::uint8_t cqes{};
  le16 maxcmd{};
  le32 nn{};
  le16 oncs{};
  le16 fuses{};
  std::uint8_t fna{};
  std::uint8_t vwc{};
  le16 awun{};  // 0's based, in blocks
  le16 awupf{};
  std::uint8_t reserved530{};
  std::uint8_t nwpc{};
  le16 acwu{};
  le16 ocfs{};
  le32 sgls{};
  le32 mnan{};
  WireBytes<224> reserved544{};
  WireText<256> subnqn{};  // NUL-terminated
  WireBytes<768> reserved1024{};
  le32 ioccsz{};  // 16-byte units
  le32 iorcsz{};  // 16-byte units
  le16 icdoff{};  // 16-byte units
  std::uint8_t fcatt{};
  std::uint8_t msdbd{};
  le16 ofcs{};
  std::uint8_t dctype{};
  WireBytes<241> reserved1807{};
  std::array<PowerStateDescriptor, 32> psd{};
  WireBytes<1024> vendor{};
};
WEFT_WIRE_SIZE(IdentifyController, 4096);
WEFT_WIRE_FIELD(IdentifyController, vid, 0);
WEFT_WIRE_FIELD(IdentifyController, ssvid, 2);
WEFT_WIRE_FIELD(IdentifyController, sn, 4);
WEFT_WIRE_FIELD(IdentifyController, mn, 24);
WEFT_WIRE_FIELD(IdentifyController, fr, 64);
WEFT_WIRE_FIELD(IdentifyController, rab, 72);
WEFT_WIRE_FIELD(IdentifyController, ieee, 73);
WEFT_WIRE_FIELD(IdentifyController, cmic, 76);
WEFT_WIRE_FIELD(IdentifyController, mdts, 77);
WEFT_WIRE_FIELD(IdentifyController, cntlid, 78);
WEFT_WIRE_FIELD(IdentifyController, ver, 80);
WEFT_WIRE_FIELD(IdentifyController, rtd3r, 84);
WEFT_WIRE_FIELD(IdentifyController, rtd3e, 88);
WEFT_WIRE_FIELD(IdentifyController, oaes, 92);
WEFT_WIRE_FIELD(IdentifyController, ctratt, 96);
WEFT_WIRE_FIELD(IdentifyController, rrls, 100);
WEFT_WIRE_FIELD(IdentifyController, reserved102, 102);
WEFT_WIRE_FIELD(IdentifyController, cntrltype, 111);
WEFT_WIRE_FIELD(IdentifyController, fguid, 112);
WEFT_WIRE_FIELD(IdentifyController, crdt1, 128);
WEFT_WIRE_FIELD(IdentifyController, crdt2, 130);
WEFT_WIRE_FIELD(IdentifyController, crdt3, 132);
WEFT_WIRE_FIELD(IdentifyController, reserved134, 134);
WEFT_WIRE_FIELD(IdentifyController, oacs, 256);
WEFT_WIRE_FIELD(IdentifyController, acl, 258);
WEFT_WIRE_FIELD(IdentifyController, aerl, 259);
WEFT_WIRE_FIELD(IdentifyController, frmw, 260);
WEFT_WIRE_FIELD(IdentifyController, lpa, 261);
WEFT_WIRE_FIELD(IdentifyController, elpe, 262);
WEFT_WIRE_FIELD(IdentifyController, npss, 263);
WEFT_WIRE_FIELD(IdentifyController, reserved264, 264);
WEFT_WIRE_FIELD(IdentifyController, apsta, 265);
WEFT_WIRE_FIELD(IdentifyController, wctemp, 266);
WEFT_WIRE_FIELD(IdentifyController, cctemp, 268);
WEFT_WIRE_FIELD(IdentifyController, reserved270, 270);
WEFT_WIRE_FIELD(IdentifyController, tnvmcap, 280);
WEFT_WIRE_FIELD(IdentifyController, unvmcap, 296);
WEFT_WIRE_FIELD(IdentifyController, reserved312, 312);
WEFT_WIRE_FIELD(IdentifyController, kas, 320);
WEFT_WIRE_FIELD(IdentifyController, reserved322, 322);
WEFT_WIRE_FIELD(IdentifyController, sanicap, 328);
WEFT_WIRE_FIELD(IdentifyController, reserved332, 332);
WEFT_WIRE_FIELD(IdentifyController, anatt, 342);
WEFT_WIRE_FIELD(IdentifyController, anacap, 343);
WEFT_WIRE_FIELD(IdentifyController, anagrpmax, 344);
WEFT_WIRE_FIELD(IdentifyController, nanagrpid, 348);
WEFT_WIRE_FIELD(IdentifyController, reserved352, 352);
WEFT_WIRE_FIELD(IdentifyController, sqes, 512);
WEFT_WIRE_FIELD(IdentifyController, cqes, 513);
WEFT_WIRE_FIELD(IdentifyController, maxcmd, 514);
WEFT_WIRE_FIELD(IdentifyController, nn, 516);
WEFT_WIRE_FIELD(IdentifyController, oncs, 520);
WEFT_WIRE_FIELD(IdentifyController, fuses, 522);
WEFT_WIRE_FIELD(IdentifyController, fna, 524);
WEFT_WIRE_FIELD(IdentifyController, vwc, 525);
WEFT_WIRE_FIELD(IdentifyController, awun, 526);
WEFT_WIRE_FIELD(IdentifyController, awupf, 528);
WEFT_WIRE_FIELD(IdentifyController, reserved530, 530);
WEFT_WIRE_FIELD(IdentifyController, nwpc, 531);
WEFT_WIRE_FIELD(IdentifyController, acwu, 532);
WEFT_WIRE_FIELD(IdentifyController, ocfs, 534);
WEFT_WIRE_FIELD(IdentifyController, sgls, 536);
WEFT_WIRE_FIELD(IdentifyController, mnan, 540);
WEFT_WIRE_FIELD(IdentifyController, reserved544, 544);
WEFT_WIRE_FIELD(IdentifyController, subnqn, 768);
WEFT_WIRE_FIELD(IdentifyController, reserved1024, 1024);
WEFT_WIRE_FIELD(IdentifyController, ioccsz, 1792);
WEFT_WIRE_FIELD(IdentifyController, iorcsz, 1796);
WEFT_WIRE_FIELD(IdentifyController, icdoff, 1800);
WEFT_WIRE_FIELD(IdentifyController, fcatt, 1802);
WEFT_WIRE_FIELD(IdentifyController, msdbd, 1803);
WEFT_WIRE_FIELD(IdentifyController, ofcs, 1804);
WEFT_WIRE_FIELD(IdentifyController, dctype, 1806);
WEFT_WIRE_FIELD(IdentifyController, reserved1807, 1807);
WEFT_WIRE_FIELD(IdentifyController, psd, 2048);
WEFT_WIRE_FIELD(IdentifyController, vendor, 3072);

namespace cmic {
inline constexpr std::uint8_t kMultiPort = 1 << 0;
inline constexpr std::uint8_t kMultiController = 1 << 1;
inline constexpr std::uint8_t kAnaReporting = 1 << 3;
}  // namespace cmic

namespace ctratt {
inline constexpr std::uint32_t kHostId128 = 1 << 0;
inline constexpr std::uint32_t kTrafficBasedKeepAlive = 1 << 6;
inline constexpr std::uint32_t kUuidList = 1 << 9;
inline constexpr std::uint32_t kExtendedLbaFormats = 1 << 15;
}  // namespace ctratt

namespace cntrltype {
inline constexpr std::uint8_t kIo = 1;
inline constexpr std::uint8_t kDiscovery = 2;
inline constexpr std::uint8_t kAdministrative = 3;
}  // namespace cntrltype

namespace oacs {
inline constexpr std::uint16_t kSecurity = 1 << 0;
inline constexpr std::uint16_t kFormat = 1 << 1;
inline constexpr std::uint16_t kFirmware = 1 << 2;
inline constexpr std::uint16_t kNamespaceManagement = 1 << 3;
inline constexpr std::uint16_t kDirectives = 1 << 5;
}  // namespace oacs

namespace frmw {
inline constexpr std::uint8_t kSlot1ReadOnly = 1 << 0;
inline constexpr std::uint8_t kOneSlot = 1 << 1;  // bits 3:1 count the slots
}  // namespace frmw

namespace lpa {
inline constexpr std::uint8_t kSmartPerNamespace = 1 << 0;
inline constexpr std::uint8_t kCommandEffects = 1 << 1;
inline constexpr std::uint8_t kExtendedGetLogPage = 1 << 2;  // offsets, 32-bit NUMD
inline constexpr std::uint8_t kTelemetry = 1 << 3;
}  // namespace lpa

namespace oncs {
inline constexpr std::uint16_t kCompare = 1 << 0;
inline constexpr std::uint16_t kWriteUncorrectable = 1 << 1;
inline constexpr std::uint16_t kDatasetManagement = 1 << 2;
inline constexpr std::uint16_t kWriteZeroes = 1 << 3;
inline constexpr std::uint16_t kSaveSelect = 1 << 4;
inline constexpr std::uint16_t kReservations = 1 << 5;
inline constexpr std::uint16_t kTimestamp = 1 << 6;
inline constexpr std::uint16_t kVerify = 1 << 7;
inline constexpr std::uint16_t kCopy = 1 << 8;
}  // namespace oncs

namespace fuses {
inline constexpr std::uint16_t kCompareAndWrite = 1 << 0;
}  // namespace fuses

namespace vwc {
inline constexpr std::uint8_t kPresent = 1 << 0;
inline constexpr std::uint8_t kFlushAllMask = 3 << 1;  // Flush to NSID FFFFFFFFh
inline constexpr std::uint8_t kFlushAllNotSupported = 2 << 1;
inline constexpr std::uint8_t kFlushAllSupported = 3 << 1;
}  // namespace vwc

namespace sgls {
inline constexpr std::uint32_t kSupportMask = 3;
inline constexpr std::uint32_t kAnyAlignment = 1;
inline constexpr std::uint32_t kDwordAlignment = 2;
inline constexpr std::uint32_t kKeyed = 1U << 2;
inline constexpr std::uint32_t kBitBucket = 1U << 16;
inline constexpr std::uint32_t kContiguousMetadata = 1U << 17;
inline constexpr std::uint32_t kLongerThanData = 1U << 18;
inline constexpr std::uint32_t kMetadataSgl = 1U << 19;
inline constexpr std::uint32_t kOffsetAddressing = 1U << 20;  // SAOS: data in the capsule
inline constexpr std::uint32_t kTransport = 1U << 21;
}  // namespace sgls

namespace fcatt {
inline constexpr std::uint8_t kStaticModel = 1 << 0;
}  // namespace fcatt

namespace ofcs {
inline constexpr std::uint16_t kDisconnect = 1 << 0;
}  // namespace ofcs

// CNS 06h, CSI 0.
struct IdentifyControllerNvm {
  std::uint8_t vsl{};  // 2^n pages of CAP.MPSMIN, as are wzsl and wusl; 0: no limit
  std::uint8_t wzsl{};
  std::uint8_t wusl{};
  std::uint8_t dmrl{};  // ranges
  le32 dmrsl{};         // blocks in a range
  le64 dmsl{};          // blocks in all ranges
  WireBytes<4080> reserved16{};
};
WEFT_WIRE_SIZE(IdentifyControllerNvm, 4096);
WEFT_WIRE_FIELD(IdentifyControllerNvm, vsl, 0);
WEFT_WIRE_FIELD(IdentifyControllerNvm, wzsl, 1);
WEFT_WIRE_FIELD(IdentifyControllerNvm, wusl, 2);
WEFT_WIRE_FIELD(IdentifyControllerNvm, dmrl, 3);
WEFT_WIRE_FIELD(IdentifyControllerNvm, dmrsl, 4);
WEFT_WIRE_FIELD(IdentifyControllerNvm, dmsl, 8);
WEFT_WIRE_FIELD(IdentifyControllerNvm, reserved16, 16);

}  // namespace weft::nvme

#endif

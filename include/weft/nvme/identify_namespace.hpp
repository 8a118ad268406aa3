// identify_namespace.hpp - the data of Identify that describes namespaces, and the lists of them.
//
// Named as in identify.hpp. Value types; any thread.
#ifndef WEFT_NVME_IDENTIFY_NAMESPACE_HPP
#define WEFT_NVME_IDENTIFY_NAMESPACE_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "weft/endian.hpp"

namespace weft::nvme {

struct LbaFormat {
  le16 ms{};             // metadata bytes
  std::uint8_t lbads{};  // block size as a power of two
  std::uint8_t rp{};     // bits 1:0 relative performance
};
WEFT_WIRE_SIZE(LbaFormat, 4);
WEFT_WIRE_FIELD(LbaFormat, ms, 0);
WEFT_WIRE_FIELD(LbaFormat, lbads, 2);
WEFT_WIRE_FIELD(LbaFormat, rp, 3);

// CNS 00h.
struct IdentifyNamespace {
  le64 nsze{};
  le64 ncap{};
  le64 nuse{};
  std::uint8_t nsfeat{};
  std::uint8_t nlbaf{};  // 0's based
  std::uint8_t flbas{};
  std::uint8_t mc{};
  std::uint8_t dpc{};
  std::uint8_t dps{};
  std::uint8_t nmic{};
  std::uint8_t rescap{};
  std::uint8_t fpi{};
  std::uint8_t dlfeat{};
  le16 nawun{};  // 0's based to nows, but for noiob
  le16 nawupf{};
  le16 nacwu{};
  le16 nabsn{};
  le16 nabo{};
  le16 nabspf{};
  le16 noiob{};
  WireBytes<16> nvmcap{};
  le16 npwg{};
  le16 npwa{};
  le16 npdg{};
  le16 npda{};
  le16 nows{};
  le16 mssrl{};
  le32 mcl{};
  std::uint8_t msrc{};
  WireBytes<11> reserved81{};
  le32 anagrpid{};
  WireBytes<3> reserved96{};
  std::uint8_t nsattr{};
  le16 nvmsetid{};
  le16 endgid{};
  WireBytes<16> nguid{};  // big-endian, as is eui64
  WireBytes<8> eui64{};
  std::array<LbaFormat, 64> lbaf{};
  WireBytes<3712> vendor{};

  // The index into lbaf of the format in use: bits 3:0 and 6:5 of flbas.
  [[nodiscard]] constexpr std::uint32_t format_index() const { return (flbas & 0xFU) | ((flbas & 0x60U) >> 1); }
};
WEFT_WIRE_SIZE(IdentifyNamespace, 4096);
WEFT_WIRE_FIELD(IdentifyNamespace, nsze, 0);
WEFT_WIRE_FIELD(IdentifyNamespace, ncap, 8);
WEFT_WIRE_FIELD(IdentifyNamespace, nuse, 16);
WEFT_WIRE_FIELD(IdentifyNamespace, nsfeat, 24);
WEFT_WIRE_FIELD(IdentifyNamespace, nlbaf, 25);
WEFT_WIRE_FIELD(IdentifyNamespace, flbas, 26);
WEFT_WIRE_FIELD(IdentifyNamespace, mc, 27);
WEFT_WIRE_FIELD(IdentifyNamespace, dpc, 28);
WEFT_WIRE_FIELD(IdentifyNamespace, dps, 29);
WEFT_WIRE_FIELD(IdentifyNamespace, nmic, 30);
WEFT_WIRE_FIELD(IdentifyNamespace, rescap, 31);
WEFT_WIRE_FIELD(IdentifyNamespace, fpi, 32);
WEFT_WIRE_FIELD(IdentifyNamespace, dlfeat, 33);
WEFT_WIRE_FIELD(IdentifyNamespace, nawun, 34);
WEFT_WIRE_FIELD(IdentifyNamespace, nawupf, 36);
WEFT_WIRE_FIELD(IdentifyNamespace, nacwu, 38);
WEFT_WIRE_FIELD(IdentifyNamespace, nabsn, 40);
WEFT_WIRE_FIELD(IdentifyNamespace, nabo, 42);
WEFT_WIRE_FIELD(IdentifyNamespace, nabspf, 44);
WEFT_WIRE_FIELD(IdentifyNamespace, noiob, 46);
WEFT_WIRE_FIELD(IdentifyNamespace, nvmcap, 48);
WEFT_WIRE_FIELD(IdentifyNamespace, npwg, 64);
WEFT_WIRE_FIELD(IdentifyNamespace, npwa, 66);
WEFT_WIRE_FIELD(IdentifyNamespace, npdg, 68);
WEFT_WIRE_FIELD(IdentifyNamespace, npda, 70);
WEFT_WIRE_FIELD(IdentifyNamespace, nows, 72);
WEFT_WIRE_FIELD(IdentifyNamespace, mssrl, 74);
WEFT_WIRE_FIELD(IdentifyNamespace, mcl, 76);
WEFT_WIRE_FIELD(IdentifyNamespace, msrc, 80);
WEFT_WIRE_FIELD(IdentifyNamespace, reserved81, 81);
WEFT_WIRE_FIELD(IdentifyNamespace, anagrpid, 92);
WEFT_WIRE_FIELD(IdentifyNamespace, reserved96, 96);
WEFT_WIRE_FIELD(IdentifyNamespace, nsattr, 99);
WEFT_WIRE_FIELD(IdentifyNamespace, nvmsetid, 100);
WEFT_WIRE_FIELD(IdentifyNamespace, endgid, 102);
WEFT_WIRE_FIELD(IdentifyNamespace, nguid, 104);
WEFT_WIRE_FIELD(IdentifyNamespace, eui64, 120);
WEFT_WIRE_FIELD(IdentifyNamespace, lbaf, 128);
WEFT_WIRE_FIELD(IdentifyNamespace, vendor, 384);

namespace nsfeat {
inline constexpr std::uint8_t kThinProvisioning = 1 << 0;
inline constexpr std::uint8_t kAtomicWrites = 1 << 1;  // nawun, nawupf and nacwu count
inline constexpr std::uint8_t kDeallocatedError = 1 << 2;
inline constexpr std::uint8_t kUidReuse = 1 << 3;
inline constexpr std::uint8_t kOptimalIo = 3 << 4;  // npwg to nows count
}  // namespace nsfeat

namespace nmic {
inline constexpr std::uint8_t kShared = 1 << 0;
}  // namespace nmic

namespace dlfeat {
inline constexpr std::uint8_t kReadMask = 7;  // what deallocated blocks read as
inline constexpr std::uint8_t kReadZeroes = 1;
inline constexpr std::uint8_t kReadOnes = 2;
inline constexpr std::uint8_t kWriteZeroesDeallocates = 1 << 3;
inline constexpr std::uint8_t kGuardOfData = 1 << 4;
}  // namespace dlfeat

namespace nsattr {
inline constexpr std::uint8_t kWriteProtected = 1 << 0;
}  // namespace nsattr

// CNS 08h: what does not depend on the I/O command set.
struct IdentifyNamespaceIndependent {
  std::uint8_t nsfeat{};
  std::uint8_t nmic{};
  std::uint8_t rescap{};
  std::uint8_t fpi{};
  le32 anagrpid{};
  std::uint8_t nsattr{};
  std::uint8_t reserved9{};
  le16 nvmsetid{};
  le16 endgid{};
  std::uint8_t nstat{};
  WireBytes<4081> reserved15{};
};
WEFT_WIRE_SIZE(IdentifyNamespaceIndependent, 4096);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, nsfeat, 0);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, nmic, 1);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, rescap, 2);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, fpi, 3);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, anagrpid, 4);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, nsattr, 8);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, reserved9, 9);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, nvmsetid, 10);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, endgid, 12);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, nstat, 14);
WEFT_WIRE_FIELD(IdentifyNamespaceIndependent, reserved15, 15);

namespace nsfeat_independent {
inline constexpr std::uint8_t kRotational = 1 << 4;
inline constexpr std::uint8_t kNoVolatileWriteCache = 1 << 5;
}  // namespace nsfeat_independent

namespace nstat {
inline constexpr std::uint8_t kReady = 1 << 0;
}  // namespace nstat

// CNS 03h is a list of these, each followed by its nidl bytes.
struct NsIdDescriptor {
  std::uint8_t nidt{};
  std::uint8_t nidl{};  // bytes that follow; 0 ends the list
  WireBytes<2> reserved2{};
};
WEFT_WIRE_SIZE(NsIdDescriptor, 4);
WEFT_WIRE_FIELD(NsIdDescriptor, nidt, 0);
WEFT_WIRE_FIELD(NsIdDescriptor, nidl, 1);
WEFT_WIRE_FIELD(NsIdDescriptor, reserved2, 2);

namespace nidt {
inline constexpr std::uint8_t kEui64 = 1;  // 8 bytes
inline constexpr std::uint8_t kNguid = 2;  // 16
inline constexpr std::uint8_t kUuid = 3;   // 16
inline constexpr std::uint8_t kCsi = 4;    // 1
}  // namespace nidt

// CNS 05h, CSI 0.
struct IdentifyNamespaceNvm {
  le64 lbstm{};
  std::uint8_t pic{};
  WireBytes<3> reserved9{};
  std::array<le32, 64> elbaf{};
  WireBytes<3828> reserved268{};
};
WEFT_WIRE_SIZE(IdentifyNamespaceNvm, 4096);
WEFT_WIRE_FIELD(IdentifyNamespaceNvm, lbstm, 0);
WEFT_WIRE_FIELD(IdentifyNamespaceNvm, pic, 8);
WEFT_WIRE_FIELD(IdentifyNamespaceNvm, reserved9, 9);
WEFT_WIRE_FIELD(IdentifyNamespaceNvm, elbaf, 12);
WEFT_WIRE_FIELD(IdentifyNamespaceNvm, reserved268, 268);

// CNS 02h and 07h: ascending, ended by 0 when shorter.
struct NamespaceList {
  std::array<le32, 1024> nsid{};
};
WEFT_WIRE_SIZE(NamespaceList, 4096);
WEFT_WIRE_FIELD(NamespaceList, nsid, 0);

}  // namespace weft::nvme

#endif

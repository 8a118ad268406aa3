// fabrics.hpp - the wire formats of NVMe over Fabrics: the Fabrics commands, Connect's data, and the discovery log.
//
//   auto connect = fabrics::as<fabrics::ConnectCommand>(sqe);    // the same 64 bytes with Connect's fields
//   nvme::Sqe sqe = fabrics::to_sqe(connect);
//
// Built like nvme.hpp. Value types; any thread.
#ifndef WEFT_FABRICS_HPP
#define WEFT_FABRICS_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "weft/endian.hpp"
#include "weft/nvme/command.hpp"
#include "weft/status.hpp"

namespace weft::fabrics {

namespace fctype {
inline constexpr std::uint8_t kPropertySet = 0x00;
inline constexpr std::uint8_t kConnect = 0x01;
inline constexpr std::uint8_t kPropertyGet = 0x04;
inline constexpr std::uint8_t kAuthenticationSend = 0x05;
inline constexpr std::uint8_t kAuthenticationReceive = 0x06;
inline constexpr std::uint8_t kDisconnect = 0x08;
inline constexpr std::uint8_t kVendorFirst = 0xC0;
}  // namespace fctype

// What the codes mean on a Fabrics command and on the discovery log; the same numbers mean other things elsewhere.
namespace status {
inline constexpr NvmeStatus kConnectIncompatibleFormat{1, 0x80};
inline constexpr NvmeStatus kConnectControllerBusy{1, 0x81};
inline constexpr NvmeStatus kConnectInvalidParameters{1, 0x82};
inline constexpr NvmeStatus kConnectRestartDiscovery{1, 0x83};
inline constexpr NvmeStatus kConnectInvalidHost{1, 0x84};
inline constexpr NvmeStatus kInvalidQueueType{1, 0x85};
inline constexpr NvmeStatus kDiscoverRestart{1, 0x90};
inline constexpr NvmeStatus kAuthenticationRequired{1, 0x91};
}  // namespace status

template <class Command>
[[nodiscard]] constexpr Command as(const nvme::Sqe& sqe) {
  static_assert(sizeof(Command) == sizeof(nvme::Sqe));
  return std::bit_cast<Command>(sqe);
}
template <class Command>
[[nodiscard]] constexpr nvme::Sqe to_sqe(const Command& command) {
  static_assert(sizeof(Command) == sizeof(nvme::Sqe));
  return std::bit_cast<nvme::Sqe>(command);
}

// ---- Connect

struct ConnectCommand {
  std::uint8_t opcode{};
  std::uint8_t flags{};
  le16 cid{};
  std::uint8_t fctype{};
  WireBytes<19> reserved5{};
  nvme::SglDescriptor sgl{};
  le16 recfmt{};
  le16 qid{};
  le16 sqsize{};  // 0's based
  std::uint8_t cattr{};
  std::uint8_t reserved47{};
  le32 kato{};  // milliseconds; admin queue only
  le16 nvmsetid{};
  WireBytes<10> reserved54{};
};
WEFT_WIRE_SIZE(ConnectCommand, 64);
WEFT_WIRE_FIELD(ConnectCommand, opcode, 0);
WEFT_WIRE_FIELD(ConnectCommand, flags, 1);
WEFT_WIRE_FIELD(ConnectCommand, cid, 2);
WEFT_WIRE_FIELD(ConnectCommand, fctype, 4);
WEFT_WIRE_FIELD(ConnectCommand, reserved5, 5);
WEFT_WIRE_FIELD(ConnectCommand, sgl, 24);
WEFT_WIRE_FIELD(ConnectCommand, recfmt, 40);
WEFT_WIRE_FIELD(ConnectCommand, qid, 42);
WEFT_WIRE_FIELD(ConnectCommand, sqsize, 44);
WEFT_WIRE_FIELD(ConnectCommand, cattr, 46);
WEFT_WIRE_FIELD(ConnectCommand, reserved47, 47);
WEFT_WIRE_FIELD(ConnectCommand, kato, 48);
WEFT_WIRE_FIELD(ConnectCommand, nvmsetid, 52);
WEFT_WIRE_FIELD(ConnectCommand, reserved54, 54);

// The data of Connect.
struct ConnectData {
  WireBytes<16> hostid{};
  le16 cntlid{};
  WireBytes<238> reserved18{};
  WireText<256> subnqn{};  // NUL-terminated and padded, as is hostnqn
  WireText<256> hostnqn{};
  WireBytes<256> reserved768{};
};
WEFT_WIRE_SIZE(ConnectData, 1024);
WEFT_WIRE_FIELD(ConnectData, hostid, 0);
WEFT_WIRE_FIELD(ConnectData, cntlid, 16);
WEFT_WIRE_FIELD(ConnectData, reserved18, 18);
WEFT_WIRE_FIELD(ConnectData, subnqn, 256);
WEFT_WIRE_FIELD(ConnectData, hostnqn, 512);
WEFT_WIRE_FIELD(ConnectData, reserved768, 768);

namespace cattr {
inline constexpr std::uint8_t kPriorityMask = 0x03;
inline constexpr std::uint8_t kDisableSqFlowControl = 1 << 2;
inline constexpr std::uint8_t kDeletesIoQueues = 1 << 3;  // the host can delete single I/O queues (Disconnect)
inline constexpr std::uint8_t kDiscoveryController = 1 << 4;
}  // namespace cattr

inline constexpr std::uint16_t kMaxQid = 0xFFFE;
inline constexpr std::uint16_t kCntlidAny = 0xFFFF;        // dynamic controller model
inline constexpr std::uint16_t kCntlidAnyStatic = 0xFFFE;  // static controller model
inline constexpr std::uint16_t kCntlidMax = 0xFFEF;        // the greatest that names a controller
inline constexpr std::uint16_t kSqhdFlowControlDisabled = 0xFFFF;
inline constexpr std::uint16_t kMinAdminQueueSize = 32;

// dw0 of the completion of a Connect that succeeded.
struct ConnectResult {
  static constexpr std::uint32_t kAuthenticationRequired = 1U << 17;  // ATR
  static constexpr std::uint32_t kSecureChannelRequired = 1U << 18;   // ASCR

  std::uint16_t cntlid = 0;
  bool authentication_required = false;
  bool secure_channel_required = false;

  [[nodiscard]] constexpr std::uint32_t encode() const {
    return cntlid | (authentication_required ? kAuthenticationRequired : 0) |
           (secure_channel_required ? kSecureChannelRequired : 0);
  }
  static constexpr ConnectResult decode(std::uint32_t dw0) {
    return {.cntlid = static_cast<std::uint16_t>(dw0),
            .authentication_required = (dw0 & kAuthenticationRequired) != 0,
            .secure_channel_required = (dw0 & kSecureChannelRequired) != 0};
  }
  friend constexpr bool operator==(const ConnectResult&, const ConnectResult&) = default;
};

// dw0 of the completion of a Connect that failed with kConnectInvalidParameters: where the bad field is.
struct InvalidParameter {
  std::uint16_t offset = 0;  // IPO
  bool in_data = false;      // IATTR: in the Connect data, not in the submission queue entry

  [[nodiscard]] constexpr std::uint32_t encode() const { return offset | (in_data ? 1U << 16 : 0U); }
  static constexpr InvalidParameter decode(std::uint32_t dw0) {
    return {.offset = static_cast<std::uint16_t>(dw0), .in_data = (dw0 & (1U << 16)) != 0};
  }
  friend constexpr bool operator==(const InvalidParameter&, const InvalidParameter&) = default;
};

namespace invalid_parameter {
inline constexpr InvalidParameter kQid{offsetof(ConnectCommand, qid), false};
inline constexpr InvalidParameter kSqsize{offsetof(ConnectCommand, sqsize), false};
inline constexpr InvalidParameter kCattr{offsetof(ConnectCommand, cattr), false};
inline constexpr InvalidParameter kKato{offsetof(ConnectCommand, kato), false};
inline constexpr InvalidParameter kHostid{offsetof(ConnectData, hostid), true};
inline constexpr InvalidParameter kCntlid{offsetof(ConnectData, cntlid), true};
inline constexpr InvalidParameter kSubnqn{offsetof(ConnectData, subnqn), true};
inline constexpr InvalidParameter kHostnqn{offsetof(ConnectData, hostnqn), true};
}  // namespace invalid_parameter

// ---- Property Set, Property Get, Disconnect, Authentication

inline constexpr std::uint8_t kPropertySizeMask = 0x07;  // attrib
inline constexpr std::uint8_t kPropertySize4 = 0;
inline constexpr std::uint8_t kPropertySize8 = 1;

struct PropertySetCommand {
  std::uint8_t opcode{};
  std::uint8_t flags{};
  le16 cid{};
  std::uint8_t fctype{};
  WireBytes<35> reserved5{};
  std::uint8_t attrib{};
  WireBytes<3> reserved41{};
  le32 offset{};
  le64 value{};  // a 4-byte value lies in the low half
  WireBytes<8> reserved56{};
};
WEFT_WIRE_SIZE(PropertySetCommand, 64);
WEFT_WIRE_FIELD(PropertySetCommand, opcode, 0);
WEFT_WIRE_FIELD(PropertySetCommand, flags, 1);
WEFT_WIRE_FIELD(PropertySetCommand, cid, 2);
WEFT_WIRE_FIELD(PropertySetCommand, fctype, 4);
WEFT_WIRE_FIELD(PropertySetCommand, reserved5, 5);
WEFT_WIRE_FIELD(PropertySetCommand, attrib, 40);
WEFT_WIRE_FIELD(PropertySetCommand, reserved41, 41);
WEFT_WIRE_FIELD(PropertySetCommand, offset, 44);
WEFT_WIRE_FIELD(PropertySetCommand, value, 48);
WEFT_WIRE_FIELD(PropertySetCommand, reserved56, 56);

struct PropertyGetCommand {
  std::uint8_t opcode{};
  std::uint8_t flags{};
  le16 cid{};
  std::uint8_t fctype{};
  WireBytes<35> reserved5{};
  std::uint8_t attrib{};
  WireBytes<3> reserved41{};
  le32 offset{};
  WireBytes<16> reserved48{};
};
WEFT_WIRE_SIZE(PropertyGetCommand, 64);
WEFT_WIRE_FIELD(PropertyGetCommand, opcode, 0);
WEFT_WIRE_FIELD(PropertyGetCommand, flags, 1);
WEFT_WIRE_FIELD(PropertyGetCommand, cid, 2);
WEFT_WIRE_FIELD(PropertyGetCommand, fctype, 4);
WEFT_WIRE_FIELD(PropertyGetCommand, reserved5, 5);
WEFT_WIRE_FIELD(PropertyGetCommand, attrib, 40);
WEFT_WIRE_FIELD(PropertyGetCommand, reserved41, 41);
WEFT_WIRE_FIELD(PropertyGetCommand, offset, 44);
WEFT_WIRE_FIELD(PropertyGetCommand, reserved48, 48);

struct DisconnectCommand {
  std::uint8_t opcode{};
  std::uint8_t flags{};
  le16 cid{};
  std::uint8_t fctype{};
  WireBytes<19> reserved5{};
  nvme::SglDescriptor sgl{};
  le16 recfmt{};
  WireBytes<22> reserved42{};
};
WEFT_WIRE_SIZE(DisconnectCommand, 64);
WEFT_WIRE_FIELD(DisconnectCommand, opcode, 0);
WEFT_WIRE_FIELD(DisconnectCommand, flags, 1);
WEFT_WIRE_FIELD(DisconnectCommand, cid, 2);
WEFT_WIRE_FIELD(DisconnectCommand, fctype, 4);
WEFT_WIRE_FIELD(DisconnectCommand, reserved5, 5);
WEFT_WIRE_FIELD(DisconnectCommand, sgl, 24);
WEFT_WIRE_FIELD(DisconnectCommand, recfmt, 40);
WEFT_WIRE_FIELD(DisconnectCommand, reserved42, 42);

// Authentication Send and Receive.
struct AuthenticationCommand {
  std::uint8_t opcode{};
  std::uint8_t flags{};
  le16 cid{};
  std::uint8_t fctype{};
  WireBytes<19> reserved5{};
  nvme::SglDescriptor sgl{};
  std::uint8_t reserved40{};
  std::uint8_t spsp0{};
  std::uint8_t spsp1{};
  std::uint8_t secp{};
  le32 length{};  // TL when sending, AL when receiving
  WireBytes<16> reserved48{};
};
WEFT_WIRE_SIZE(AuthenticationCommand, 64);
WEFT_WIRE_FIELD(AuthenticationCommand, opcode, 0);
WEFT_WIRE_FIELD(AuthenticationCommand, flags, 1);
WEFT_WIRE_FIELD(AuthenticationCommand, cid, 2);
WEFT_WIRE_FIELD(AuthenticationCommand, fctype, 4);
WEFT_WIRE_FIELD(AuthenticationCommand, reserved5, 5);
WEFT_WIRE_FIELD(AuthenticationCommand, sgl, 24);
WEFT_WIRE_FIELD(AuthenticationCommand, reserved40, 40);
WEFT_WIRE_FIELD(AuthenticationCommand, spsp0, 41);
WEFT_WIRE_FIELD(AuthenticationCommand, spsp1, 42);
WEFT_WIRE_FIELD(AuthenticationCommand, secp, 43);
WEFT_WIRE_FIELD(AuthenticationCommand, length, 44);
WEFT_WIRE_FIELD(AuthenticationCommand, reserved48, 48);

inline constexpr std::uint8_t kAuthenticationSecp = 0xE9;
inline constexpr std::uint8_t kAuthenticationSpsp0 = 0x01;
inline constexpr std::uint8_t kAuthenticationSpsp1 = 0x01;

// ---- Discovery

// Sizes of a qualified name's field and of the longest name in it.
inline constexpr std::size_t kNqnFieldSize = 256;
inline constexpr std::size_t kNqnMaxLength = 223;
inline constexpr char kDiscoveryNqn[] = "nqn.2014-08.org.nvmexpress.discovery";
inline constexpr std::uint16_t kDefaultPort = 4420;
inline constexpr std::uint16_t kDiscoveryPort = 8009;

// Log page 70h: this header, then numrec entries.
struct DiscoveryLogHeader {
  le64 genctr{};  // changes with any visible change of the log
  le64 numrec{};
  le16 recfmt{};
  std::uint8_t dlpf{};
  std::uint8_t reserved19{};
  le32 tdlpl{};
  WireBytes<1000> reserved24{};
};
WEFT_WIRE_SIZE(DiscoveryLogHeader, 1024);
WEFT_WIRE_FIELD(DiscoveryLogHeader, genctr, 0);
WEFT_WIRE_FIELD(DiscoveryLogHeader, numrec, 8);
WEFT_WIRE_FIELD(DiscoveryLogHeader, recfmt, 16);
WEFT_WIRE_FIELD(DiscoveryLogHeader, dlpf, 18);
WEFT_WIRE_FIELD(DiscoveryLogHeader, reserved19, 19);
WEFT_WIRE_FIELD(DiscoveryLogHeader, tdlpl, 20);
WEFT_WIRE_FIELD(DiscoveryLogHeader, reserved24, 24);

struct DiscoveryLogEntry {
  std::uint8_t trtype{};
  std::uint8_t adrfam{};
  std::uint8_t subtype{};
  std::uint8_t treq{};
  le16 portid{};
  le16 cntlid{};
  le16 asqsz{};  // 1's based, at least 32
  le16 eflags{};
  WireBytes<20> reserved12{};
  WireText<32> trsvcid{};  // padded with spaces or NULs, as is traddr
  WireBytes<192> reserved64{};
  WireText<256> subnqn{};
  WireText<256> traddr{};
  WireBytes<256> tsas{};
};
WEFT_WIRE_SIZE(DiscoveryLogEntry, 1024);
WEFT_WIRE_FIELD(DiscoveryLogEntry, trtype, 0);
WEFT_WIRE_FIELD(DiscoveryLogEntry, adrfam, 1);
WEFT_WIRE_FIELD(DiscoveryLogEntry, subtype, 2);
WEFT_WIRE_FIELD(DiscoveryLogEntry, treq, 3);
WEFT_WIRE_FIELD(DiscoveryLogEntry, portid, 4);
WEFT_WIRE_FIELD(DiscoveryLogEntry, cntlid, 6);
WEFT_WIRE_FIELD(DiscoveryLogEntry, asqsz, 8);
WEFT_WIRE_FIELD(DiscoveryLogEntry, eflags, 10);
WEFT_WIRE_FIELD(DiscoveryLogEntry, reserved12, 12);
WEFT_WIRE_FIELD(DiscoveryLogEntry, trsvcid, 32);
WEFT_WIRE_FIELD(DiscoveryLogEntry, reserved64, 64);
WEFT_WIRE_FIELD(DiscoveryLogEntry, subnqn, 256);
WEFT_WIRE_FIELD(DiscoveryLogEntry, traddr, 512);
WEFT_WIRE_FIELD(DiscoveryLogEntry, tsas, 768);

namespace trtype {
inline constexpr std::uint8_t kRdma = 1;
inline constexpr std::uint8_t kFibreChannel = 2;
inline constexpr std::uint8_t kTcp = 3;
inline constexpr std::uint8_t kLoop = 0xFE;
}  // namespace trtype

namespace adrfam {
inline constexpr std::uint8_t kIpv4 = 1;
inline constexpr std::uint8_t kIpv6 = 2;
inline constexpr std::uint8_t kInfiniband = 3;
inline constexpr std::uint8_t kFibreChannel = 4;
inline constexpr std::uint8_t kLoop = 0xFE;
}  // namespace adrfam

namespace subtype {
inline constexpr std::uint8_t kReferral = 1;  // another discovery service
inline constexpr std::uint8_t kNvm = 2;
inline constexpr std::uint8_t kCurrentDiscovery = 3;
}  // namespace subtype

namespace treq {
inline constexpr std::uint8_t kSecureMask = 3;
inline constexpr std::uint8_t kSecureUnspecified = 0;
inline constexpr std::uint8_t kSecureRequired = 1;
inline constexpr std::uint8_t kSecureNotRequired = 2;
inline constexpr std::uint8_t kDisableSqFlowControl = 1 << 2;
}  // namespace treq

namespace eflags {
inline constexpr std::uint16_t kDuplicate = 1 << 0;
inline constexpr std::uint16_t kPersistentConnection = 1 << 1;
inline constexpr std::uint16_t kNoCdcConnectivity = 1 << 2;
}  // namespace eflags

// Log specific field of Get Log Page 70h.
namespace discovery_lsp {
inline constexpr std::uint8_t kExtended = 1 << 0;
inline constexpr std::uint8_t kPortLocal = 1 << 1;
inline constexpr std::uint8_t kAllSubsystems = 1 << 2;
}  // namespace discovery_lsp

// Bytes of TSAS.
namespace tsas {
inline constexpr std::size_t kTcpSecurity = 0;
inline constexpr std::uint8_t kTcpSecurityNone = 0;
inline constexpr std::uint8_t kTcpSecurityTls12 = 1;
inline constexpr std::uint8_t kTcpSecurityTls13 = 2;
inline constexpr std::size_t kRdmaQpType = 0;
inline constexpr std::size_t kRdmaProvider = 1;
inline constexpr std::size_t kRdmaCms = 2;
inline constexpr std::size_t kRdmaPkey = 8;
}  // namespace tsas

}  // namespace weft::fabrics

#endif

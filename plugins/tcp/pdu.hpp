// pdu.hpp - NVMe/TCP PDUs as they lie on the wire: types, flags, limits, and the layout of each header.
//
// The structs have alignment 1 and may be copied from and to any byte of a stream. On the wire a PDU is
// CH+PSH (HLEN bytes) | HDGST | PAD up to PDO | DATA | DDGST. Value types; any thread.
#ifndef WEFT_TCP_PDU_HPP
#define WEFT_TCP_PDU_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "weft/endian.hpp"

namespace weft::tcp {

enum class PduType : std::uint8_t {
  kIcReq = 0x00,
  kIcResp = 0x01,
  kH2cTermReq = 0x02,
  kC2hTermReq = 0x03,
  kCapsuleCmd = 0x04,
  kCapsuleResp = 0x05,
  kH2cData = 0x06,
  kC2hData = 0x07,
  kR2t = 0x09,
};

// FLAGS of the common header.
constexpr std::uint8_t kFlagHeaderDigest = 1u << 0;
constexpr std::uint8_t kFlagDataDigest = 1u << 1;
constexpr std::uint8_t kFlagLast = 1u << 2;
constexpr std::uint8_t kFlagSuccess = 1u << 3;

// DGST of ICReq and ICResp.
constexpr std::uint8_t kDigestHeader = 1u << 0;
constexpr std::uint8_t kDigestData = 1u << 1;

constexpr std::uint32_t kCommonHeaderSize = 8;
constexpr std::uint32_t kDigestSize = 4;
constexpr std::uint32_t kIcPduSize = 128;
constexpr std::uint32_t kTermReqHeaderSize = 24;
constexpr std::uint32_t kTermReqMaxEcho = 128;  // bytes of the offending header that a TermReq carries
constexpr std::uint32_t kTermReqMaxSize = kTermReqHeaderSize + kTermReqMaxEcho;
constexpr std::uint32_t kSqeSize = 64;
constexpr std::uint32_t kCqeSize = 16;

// No header with its digest, and no whole ICReq, ICResp or TermReq, is longer: a reader that keeps this many bytes can
// always go on. No header that is written, padding included, is longer either.
constexpr std::uint32_t kMaxHeaderSize = kTermReqMaxSize;

constexpr std::uint8_t kMaxPda = 31;            // HPDA and CPDA: 0 based dwords
constexpr std::uint32_t kMaxAlignment = 128;    // (kMaxPda + 1) * 4
constexpr std::uint32_t kMinMaxH2cData = 4096;  // MAXH2CDATA may not be less
// In-capsule data that every controller takes on every queue for admin and Fabrics commands, whatever IOCCSZ says.
constexpr std::uint32_t kAdminInCapsule = 8192;

constexpr std::uint32_t alignment_of_pda(std::uint8_t pda) { return (std::uint32_t{pda} + 1) * 4; }

struct CommonHeader {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint8_t hlen;
  std::uint8_t pdo;
  le32 plen;
};
static_assert(sizeof(CommonHeader) == kCommonHeaderSize && alignof(CommonHeader) == 1);

struct IcReqPdu {
  CommonHeader ch;
  le16 pfv;
  std::uint8_t hpda;
  std::uint8_t dgst;
  le32 maxr2t;  // 0 based
  std::array<std::uint8_t, 112> reserved;
};
static_assert(sizeof(IcReqPdu) == kIcPduSize && alignof(IcReqPdu) == 1);
static_assert(offsetof(IcReqPdu, hpda) == 10 && offsetof(IcReqPdu, maxr2t) == 12);

struct IcRespPdu {
  CommonHeader ch;
  le16 pfv;
  std::uint8_t cpda;
  std::uint8_t dgst;
  le32 maxh2cdata;
  std::array<std::uint8_t, 112> reserved;
};
static_assert(sizeof(IcRespPdu) == kIcPduSize && alignof(IcRespPdu) == 1);
static_assert(offsetof(IcRespPdu, cpda) == 10 && offsetof(IcRespPdu, maxh2cdata) == 12);

struct TermReqPdu {
  CommonHeader ch;
  le16 fes;
  le32 fei;  // lies on an odd word
  std::array<std::uint8_t, 10> reserved;
};
static_assert(sizeof(TermReqPdu) == kTermReqHeaderSize && alignof(TermReqPdu) == 1);
static_assert(offsetof(TermReqPdu, fei) == 10);

struct CapsuleCmdPdu {
  CommonHeader ch;
  std::array<std::uint8_t, kSqeSize> sqe;
};
static_assert(sizeof(CapsuleCmdPdu) == 72);

struct CapsuleRespPdu {
  CommonHeader ch;
  std::array<std::uint8_t, kCqeSize> cqe;
};
static_assert(sizeof(CapsuleRespPdu) == 24);

// H2CData and C2HData; C2HData has no TTAG.
struct DataPdu {
  CommonHeader ch;
  le16 cccid;
  le16 ttag;
  le32 datao;
  le32 datal;
  le32 reserved;
};
static_assert(sizeof(DataPdu) == 24 && alignof(DataPdu) == 1);
static_assert(offsetof(DataPdu, ttag) == 10 && offsetof(DataPdu, datal) == 16);

struct R2tPdu {
  CommonHeader ch;
  le16 cccid;
  le16 ttag;
  le32 r2to;
  le32 r2tl;
  le32 reserved;
};
static_assert(sizeof(R2tPdu) == 24 && alignof(R2tPdu) == 1);
static_assert(offsetof(R2tPdu, r2to) == 12 && offsetof(R2tPdu, r2tl) == 16);

// The only HLEN that the type may have; 0: no such type.
constexpr std::uint8_t header_size(PduType type) {
  switch (type) {
    case PduType::kIcReq:
    case PduType::kIcResp:
      return kIcPduSize;
    case PduType::kH2cTermReq:
    case PduType::kC2hTermReq:
      return sizeof(TermReqPdu);
    case PduType::kCapsuleCmd:
      return sizeof(CapsuleCmdPdu);
    case PduType::kCapsuleResp:
      return sizeof(CapsuleRespPdu);
    case PduType::kH2cData:
    case PduType::kC2hData:
      return sizeof(DataPdu);
    case PduType::kR2t:
      return sizeof(R2tPdu);
  }
  return 0;
}

// The common header of a PDU without digests whose data, if any, begins at HLEN: as the number that le64 reads and writes.
// HLEN + data_len is below 2^32.
constexpr std::uint64_t plain_header(PduType type, std::uint8_t flags, std::uint32_t data_len) {
  const std::uint64_t length = header_size(type);
  const std::uint64_t offset = data_len != 0 ? length : 0;
  return static_cast<std::uint64_t>(type) | std::uint64_t{flags} << 8 | length << 16 | offset << 24 |
         (length + data_len) << 32;
}

// Whether data begins at HLEN in PDUs of all types when it begins at multiples of this (CPDA or HPDA, in bytes).
constexpr bool data_begins_at_hlen(std::uint32_t alignment) {
  static_assert(header_size(PduType::kCapsuleCmd) % header_size(PduType::kC2hData) == 0);
  return header_size(PduType::kC2hData) % alignment == 0;
}

constexpr bool is_ic(PduType type) { return type == PduType::kIcReq || type == PduType::kIcResp; }
constexpr bool is_term_req(PduType type) { return type == PduType::kH2cTermReq || type == PduType::kC2hTermReq; }
// Bit 0 of the type: 0 host to controller, 1 controller to host.
constexpr bool goes_to_host(PduType type) { return (static_cast<std::uint8_t>(type) & 1) != 0; }
// Types whose PDUs may carry data (and so a PDO and a data digest).
constexpr bool may_carry_data(PduType type) {
  return type == PduType::kCapsuleCmd || type == PduType::kH2cData || type == PduType::kC2hData;
}

// With its article: "an R2T"; "a PDU of an unknown type" for what is none.
const char* pdu_name(std::uint8_t type);

// Which end of the connection we are. A controller reads what goes to the controller.
enum class Role : std::uint8_t { kHost, kController };

}  // namespace weft::tcp

#endif

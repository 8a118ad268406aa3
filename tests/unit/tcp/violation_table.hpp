// violation_table.hpp - headers that break NVMe/TCP in one field: a valid PDU, the field, what is done to it, and the
// FES and FEI that a TermReq has to carry. Each row is read as it stands and with header digests.
#ifndef WEFT_TESTS_TCP_VIOLATION_TABLE_HPP
#define WEFT_TESTS_TCP_VIOLATION_TABLE_HPP

#include <cstdint>

#include "raw_pdu.hpp"

namespace weft::tcp::test {

enum class Field : std::uint8_t { kType, kFlags, kHlen, kPdo, kPlen };
enum class Op : std::uint8_t { kSet, kSetHlen, kAdd, kOr, kXor, kClear };

struct ViolationRow {
  const char* name;
  PduType base;
  std::uint32_t data_len;
  bool data_digest;
  Field field;
  Op op;
  std::int64_t value;
  std::uint16_t fes;
  std::uint32_t fei;
};

inline std::int64_t changed(const ViolationRow& row, std::int64_t now, const RawPdu& pdu) {
  switch (row.op) {
    case Op::kSet:
      return row.value;
    case Op::kSetHlen:
      return pdu.hlen;
    case Op::kAdd:
      return now + row.value;
    case Op::kOr:
      return now | row.value;
    case Op::kXor:
      return now ^ row.value;
    case Op::kClear:
      return now & ~row.value;
  }
  return now;
}

inline RawPdu damaged(const ViolationRow& row, bool header_digest) {
  RawPdu pdu = RawPdu::valid(row.base, row.data_len, header_digest, row.data_digest);
  switch (row.field) {
    case Field::kType:
      pdu.type = static_cast<std::uint8_t>(changed(row, pdu.type, pdu));
      break;
    case Field::kFlags:
      pdu.flags = static_cast<std::uint8_t>(changed(row, pdu.flags, pdu));
      break;
    case Field::kHlen:
      pdu.hlen = static_cast<std::uint8_t>(changed(row, pdu.hlen, pdu));
      break;
    case Field::kPdo:
      pdu.pdo = static_cast<std::uint8_t>(changed(row, pdu.pdo, pdu));
      break;
    case Field::kPlen:
      pdu.plen = static_cast<std::uint32_t>(changed(row, pdu.plen, pdu));
      break;
  }
  return pdu;
}

// clang-format off
inline constexpr ViolationRow kViolationTable[] = {
    {"UnknownType08ToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0x8, 1, 0},
    {"UnknownType0AToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0xa, 1, 0},
    {"UnknownType0BToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0xb, 1, 0},
    {"UnknownType0CToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0xc, 1, 0},
    {"UnknownType0FToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0xf, 1, 0},
    {"UnknownType10ToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0x10, 1, 0},
    {"UnknownType44ToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0x44, 1, 0},
    {"UnknownType7FToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0x7f, 1, 0},
    {"UnknownType80ToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0x80, 1, 0},
    {"UnknownTypeFFToController", PduType::kH2cData, 512, false, Field::kType, Op::kSet, 0xff, 1, 0},
    {"UnknownType08ToHost", PduType::kC2hData, 512, false, Field::kType, Op::kSet, 0x8, 1, 0},
    {"UnknownType0AToHost", PduType::kC2hData, 512, false, Field::kType, Op::kSet, 0xa, 1, 0},
    {"UnknownType0BToHost", PduType::kC2hData, 512, false, Field::kType, Op::kSet, 0xb, 1, 0},
    {"UnknownType0CToHost", PduType::kC2hData, 512, false, Field::kType, Op::kSet, 0xc, 1, 0},
    {"UnknownTypeFFToHost", PduType::kC2hData, 512, false, Field::kType, Op::kSet, 0xff, 1, 0},
    {"CommandHeaderDigestToggled", PduType::kCapsuleCmd, 0, false, Field::kFlags, Op::kXor, 0x01, 1, 1},
    {"CommandWithDataDataDigestNotAgreed", PduType::kCapsuleCmd, 512, false, Field::kFlags, Op::kOr, 0x02, 1, 1},
    {"CommandWithDataDataDigestMissing", PduType::kCapsuleCmd, 512, true, Field::kFlags, Op::kClear, 0x02, 1, 1},
    {"CommandWithDataHeaderDigestToggled", PduType::kCapsuleCmd, 512, false, Field::kFlags, Op::kXor, 0x01, 1, 1},
    {"ResponseHeaderDigestToggled", PduType::kCapsuleResp, 0, false, Field::kFlags, Op::kXor, 0x01, 1, 1},
    {"H2cDataDataDigestNotAgreed", PduType::kH2cData, 512, false, Field::kFlags, Op::kOr, 0x02, 1, 1},
    {"H2cDataDataDigestMissing", PduType::kH2cData, 512, true, Field::kFlags, Op::kClear, 0x02, 1, 1},
    {"H2cDataHeaderDigestToggled", PduType::kH2cData, 512, false, Field::kFlags, Op::kXor, 0x01, 1, 1},
    {"C2hDataDataDigestNotAgreed", PduType::kC2hData, 512, false, Field::kFlags, Op::kOr, 0x02, 1, 1},
    {"C2hDataDataDigestMissing", PduType::kC2hData, 512, true, Field::kFlags, Op::kClear, 0x02, 1, 1},
    {"C2hDataHeaderDigestToggled", PduType::kC2hData, 512, false, Field::kFlags, Op::kXor, 0x01, 1, 1},
    {"R2tHeaderDigestToggled", PduType::kR2t, 0, false, Field::kFlags, Op::kXor, 0x01, 1, 1},
    {"CommandDataDigestFlagWithoutData", PduType::kCapsuleCmd, 0, true, Field::kFlags, Op::kOr, 0x02, 1, 4},
    {"CommandDataDigestFlagWithoutEither", PduType::kCapsuleCmd, 0, false, Field::kFlags, Op::kOr, 0x02, 1, 1},
    {"C2hDataSuccessWithoutLast", PduType::kC2hData, 512, false, Field::kFlags, Op::kXor, 0x0c, 1, 1},
    {"C2hDataSuccessWithoutLastDigested", PduType::kC2hData, 512, true, Field::kFlags, Op::kXor, 0x0c, 1, 1},
    {"IcReqHlenZero", PduType::kIcReq, 0, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"IcReqHlenOneLess", PduType::kIcReq, 0, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"IcReqHlenOneMore", PduType::kIcReq, 0, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"IcReqHlen255", PduType::kIcReq, 0, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"IcRespHlenZero", PduType::kIcResp, 0, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"IcRespHlenOneLess", PduType::kIcResp, 0, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"IcRespHlenOneMore", PduType::kIcResp, 0, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"IcRespHlen255", PduType::kIcResp, 0, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"H2cTermReqHlenZero", PduType::kH2cTermReq, 0, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"H2cTermReqHlenOneLess", PduType::kH2cTermReq, 0, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"H2cTermReqHlenOneMore", PduType::kH2cTermReq, 0, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"H2cTermReqHlen255", PduType::kH2cTermReq, 0, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"C2hTermReqHlenZero", PduType::kC2hTermReq, 128, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"C2hTermReqHlenOneLess", PduType::kC2hTermReq, 128, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"C2hTermReqHlenOneMore", PduType::kC2hTermReq, 128, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"C2hTermReqHlen255", PduType::kC2hTermReq, 128, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"CommandHlenZero", PduType::kCapsuleCmd, 0, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"CommandHlenOneLess", PduType::kCapsuleCmd, 0, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"CommandHlenOneMore", PduType::kCapsuleCmd, 0, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"CommandHlen255", PduType::kCapsuleCmd, 0, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"CommandWithDataHlenZero", PduType::kCapsuleCmd, 512, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"CommandWithDataHlenOneLess", PduType::kCapsuleCmd, 512, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"CommandWithDataHlenOneMore", PduType::kCapsuleCmd, 512, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"CommandWithDataHlen255", PduType::kCapsuleCmd, 512, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"ResponseHlenZero", PduType::kCapsuleResp, 0, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"ResponseHlenOneLess", PduType::kCapsuleResp, 0, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"ResponseHlenOneMore", PduType::kCapsuleResp, 0, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"ResponseHlen255", PduType::kCapsuleResp, 0, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"H2cDataHlenZero", PduType::kH2cData, 512, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"H2cDataHlenOneLess", PduType::kH2cData, 512, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"H2cDataHlenOneMore", PduType::kH2cData, 512, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"H2cDataHlen255", PduType::kH2cData, 512, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"C2hDataHlenZero", PduType::kC2hData, 512, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"C2hDataHlenOneLess", PduType::kC2hData, 512, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"C2hDataHlenOneMore", PduType::kC2hData, 512, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"C2hDataHlen255", PduType::kC2hData, 512, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"R2tHlenZero", PduType::kR2t, 0, false, Field::kHlen, Op::kSet, 0, 1, 2},
    {"R2tHlenOneLess", PduType::kR2t, 0, false, Field::kHlen, Op::kAdd, -1, 1, 2},
    {"R2tHlenOneMore", PduType::kR2t, 0, false, Field::kHlen, Op::kAdd, 1, 1, 2},
    {"R2tHlen255", PduType::kR2t, 0, false, Field::kHlen, Op::kSet, 255, 1, 2},
    {"CommandWithDataPdoZeroWithData", PduType::kCapsuleCmd, 512, false, Field::kPdo, Op::kSet, 0, 1, 3},
    {"CommandWithDataPdoZeroWithDataAndDigest", PduType::kCapsuleCmd, 512, true, Field::kPdo, Op::kSet, 0, 1, 3},
    {"CommandWithDataPdoInHeader", PduType::kCapsuleCmd, 512, false, Field::kPdo, Op::kAdd, -4, 1, 3},
    {"CommandWithDataPdoOne", PduType::kCapsuleCmd, 512, false, Field::kPdo, Op::kSet, 1, 1, 3},
    {"CommandWithDataPdoMisalignedByOne", PduType::kCapsuleCmd, 512, false, Field::kPdo, Op::kAdd, 1, 1, 3},
    {"CommandWithDataPdoMisalignedByTwo", PduType::kCapsuleCmd, 512, false, Field::kPdo, Op::kAdd, 2, 1, 3},
    {"H2cDataPdoZeroWithData", PduType::kH2cData, 512, false, Field::kPdo, Op::kSet, 0, 1, 3},
    {"H2cDataPdoZeroWithDataAndDigest", PduType::kH2cData, 512, true, Field::kPdo, Op::kSet, 0, 1, 3},
    {"H2cDataPdoInHeader", PduType::kH2cData, 512, false, Field::kPdo, Op::kAdd, -4, 1, 3},
    {"H2cDataPdoOne", PduType::kH2cData, 512, false, Field::kPdo, Op::kSet, 1, 1, 3},
    {"H2cDataPdoMisalignedByOne", PduType::kH2cData, 512, false, Field::kPdo, Op::kAdd, 1, 1, 3},
    {"H2cDataPdoMisalignedByTwo", PduType::kH2cData, 512, false, Field::kPdo, Op::kAdd, 2, 1, 3},
    {"H2cDataPdoBeyondPdu", PduType::kH2cData, 16, false, Field::kPdo, Op::kSet, 252, 1, 3},
    {"C2hDataPdoZeroWithData", PduType::kC2hData, 512, false, Field::kPdo, Op::kSet, 0, 1, 3},
    {"C2hDataPdoZeroWithDataAndDigest", PduType::kC2hData, 512, true, Field::kPdo, Op::kSet, 0, 1, 3},
    {"C2hDataPdoInHeader", PduType::kC2hData, 512, false, Field::kPdo, Op::kAdd, -4, 1, 3},
    {"C2hDataPdoOne", PduType::kC2hData, 512, false, Field::kPdo, Op::kSet, 1, 1, 3},
    {"C2hDataPdoMisalignedByOne", PduType::kC2hData, 512, false, Field::kPdo, Op::kAdd, 1, 1, 3},
    {"C2hDataPdoMisalignedByTwo", PduType::kC2hData, 512, false, Field::kPdo, Op::kAdd, 2, 1, 3},
    {"C2hDataPdoBeyondPdu", PduType::kC2hData, 16, false, Field::kPdo, Op::kSet, 252, 1, 3},
    {"CommandWithDataPdoBeyondPdu", PduType::kCapsuleCmd, 16, false, Field::kPdo, Op::kSet, 252, 1, 3},
    {"CommandPdoOneWithoutData", PduType::kCapsuleCmd, 0, false, Field::kPdo, Op::kSet, 1, 1, 3},
    {"CommandPdoBeyondPduWithoutData", PduType::kCapsuleCmd, 0, false, Field::kPdo, Op::kSet, 200, 1, 3},
    {"IcReqPlenOneLess", PduType::kIcReq, 0, false, Field::kPlen, Op::kAdd, -1, 1, 4},
    {"IcReqPlenOneMore", PduType::kIcReq, 0, false, Field::kPlen, Op::kAdd, 1, 1, 4},
    {"IcReqPlenZero", PduType::kIcReq, 0, false, Field::kPlen, Op::kSet, 0, 1, 4},
    {"IcReqPlenHuge", PduType::kIcReq, 0, false, Field::kPlen, Op::kSet, 0xffffffff, 1, 4},
    {"IcRespPlenOneLess", PduType::kIcResp, 0, false, Field::kPlen, Op::kAdd, -1, 1, 4},
    {"IcRespPlenOneMore", PduType::kIcResp, 0, false, Field::kPlen, Op::kAdd, 1, 1, 4},
    {"IcRespPlenZero", PduType::kIcResp, 0, false, Field::kPlen, Op::kSet, 0, 1, 4},
    {"IcRespPlenHuge", PduType::kIcResp, 0, false, Field::kPlen, Op::kSet, 0xffffffff, 1, 4},
    {"ResponsePlenOneLess", PduType::kCapsuleResp, 0, false, Field::kPlen, Op::kAdd, -1, 1, 4},
    {"ResponsePlenOneMore", PduType::kCapsuleResp, 0, false, Field::kPlen, Op::kAdd, 1, 1, 4},
    {"ResponsePlenZero", PduType::kCapsuleResp, 0, false, Field::kPlen, Op::kSet, 0, 1, 4},
    {"ResponsePlenHuge", PduType::kCapsuleResp, 0, false, Field::kPlen, Op::kSet, 0xffffffff, 1, 4},
    {"R2tPlenOneLess", PduType::kR2t, 0, false, Field::kPlen, Op::kAdd, -1, 1, 4},
    {"R2tPlenOneMore", PduType::kR2t, 0, false, Field::kPlen, Op::kAdd, 1, 1, 4},
    {"R2tPlenZero", PduType::kR2t, 0, false, Field::kPlen, Op::kSet, 0, 1, 4},
    {"R2tPlenHuge", PduType::kR2t, 0, false, Field::kPlen, Op::kSet, 0xffffffff, 1, 4},
    {"CommandPlen0", PduType::kCapsuleCmd, 0, false, Field::kPlen, Op::kSet, 0, 1, 4},
    {"CommandPlen8", PduType::kCapsuleCmd, 0, false, Field::kPlen, Op::kSet, 8, 1, 4},
    {"CommandPlen71", PduType::kCapsuleCmd, 0, false, Field::kPlen, Op::kSet, 71, 1, 4},
    {"CommandPlenBeyondHeaderWithoutPdo", PduType::kCapsuleCmd, 0, false, Field::kPlen, Op::kAdd, 1, 1, 3},
    {"CommandWithDataPlenBelowPdo", PduType::kCapsuleCmd, 512, false, Field::kPlen, Op::kSet, 8, 1, 3},
    {"CommandWithDataPlenOnlyRoomForDigest", PduType::kCapsuleCmd, 512, true, Field::kPlen, Op::kAdd, -512, 1, 4},
    {"CommandWithDataPlenLessThanDigest", PduType::kCapsuleCmd, 512, true, Field::kPlen, Op::kAdd, -514, 1, 4},
    {"CommandWithDataPlenEndsAtPdoWithDigest", PduType::kCapsuleCmd, 512, true, Field::kPlen, Op::kAdd, -516, 1, 4},
    {"H2cDataPlenBelowPdo", PduType::kH2cData, 512, false, Field::kPlen, Op::kSet, 8, 1, 3},
    {"H2cDataPlenOnlyRoomForDigest", PduType::kH2cData, 512, true, Field::kPlen, Op::kAdd, -512, 1, 4},
    {"H2cDataPlenLessThanDigest", PduType::kH2cData, 512, true, Field::kPlen, Op::kAdd, -514, 1, 4},
    {"H2cDataPlenEndsAtPdoWithDigest", PduType::kH2cData, 512, true, Field::kPlen, Op::kAdd, -516, 1, 4},
    {"C2hDataPlenBelowPdo", PduType::kC2hData, 512, false, Field::kPlen, Op::kSet, 8, 1, 3},
    {"C2hDataPlenOnlyRoomForDigest", PduType::kC2hData, 512, true, Field::kPlen, Op::kAdd, -512, 1, 4},
    {"C2hDataPlenLessThanDigest", PduType::kC2hData, 512, true, Field::kPlen, Op::kAdd, -514, 1, 4},
    {"C2hDataPlenEndsAtPdoWithDigest", PduType::kC2hData, 512, true, Field::kPlen, Op::kAdd, -516, 1, 4},
    {"CommandWithDataOneByteTooMany", PduType::kCapsuleCmd, 8192, false, Field::kPlen, Op::kAdd, 1, 5, 0},
    {"CommandWithDataOneByteTooManyDigested", PduType::kCapsuleCmd, 8192, true, Field::kPlen, Op::kAdd, 1, 5, 0},
    {"CommandWithDataHuge", PduType::kCapsuleCmd, 512, false, Field::kPlen, Op::kSet, 0xffffffff, 5, 0},
    {"CommandWithDataHugeDigested", PduType::kCapsuleCmd, 512, true, Field::kPlen, Op::kSet, 0xffffffff, 5, 0},
};
// clang-format on

}  // namespace weft::tcp::test

#endif

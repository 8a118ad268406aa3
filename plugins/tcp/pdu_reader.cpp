#include "pdu_reader.hpp"

#include "digest.hpp"

namespace weft::tcp {

namespace {

// The flags that mean something on such a PDU; the others are reserved there, and not looked at.
std::uint8_t known_flags(PduType type) {
  switch (type) {
    case PduType::kCapsuleCmd:
      return kFlagHeaderDigest | kFlagDataDigest;
    case PduType::kCapsuleResp:
    case PduType::kR2t:
      return kFlagHeaderDigest;
    case PduType::kH2cData:
      return kFlagHeaderDigest | kFlagDataDigest | kFlagLast;
    case PduType::kC2hData:
      return kFlagHeaderDigest | kFlagDataDigest | kFlagLast | kFlagSuccess;
    default:
      return 0;
  }
}

// What is judged about one PDU; `header` is HLEN of its type, `framed` that and the digest that was agreed. `ch` is without
// what is reserved: unknown flags, and PDO where a PDU has no data.
struct Judged {
  const ReadRules& rules;
  CommonHeader ch;
  PduType type;
  std::uint32_t header;
  std::uint32_t framed;
  std::uint32_t plen;

  // For fields after which the rest of the header cannot be trusted to be one.
  [[nodiscard]] Violation common_only(const Rule& rule, std::uint64_t a, std::uint64_t b = 0) const {
    Violation bad = violates(rule, type, a, b);
    bad.echo = kCommonHeaderSize;
    return bad;
  }
  [[nodiscard]] bool has_header_digest() const { return framed != header; }
  [[nodiscard]] Violation whole(const Rule& rule, std::uint64_t a = 0, std::uint64_t b = 0) const {
    return violates(rule, type, a, b);
  }
};

Violation judge_type(const ReadRules& rules, std::uint8_t raw) {
  const auto type = static_cast<PduType>(raw);
  Violation bad;
  if (header_size(type) == 0) {
    bad = violates(rules::kUnknownType, type, raw);
  } else if (rules.phase == Phase::kEstablished && is_ic(type)) {
    bad = violates(rules::kIcPduTooLate, type);
  } else if (rules.phase == Phase::kHandshake && !is_ic(type) && !is_term_req(type)) {
    bad = violates(rules::kIcPduExpected, type);
  }
  bad.echo = kCommonHeaderSize;
  return bad;
}

Violation judge_direction(const Judged& pdu) {
  if (goes_to_host(pdu.type) == (pdu.rules.role == Role::kHost)) {
    return {};
  }
  return pdu.common_only(rules::kWrongDirection, 0);
}

Violation judge_digest_flags(const Judged& pdu) {
  const bool has_header_digest = (pdu.ch.flags & kFlagHeaderDigest) != 0;
  const bool has_data_digest = (pdu.ch.flags & kFlagDataDigest) != 0;
  if (has_header_digest != pdu.has_header_digest()) {
    return pdu.whole(has_header_digest ? rules::kHeaderDigestFlagExtra : rules::kHeaderDigestFlagMissing);
  }
  if (has_data_digest && !pdu.rules.data_digest) {
    return pdu.whole(rules::kDataDigestFlagExtra);
  }
  // A set flag on a PDU without data shows as a PLEN that has no room for the digest.
  const bool has_data = may_carry_data(pdu.type) && pdu.ch.pdo != 0 && pdu.plen > pdu.ch.pdo;
  if (pdu.rules.data_digest && has_data && !has_data_digest) {
    return pdu.whole(rules::kDataDigestFlagMissing, pdu.plen - pdu.ch.pdo);
  }
  return {};
}

Violation judge_flags(const Judged& pdu) {
  if (Violation bad = judge_digest_flags(pdu)) {
    return bad;
  }
  if ((pdu.ch.flags & kFlagSuccess) != 0 && (pdu.ch.flags & kFlagLast) == 0) {
    return pdu.whole(rules::kSuccessWithoutLast);
  }
  return {};
}

Violation judge_data_offset(const Judged& pdu) {
  const std::uint32_t pdo = pdu.ch.pdo;
  if (!may_carry_data(pdu.type)) {
    return {};
  }
  if (pdo == 0) {
    return pdu.plen <= pdu.framed ? Violation{} : pdu.whole(rules::kDataOffsetMissing, pdu.plen, pdu.plen - pdu.framed);
  }
  if (pdo < pdu.framed) {
    return pdu.whole(rules::kDataOffsetInHeader, pdo, pdu.framed);
  }
  if (pdo > pdu.plen) {
    return pdu.whole(rules::kDataOffsetBeyondPdu, pdo, pdu.plen);
  }
  if (pdo % pdu.rules.alignment != 0) {
    return pdu.whole(rules::kDataOffsetMisaligned, pdo, pdu.rules.alignment);
  }
  return {};
}

// The header is right up to PDO, so that data can only begin at PDO, or not at all.
Violation judge_length(const Judged& pdu) {
  if (pdu.plen < pdu.framed) {
    return pdu.common_only(rules::kPduLengthBelowHeader, pdu.plen, pdu.framed);
  }
  if (is_term_req(pdu.type)) {
    return {};
  }
  if (!may_carry_data(pdu.type)) {
    return pdu.plen == pdu.framed ? Violation{} : pdu.common_only(rules::kPduLength, pdu.plen, pdu.framed);
  }
  const std::uint32_t start = pdu.ch.pdo != 0 ? pdu.ch.pdo : pdu.framed;
  const std::uint32_t digest = (pdu.ch.flags & kFlagDataDigest) != 0 ? kDigestSize : 0;
  if (digest != 0 && pdu.plen - start <= digest) {
    return pdu.whole(rules::kPduLengthNoRoomForDigest, pdu.plen, start);
  }
  const std::uint32_t data = pdu.plen - start - digest;
  if (pdu.type == PduType::kCapsuleCmd && data > pdu.rules.max_in_capsule) {
    return pdu.whole(rules::kInCapsuleTooLong, data, pdu.rules.max_in_capsule);
  }
  return {};
}

// Direction, FLAGS, HLEN, PDO, PLEN: the lowest bad field.
Violation judge_common_header(const Judged& pdu) {
  if (Violation bad = judge_direction(pdu)) {
    return bad;
  }
  if (is_term_req(pdu.type) && (pdu.plen < kTermReqHeaderSize || pdu.plen > kTermReqMaxSize)) {
    return pdu.common_only(rules::kTermReqLength, pdu.plen);
  }
  if (Violation bad = judge_flags(pdu)) {
    return bad;
  }
  if (pdu.ch.hlen != pdu.header) {
    return pdu.common_only(rules::kHeaderLength, pdu.ch.hlen, pdu.header);
  }
  if (Violation bad = judge_data_offset(pdu)) {
    return bad;
  }
  return judge_length(pdu);
}

// The common header of a PDU that is to have a header digest, before more than that header is there. What must not be waited
// for: a digest that the flags deny, or that PLEN has no room for.
Violation judge_digest_is_there(const Judged& pdu) {
  const bool comes = (pdu.ch.flags & kFlagHeaderDigest) != 0 && pdu.plen >= pdu.framed;
  return comes ? Violation{} : judge_common_header(pdu);
}

Violation judge_header_digest(PduType type, std::span<const std::byte> header) {
  const std::size_t covered = header.size() - kDigestSize;
  const std::uint32_t received = read_digest(header.data() + covered);
  const std::uint32_t computed = crc32c(header.data(), covered);
  if (received == computed) {
    return {};
  }
  Violation bad = violates(rules::kHeaderDigestWrong, type, received, computed);
  bad.fei = received;
  return bad;
}

void fill(Pdu& pdu, const Judged& judged, const std::byte* bytes) {
  pdu.type = judged.type;
  pdu.flags = judged.ch.flags;
  pdu.plen = judged.plen;
  pdu.header = bytes;
  pdu.data_offset = judged.ch.pdo != 0 ? judged.ch.pdo : judged.framed;
  pdu.data_digest_len = (pdu.flags & kFlagDataDigest) != 0 ? kDigestSize : 0;
  pdu.data_len = pdu.plen - pdu.data_offset - pdu.data_digest_len;
  switch (pdu.type) {
    case PduType::kH2cData:
    case PduType::kC2hData:
    case PduType::kR2t: {
      static_assert(offsetof(R2tPdu, r2to) == offsetof(DataPdu, datao) && sizeof(R2tPdu) == sizeof(DataPdu));
      const auto data = load<DataPdu>(bytes);
      pdu.cccid = data.cccid;
      pdu.ttag = data.ttag;
      pdu.offset = data.datao;
      pdu.length = data.datal;
      break;
    }
    case PduType::kH2cTermReq:
    case PduType::kC2hTermReq: {
      const auto term = load<TermReqPdu>(bytes);
      pdu.fes = term.fes;
      pdu.fei = term.fei;
      break;
    }
    default:
      break;
  }
}

ReadOutcome need(std::uint32_t total) { return ReadOutcome{.needed = total}; }
ReadOutcome broken(const Violation& violation) {
  return ReadOutcome{.kind = ReadKind::kViolation, .violation = violation};
}

}  // namespace

ReadOutcome read_pdu(const ReadRules& rules, std::span<const std::byte> bytes) {
  if (bytes.size() < kCommonHeaderSize) {
    return need(kCommonHeaderSize);
  }
  const auto ch = load<CommonHeader>(bytes.data());
  if (Violation bad = judge_type(rules, ch.type)) {
    return broken(bad);
  }
  const auto type = static_cast<PduType>(ch.type);
  const std::uint32_t header = header_size(type);
  const bool digested = rules.header_digest && !is_ic(type) && !is_term_req(type);
  const std::uint32_t framed = header + (digested ? kDigestSize : 0);
  Judged judged{rules, ch, type, header, framed, ch.plen};
  judged.ch.flags &= known_flags(type);
  if (!may_carry_data(type)) {
    judged.ch.pdo = 0;
  }
  if (digested) {
    if (Violation bad = judge_digest_is_there(judged)) {
      return broken(bad);
    }
    if (bytes.size() < framed) {
      return need(framed);
    }
    if (Violation bad = judge_header_digest(type, bytes.first(framed))) {
      return broken(bad);
    }
  }
  if (Violation bad = judge_common_header(judged)) {
    return broken(bad);
  }
  const std::uint32_t whole = is_term_req(type) ? judged.plen : framed;
  if (bytes.size() < whole) {
    return need(whole);
  }
  ReadOutcome out{.kind = ReadKind::kPdu};
  fill(out.pdu, judged, bytes.data());
  return out;
}

}  // namespace weft::tcp

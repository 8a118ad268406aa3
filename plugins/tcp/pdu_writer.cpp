#include "pdu_writer.hpp"

#include <algorithm>
#include <cstring>

#include "digest.hpp"

namespace weft::tcp {

namespace {

constexpr std::uint8_t kPsdtMask = 0xc0;
constexpr std::uint8_t kPsdtSgl = 0x40;       // SGL1, contiguous metadata pointer
constexpr std::uint8_t kSglInCapsule = 0x01;  // data block, offset into the capsule
constexpr std::uint8_t kSglTransport = 0x5a;  // transport data block
constexpr std::size_t kSgl1 = 24;

struct Sgl {
  le64 address;
  le32 length;
  std::array<std::uint8_t, 3> reserved;
  std::uint8_t identifier;
};
static_assert(sizeof(Sgl) == 16 && alignof(Sgl) == 1);

constexpr std::uint32_t round_up(std::uint32_t value, std::uint32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::uint32_t framed_size(const WriteRules& rules, PduType type) {
  return header_size(type) + (rules.header_digest ? kDigestSize : 0u);
}

// Without digests, and with the alignment that nearly every peer has, all lengths are known when this is compiled.
bool is_plain(const WriteRules& rules) { return !rules.header_digest && !rules.data_digest && rules.alignment == 4; }

template <PduType kType>
void put_common_header(CommonHeader& out, const WriteRules& rules, std::uint8_t flags, std::uint32_t data_len) {
  constexpr std::uint8_t kLength = header_size(kType);
  static_assert(kLength % 4 == 0);
  out.type = static_cast<std::uint8_t>(kType);
  out.hlen = kLength;
  if (is_plain(rules)) [[likely]] {
    out.flags = flags;
    out.pdo = data_len != 0 ? kLength : std::uint8_t{0};
    out.plen = kLength + data_len;
    return;
  }
  if (rules.header_digest) {
    flags |= kFlagHeaderDigest;
  }
  if (data_trailer(rules, data_len) != 0) {
    flags |= kFlagDataDigest;
  }
  out.flags = flags;
  out.pdo = static_cast<std::uint8_t>(data_len != 0 ? data_offset(rules, kType) : 0);
  out.plen = static_cast<std::uint32_t>(pdu_length(rules, kType, data_len));
}

// Digest and padding after a header that lies at the start of `out`; the length of all.
template <PduType kType>
std::uint32_t finish(const WriteRules& rules, HeaderBuffer out, std::uint32_t data_len) {
  constexpr PduType type = kType;
  std::uint32_t at = header_size(type);
  if (is_plain(rules)) [[likely]]
    return at;
  if (rules.header_digest) {
    write_digest(&out[at], crc32c(out.data(), at));
    at += kDigestSize;
  }
  const std::uint32_t end = data_len != 0 ? data_offset(rules, type) : at;
  std::memset(out.data() + at, 0, end - at);
  return end;
}

}  // namespace

std::uint32_t data_offset(const WriteRules& rules, PduType type) {
  return round_up(framed_size(rules, type), rules.alignment);
}

std::uint64_t pdu_length(const WriteRules& rules, PduType type, std::uint32_t data_len) {
  if (data_len == 0) {
    return framed_size(rules, type);
  }
  return std::uint64_t{data_offset(rules, type)} + data_len + data_trailer(rules, data_len);
}

std::uint32_t write_capsule_cmd(const WriteRules& rules, HeaderBuffer out, const void* sqe, CommandData how,
                                std::uint32_t data_len) {
  const std::uint32_t carried = how == CommandData::kInCapsule ? data_len : 0;
  auto& pdu = emplace<CapsuleCmdPdu>(out.data());
  put_common_header<PduType::kCapsuleCmd>(pdu.ch, rules, 0, carried);
  std::memcpy(pdu.sqe.data(), sqe, pdu.sqe.size());
  pdu.sqe[1] = static_cast<std::uint8_t>((static_cast<const std::uint8_t*>(sqe)[1] & ~kPsdtMask) | kPsdtSgl);
  auto& sgl = emplace<Sgl>(&pdu.sqe[kSgl1]);
  sgl.length = data_len;
  sgl.identifier = carried != 0 ? kSglInCapsule : kSglTransport;
  return finish<PduType::kCapsuleCmd>(rules, out, carried);
}

std::uint32_t write_capsule_resp(const WriteRules& rules, HeaderBuffer out, const void* cqe) {
  auto& pdu = emplace<CapsuleRespPdu>(out.data());
  put_common_header<PduType::kCapsuleResp>(pdu.ch, rules, 0, 0);
  std::memcpy(pdu.cqe.data(), cqe, pdu.cqe.size());
  return finish<PduType::kCapsuleResp>(rules, out, 0);
}

std::uint32_t write_h2c_data(const WriteRules& rules, HeaderBuffer out, std::uint16_t cccid, std::uint16_t ttag,
                             std::uint32_t offset, std::uint32_t len, bool last) {
  auto& pdu = emplace<DataPdu>(out.data());
  put_common_header<PduType::kH2cData>(pdu.ch, rules, last ? kFlagLast : std::uint8_t{0}, len);
  pdu.cccid = cccid;
  pdu.ttag = ttag;
  pdu.datao = offset;
  pdu.datal = len;
  return finish<PduType::kH2cData>(rules, out, len);
}

std::uint32_t write_c2h_data(const WriteRules& rules, HeaderBuffer out, std::uint16_t cccid, std::uint32_t offset,
                             std::uint32_t len, bool last, bool success) {
  const auto flags = static_cast<std::uint8_t>((last ? kFlagLast : 0) | (last && success ? kFlagSuccess : 0));
  auto& pdu = emplace<DataPdu>(out.data());
  put_common_header<PduType::kC2hData>(pdu.ch, rules, flags, len);
  pdu.cccid = cccid;
  pdu.datao = offset;
  pdu.datal = len;
  return finish<PduType::kC2hData>(rules, out, len);
}

std::uint32_t write_r2t(const WriteRules& rules, HeaderBuffer out, std::uint16_t cccid, std::uint16_t ttag,
                        std::uint32_t offset, std::uint32_t len) {
  auto& pdu = emplace<R2tPdu>(out.data());
  put_common_header<PduType::kR2t>(pdu.ch, rules, 0, 0);
  pdu.cccid = cccid;
  pdu.ttag = ttag;
  pdu.r2to = offset;
  pdu.r2tl = len;
  return finish<PduType::kR2t>(rules, out, 0);
}

std::uint32_t write_term_req(HeaderBuffer out, Role role, const Violation& violation,
                             std::span<const std::byte> received) {
  const std::size_t echo = std::min({received.size(), std::size_t{violation.echo}, std::size_t{kTermReqMaxEcho}});
  const auto length = static_cast<std::uint32_t>(sizeof(TermReqPdu) + echo);
  const PduType type = role == Role::kHost ? PduType::kH2cTermReq : PduType::kC2hTermReq;
  store(out.data(), TermReqPdu{.ch = {.type = static_cast<std::uint8_t>(type),
                                      .flags = 0,
                                      .hlen = header_size(type),
                                      .pdo = 0,
                                      .plen = length},
                               .fes = violation.fes(),
                               .fei = violation.fei,
                               .reserved = {}});
  std::copy_n(received.begin(), echo, out.begin() + sizeof(TermReqPdu));
  return length;
}

std::array<std::byte, kCqeSize> implied_cqe(std::uint16_t cid) {
  constexpr std::size_t kCid = 12;
  std::array<std::byte, kCqeSize> cqe{};
  store(&cqe[kCid], le16(cid));
  return cqe;
}

}  // namespace weft::tcp

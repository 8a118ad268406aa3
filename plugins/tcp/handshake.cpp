#include "handshake.hpp"

#include <algorithm>

namespace weft::tcp {

namespace {

std::uint8_t digest_bits(bool header, bool data) {
  return static_cast<std::uint8_t>((header ? kDigestHeader : 0) | (data ? kDigestData : 0));
}

CommonHeader ic_header(PduType type) {
  return CommonHeader{
      .type = static_cast<std::uint8_t>(type), .flags = 0, .hlen = kIcPduSize, .pdo = 0, .plen = kIcPduSize};
}

// What ICReq and ICResp have in common: PFV, HPDA or CPDA. Reserved bits of DGST are not judged.
Violation judge_parameters(PduType type, std::uint16_t pfv, std::uint8_t pda) {
  if (pfv != 0) {
    return violates(rules::kPfvUnsupported, type, pfv);
  }
  if (pda > kMaxPda) {
    return violates(rules::kPdaTooLarge, type, pda);
  }
  return {};
}

}  // namespace

ReadRules Settled::read_rules(Role role, std::uint32_t max_in_capsule) const {
  return ReadRules{.role = role,
                   .phase = Phase::kEstablished,
                   .header_digest = header_digest,
                   .data_digest = data_digest,
                   .alignment = receive_alignment,
                   .max_in_capsule = std::max(max_in_capsule, kAdminInCapsule)};
}

WriteRules Settled::write_rules() const {
  return WriteRules{.header_digest = header_digest, .data_digest = data_digest, .alignment = send_alignment};
}

std::uint32_t write_ic_req(HeaderBuffer out, const HostOffer& offer) {
  store(out.data(), IcReqPdu{.ch = ic_header(PduType::kIcReq),
                             .pfv = {},
                             .hpda = offer.hpda,
                             .dgst = digest_bits(offer.header_digest, offer.data_digest),
                             .maxr2t = std::clamp(offer.outstanding_r2t, 1u, kMaxOutstandingR2t) - 1,
                             .reserved = {}});
  return kIcPduSize;
}

std::uint32_t write_ic_resp(HeaderBuffer out, const ControllerPolicy& policy, const Settled& settled) {
  store(out.data(), IcRespPdu{.ch = ic_header(PduType::kIcResp),
                              .pfv = {},
                              .cpda = policy.cpda,
                              .dgst = digest_bits(settled.header_digest, settled.data_digest),
                              .maxh2cdata = settled.max_h2c_data,
                              .reserved = {}});
  return kIcPduSize;
}

HandshakeResult check_ic_resp(const HostOffer& offer, const std::byte* header) {
  const auto pdu = load<IcRespPdu>(header);
  if (Violation bad = judge_parameters(PduType::kIcResp, pdu.pfv, pdu.cpda)) {
    return bad;
  }
  const std::uint8_t asked = digest_bits(offer.header_digest, offer.data_digest);
  if ((pdu.dgst & (kDigestHeader | kDigestData) & ~asked) != 0) {
    return violates(rules::kDigestNotRequested, PduType::kIcResp, asked, pdu.dgst);
  }
  if (pdu.maxh2cdata < kMinMaxH2cData || pdu.maxh2cdata % 4 != 0) {
    return violates(rules::kMaxH2cDataInvalid, PduType::kIcResp, pdu.maxh2cdata);
  }
  return Settled{.header_digest = (pdu.dgst & kDigestHeader) != 0,
                 .data_digest = (pdu.dgst & kDigestData) != 0,
                 .receive_alignment = alignment_of_pda(offer.hpda),
                 .send_alignment = alignment_of_pda(pdu.cpda),
                 .outstanding_r2t = std::clamp(offer.outstanding_r2t, 1u, kMaxOutstandingR2t),
                 .max_h2c_data = pdu.maxh2cdata};
}

HandshakeResult answer_ic_req(const ControllerPolicy& policy, const std::byte* header) {
  const auto pdu = load<IcReqPdu>(header);
  if (Violation bad = judge_parameters(PduType::kIcReq, pdu.pfv, pdu.hpda)) {
    return bad;
  }
  // MAXR2T is 0 based and may be all ones.
  const std::uint64_t peer_bears = std::uint64_t{pdu.maxr2t} + 1;
  const std::uint32_t ours = std::clamp(policy.outstanding_r2t, 1u, kMaxOutstandingR2t);
  return Settled{.header_digest = policy.header_digest && (pdu.dgst & kDigestHeader) != 0,
                 .data_digest = policy.data_digest && (pdu.dgst & kDigestData) != 0,
                 .receive_alignment = alignment_of_pda(policy.cpda),
                 .send_alignment = alignment_of_pda(pdu.hpda),
                 .outstanding_r2t = static_cast<std::uint32_t>(std::min<std::uint64_t>(peer_bears, ours)),
                 .max_h2c_data = policy.max_h2c_data};
}

}  // namespace weft::tcp

#include "fuzz/tcp/pdu_stream.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "plugins/tcp/digest.hpp"

namespace weft::tcp::fuzz {

namespace {

constexpr std::uint32_t kDepth = 8;
constexpr std::uint32_t kLength = 8192;  // of the host's commands: CIDs 0..3 read, 4..7 write
constexpr std::uint32_t kMaxH2c = 4096;
constexpr std::uint32_t kOutstanding = 2;

void promise(bool kept) {
  if (!kept) {
    std::abort();
  }
}

class Stream {
 public:
  explicit Stream(const Setup& setup)
      : role_((setup.bits & kSetupController) != 0 ? Role::kController : Role::kHost),
        repair_((setup.bits & kSetupRepair) != 0),
        cut_(setup.cut),
        host_(kDepth, kOutstanding),
        controller_(kDepth, kOutstanding, kMaxH2c) {
    const auto pda = static_cast<std::uint8_t>(setup.pda % 32);
    const bool header_digest = (setup.bits & kSetupHeaderDigest) != 0;
    const bool data_digest = (setup.bits & kSetupDataDigest) != 0;
    offer_ = {.hpda = pda, .header_digest = header_digest, .data_digest = data_digest, .outstanding_r2t = 2};
    policy_ = {.cpda = pda, .max_h2c_data = kMaxH2c, .outstanding_r2t = 2};
    rules_.role = role_;
    if ((setup.bits & kSetupHandshake) == 0) {
      rules_ =
          Settled{
              .header_digest = header_digest, .data_digest = data_digest, .receive_alignment = alignment_of_pda(pda)}
              .read_rules(role_, kAdminInCapsule);
    }
    for (std::uint16_t cid = 0; cid < kDepth; ++cid) {
      begin(cid);
    }
  }

  StreamResult run(std::vector<std::byte> bytes) {
    std::size_t at = 0;
    while (true) {
      const std::span<std::byte> rest = std::span(bytes).subspan(at);
      if (repair_) {
        repair(rest);
      }
      const ReadOutcome out = read_twice(rest);
      if (out.kind == ReadKind::kNeedMore) {
        return result_;
      }
      const Violation bad = out.kind == ReadKind::kViolation ? out.violation : take(out.pdu);
      if (bad) {
        judge_violation(bad, rest);
        result_.violation = bad;
        return result_;
      }
      ++result_.accepted[static_cast<std::uint8_t>(out.pdu.type)];
      if (out.pdu.plen > rest.size() || is_term_req(out.pdu.type)) {
        return result_;
      }
      at += out.pdu.plen;
    }
  }

 private:
  void begin(std::uint16_t cid) { promise(host_.begin(cid, cid < 4 ? HostData::kIn : HostData::kOut, kLength)); }

  void repair(std::span<std::byte> rest) const {
    const std::uint32_t hlen = rest.empty() ? 0 : header_size(static_cast<PduType>(rest[0]));
    if (rules_.header_digest && hlen != 0 && rest.size() >= hlen + kDigestSize &&
        !is_term_req(static_cast<PduType>(rest[0]))) {
      write_digest(&rest[hlen], crc32c(rest.data(), hlen));
    }
  }

  // The same bytes cut short say "more", or the same.
  ReadOutcome read_twice(std::span<const std::byte> rest) const {
    const ReadOutcome whole = read_pdu(rules_, rest);
    const std::vector<std::byte> part(
        rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(cut_, rest.size())));
    const ReadOutcome early = read_pdu(rules_, part);
    promise(early.kind == ReadKind::kNeedMore || early.kind == whole.kind);
    promise(early.kind != ReadKind::kViolation || early.violation == whole.violation);
    if (early.kind == ReadKind::kNeedMore) {
      promise(early.needed > part.size() && early.needed <= kMaxHeaderSize);
    }
    if (whole.kind == ReadKind::kPdu) {
      const Pdu& pdu = whole.pdu;
      promise(pdu.header == rest.data());
      promise(std::uint64_t{pdu.data_offset} + pdu.data_len + pdu.data_digest_len == pdu.plen);
      promise(pdu.plen >= header_size(pdu.type) && pdu.data_offset <= 255);
      promise(pdu.data_digest_len == 0 || pdu.data_len != 0);
      promise(may_carry_data(pdu.type) || is_term_req(pdu.type) || pdu.data_len == 0);
      promise(pdu.type != PduType::kCapsuleCmd || pdu.data_len <= rules_.max_in_capsule);
      promise(!pdu.success() || pdu.last());
    }
    return whole;
  }

  void judge_violation(const Violation& bad, std::span<const std::byte> rest) const {
    promise(!explain(bad, role_).empty());
    std::array<std::byte, kMaxHeaderSize> out{};
    const std::uint32_t length = write_term_req(out, role_, bad, rest);
    ReadRules peer = rules_;
    peer.role = role_ == Role::kHost ? Role::kController : Role::kHost;
    const ReadOutcome read = read_pdu(peer, std::span(out).first(length));
    promise(read.kind == ReadKind::kPdu && read.pdu.fes == bad.fes() && read.pdu.fei == bad.fei);
  }

  Violation take(const Pdu& pdu) {
    switch (pdu.type) {
      case PduType::kIcReq:
        return settle(answer_ic_req(policy_, pdu.header));
      case PduType::kIcResp:
        return settle(check_ic_resp(offer_, pdu.header));
      case PduType::kCapsuleCmd:
        return take_command(pdu);
      case PduType::kH2cData:
        return take_h2c(pdu);
      case PduType::kCapsuleResp:
        return take_response(pdu);
      case PduType::kC2hData:
        return take_c2h(pdu);
      case PduType::kR2t:
        return take_r2t(pdu);
      default:
        return {};
    }
  }

  Violation settle(const HandshakeResult& result) {
    if (const auto* bad = std::get_if<Violation>(&result)) {
      return *bad;
    }
    const auto& settled = std::get<Settled>(result);
    promise(settled.send_alignment % 4 == 0 && settled.send_alignment <= kMaxAlignment);
    promise(settled.outstanding_r2t >= 1 && settled.outstanding_r2t <= kMaxOutstandingR2t);
    promise(settled.max_h2c_data >= kMinMaxH2cData);
    rules_ = settled.read_rules(role_, kAdminInCapsule);
    return {};
  }

  // Commands that send data get R2Ts for it, two at a time; the others are answered at once.
  Violation take_command(const Pdu& pdu) {
    const SglVerdict verdict = classify_sgl(pdu.sqe(), pdu.data_len, {.max_in_capsule = 4096});
    promise((verdict.status != 0) == (verdict.place == SglPlace::kRefused));
    promise(verdict.place != SglPlace::kInCapsule || verdict.length == pdu.data_len);
    result_.commands_with_data += verdict.place == SglPlace::kInCapsule ? 1u : 0u;
    if (verdict.place != SglPlace::kTransport || !data_direction(pdu.sqe()).to_controller) {
      return {};
    }
    const std::uint32_t token = next_token_++ % kDepth;
    if (controller_.active(token)) {
      controller_.end(token);  // answered early: what comes for it is dropped
    }
    const auto cid =
        static_cast<std::uint16_t>(static_cast<unsigned>(pdu.sqe()[2]) | static_cast<unsigned>(pdu.sqe()[3]) << 8);
    promise(controller_.begin(token, cid, verdict.length) && controller_.request(token, 0, verdict.length));
    const std::uint32_t half = verdict.length / 2;
    std::uint16_t ttag = 0;
    if (half != 0) {
      promise(controller_.open_window(token, 0, half, ttag));
    }
    promise(controller_.open_window(token, half, verdict.length - half, ttag));
    return {};
  }

  Violation take_h2c(const Pdu& pdu) {
    H2cTarget target;
    if (Violation bad = controller_.on_h2c(pdu, target)) {
      return bad;
    }
    promise(target.drop || (target.token < kDepth && controller_.cid(target.token) == pdu.cccid &&
                            std::uint64_t{pdu.offset} + pdu.length <= controller_.length(target.token)));
    promise(pdu.length <= kMaxH2c);
    if (target.last) {
      controller_.close_window(target.ttag);
      ++result_.finished_windows;
    }
    return {};
  }

  Violation take_response(const Pdu& pdu) {
    const auto cid =
        static_cast<std::uint16_t>(static_cast<unsigned>(pdu.cqe()[12]) | static_cast<unsigned>(pdu.cqe()[13]) << 8);
    if (Violation bad = host_.on_response(cid)) {
      return bad;
    }
    host_.finish(cid);
    begin(cid);
    return {};
  }

  Violation take_c2h(const Pdu& pdu) {
    if (Violation bad = host_.on_c2h(pdu)) {
      return bad;
    }
    promise(std::uint64_t{pdu.offset} + pdu.length <= kLength && pdu.length == pdu.data_len);
    if (pdu.success()) {
      host_.finish(pdu.cccid);
      begin(pdu.cccid);
    }
    return {};
  }

  Violation take_r2t(const Pdu& pdu) {
    if (Violation bad = host_.on_r2t(pdu)) {
      return bad;
    }
    if (cut_ % 2 == 0) {  // otherwise they pile up
      H2cChunk chunk;
      while (host_.next_h2c(pdu.cccid, kMaxH2c, chunk)) {
        promise(chunk.length != 0 && chunk.length <= kMaxH2c);
        promise(std::uint64_t{chunk.offset} + chunk.length <= kLength);
      }
    }
    return {};
  }

  Role role_;
  bool repair_;
  std::uint8_t cut_;
  HostOffer offer_;
  ControllerPolicy policy_;
  ReadRules rules_;
  HostTransfers host_;
  ControllerTransfers controller_;
  std::uint32_t next_token_ = 0;
  StreamResult result_;
};

}  // namespace

StreamResult run_stream(std::span<const std::uint8_t> input) {
  if (input.size() < kSetupSize) {
    return {};
  }
  Stream stream({.bits = input[0], .pda = input[1], .cut = input[2]});
  const auto bytes = std::as_bytes(input.subspan(kSetupSize));
  return stream.run({bytes.begin(), bytes.end()});
}

}  // namespace weft::tcp::fuzz

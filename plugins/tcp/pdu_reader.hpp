// pdu_reader.hpp - bytes that came from a peer -> a PDU, or a violation, or "more bytes are needed". Pure: no socket,
// no allocation, no state; the connection walks its staging area with it:
//
//   ReadOutcome out = read_pdu(rules, bytes_from_the_start_of_a_pdu);
//   kNeedMore:  keep the bytes (< kMaxHeaderSize) until out.needed of them are there, then ask again.
//   kPdu:       out.pdu; the header is whole. Take pdu.data_offset bytes (header, digest, padding), then pdu.data_len
//               bytes of data, then pdu.data_digest_len bytes; that makes pdu.plen. None but the header need be there
//               yet.
//   kViolation: out.violation; send a TermReq if its rule says so, and close.
//
// The outcome does not depend on how the bytes were cut: asked with one byte more at a time, the answer is kNeedMore
// until it is the same as with all of them.
//
// Order of the checks. An unknown type, or an ICReq or ICResp out of its phase, is judged at once. With a header digest
// on (never for TermReq, ICReq and ICResp) a common header that says that no digest comes (its flag is missing, or PLEN has no
// room for it) is judged at once too: nothing is waited for that the peer does not send. Then come the type's fixed header
// and its digest, so that a header damaged on the way is called that. Then type (direction), FLAGS, HLEN, PDO, PLEN: the
// lowest bad field is reported. What is reserved is not judged: flags that mean nothing on the type, PDO where no data is.
#ifndef WEFT_TCP_PDU_READER_HPP
#define WEFT_TCP_PDU_READER_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "pdu.hpp"
#include "violation.hpp"

namespace weft::tcp {

enum class Phase : std::uint8_t {
  kHandshake,    // ICReq (controller) or ICResp (host) is due; a TermReq may come instead
  kEstablished,  // the handshake is over; digests and alignment are as negotiated
};

struct ReadRules {
  Role role = Role::kHost;  // ours
  Phase phase = Phase::kHandshake;
  bool header_digest = false;
  bool data_digest = false;
  std::uint32_t alignment = 4;  // bytes that PDO must be a multiple of: of the HPDA (host) or CPDA (controller) we sent
  // Data of a CapsuleCmd beyond this is FES 5; what is within it is taken, and classify_sgl() gives the command its
  // status when it is more than the command may have.
  std::uint32_t max_in_capsule = kAdminInCapsule;
};

struct Pdu {
  PduType type = PduType::kIcReq;
  std::uint8_t flags = 0;
  std::uint32_t plen = 0;
  std::uint32_t data_offset = 0;      // header, digest and padding: what to take before the data (= plen without data)
  std::uint32_t data_len = 0;         // bytes of data that PLEN promises; TermReq: bytes of the echoed header
  std::uint32_t data_digest_len = 0;  // 4 when a DDGST follows the data
  // H2CData, C2HData (offset = DATAO, length = DATAL), R2T (offset = R2TO, length = R2TL). Host order, not yet judged:
  // see transfer.hpp.
  std::uint16_t cccid = 0;
  std::uint16_t ttag = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  // TermReq.
  std::uint16_t fes = 0;
  std::uint32_t fei = 0;
  const std::byte* header = nullptr;  // the PDU's first byte, in the bytes given to read_pdu

  [[nodiscard]] bool last() const { return (flags & kFlagLast) != 0; }
  [[nodiscard]] bool success() const { return (flags & kFlagSuccess) != 0; }
  // The 64 bytes of a CapsuleCmd, the 16 of a CapsuleResp.
  [[nodiscard]] const std::byte* sqe() const { return header + kCommonHeaderSize; }
  [[nodiscard]] const std::byte* cqe() const { return header + kCommonHeaderSize; }
};

enum class ReadKind : std::uint8_t { kNeedMore, kPdu, kViolation };

struct ReadOutcome {
  ReadKind kind = ReadKind::kNeedMore;
  std::uint32_t needed = kCommonHeaderSize;  // kNeedMore: total bytes from the PDU's start; <= kMaxHeaderSize
  Pdu pdu{};
  Violation violation{};
};

// ICReq and ICResp come back as a Pdu whose common header is right; handshake.hpp judges the rest. A TermReq comes back
// once it is whole.
ReadOutcome read_pdu(const ReadRules& rules, std::span<const std::byte> bytes);

}  // namespace weft::tcp

#endif

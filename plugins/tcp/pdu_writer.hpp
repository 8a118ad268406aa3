// pdu_writer.hpp - headers for the peer. Each function writes CH+PSH, the header digest and the padding up to PDO into
// `out` and returns how many bytes that is; the caller sends them, then `data_len` bytes of data, then, when
// data_trailer() says 4, the data digest. Data is never touched here. Pure; any thread; nothing fails.
#ifndef WEFT_TCP_PDU_WRITER_HPP
#define WEFT_TCP_PDU_WRITER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pdu.hpp"
#include "violation.hpp"

namespace weft::tcp {

// Longest is a TermReq (152) or a header padded to 128.
using HeaderBuffer = std::span<std::byte, kMaxHeaderSize>;

struct WriteRules {
  bool header_digest = false;
  bool data_digest = false;
  std::uint32_t alignment = 4;  // what the peer asked for: (CPDA + 1) * 4 for a host, (HPDA + 1) * 4 for a controller
};

// Where data begins in a PDU of the type, when it has data: HLEN, digest, rounded up to the alignment.
std::uint32_t data_offset(const WriteRules& rules, PduType type);
// Bytes of data digest after data_len bytes of data.
constexpr std::uint32_t data_trailer(const WriteRules& rules, std::uint32_t data_len) {
  return rules.data_digest && data_len != 0 ? kDigestSize : 0;
}
// PLEN of such a PDU with so much data.
std::uint64_t pdu_length(const WriteRules& rules, PduType type, std::uint32_t data_len);

// How a command's data travels, as its SGL1 says.
enum class CommandData : std::uint8_t {
  kTransport,  // 5Ah: R2T or C2HData; also for no data (length 0)
  kInCapsule,  // 01h: follows in this capsule
};

// The SQE is copied; PSDT and SGL1 of the copy are filled in for `data_len` bytes of data.
std::uint32_t write_capsule_cmd(const WriteRules& rules, HeaderBuffer out, const void* sqe, CommandData how,
                                std::uint32_t data_len);
std::uint32_t write_capsule_resp(const WriteRules& rules, HeaderBuffer out, const void* cqe);
std::uint32_t write_h2c_data(const WriteRules& rules, HeaderBuffer out, std::uint16_t cccid, std::uint16_t ttag,
                             std::uint32_t offset, std::uint32_t len, bool last);
std::uint32_t write_c2h_data(const WriteRules& rules, HeaderBuffer out, std::uint16_t cccid, std::uint32_t offset,
                             std::uint32_t len, bool last, bool success);
std::uint32_t write_r2t(const WriteRules& rules, HeaderBuffer out, std::uint16_t cccid, std::uint16_t ttag,
                        std::uint32_t offset, std::uint32_t len);

// `role` is ours: a host sends H2CTermReq. `received` is what has arrived of the offending PDU; as much of it is echoed
// as the violation allows. Never carries a header digest.
std::uint32_t write_term_req(HeaderBuffer out, Role role, const Violation& violation,
                             std::span<const std::byte> received);

// Success with nothing to report, as C2HData with SUCCESS stands for: status 0, DW0 and DW1 0, SQHD not valid.
std::array<std::byte, kCqeSize> implied_cqe(std::uint16_t cid);

}  // namespace weft::tcp

#endif

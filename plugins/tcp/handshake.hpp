// handshake.hpp - ICReq and ICResp: building, judging, and what both together settle. Pure; any thread.
//
//   host:        write_ic_req(offer) -> ... -> read ICResp -> check_ic_resp(offer, header) -> Settled or Violation
//   controller:  read ICReq -> answer_ic_req(policy, header) -> Settled and the ICResp to send, or Violation
//
// The reader has judged the common header before either is asked.
#ifndef WEFT_TCP_HANDSHAKE_HPP
#define WEFT_TCP_HANDSHAKE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "pdu.hpp"
#include "pdu_reader.hpp"
#include "pdu_writer.hpp"
#include "violation.hpp"

namespace weft::tcp {

constexpr std::uint32_t kMaxOutstandingR2t = 16;  // per command: what we offer or use at most, whatever the peer allows

struct HostOffer {
  std::uint8_t hpda = 0;       // alignment of data that we want to receive; 0 based dwords, <= 31
  bool header_digest = false;  // asked for
  bool data_digest = false;
  std::uint32_t outstanding_r2t = 1;  // 1..kMaxOutstandingR2t; MAXR2T goes out 0 based
};

struct ControllerPolicy {
  std::uint8_t cpda = 0;      // Linux hosts need 0
  bool header_digest = true;  // permitted: on when the host asks
  bool data_digest = true;
  std::uint32_t max_h2c_data = 131072;  // MAXH2CDATA: a multiple of 4, >= 4096
  std::uint32_t outstanding_r2t = 1;    // most that we use, 1..kMaxOutstandingR2t
};

// What holds after the handshake, for both roles.
struct Settled {
  bool header_digest = false;
  bool data_digest = false;
  std::uint32_t receive_alignment = 4;  // ours; ReadRules::alignment
  std::uint32_t send_alignment = 4;     // the peer's; WriteRules::alignment
  std::uint32_t outstanding_r2t = 1;  // per command, 1..kMaxOutstandingR2t: what a host must bear, a controller may use
  std::uint32_t max_h2c_data = kMinMaxH2cData;  // the controller's MAXH2CDATA

  [[nodiscard]] ReadRules read_rules(Role role, std::uint32_t max_in_capsule) const;
  [[nodiscard]] WriteRules write_rules() const;
};

// Always kIcPduSize bytes.
std::uint32_t write_ic_req(HeaderBuffer out, const HostOffer& offer);
std::uint32_t write_ic_resp(HeaderBuffer out, const ControllerPolicy& policy, const Settled& settled);

using HandshakeResult = std::variant<Settled, Violation>;

// `header`: the PDU's kIcPduSize bytes (Pdu::header).
HandshakeResult check_ic_resp(const HostOffer& offer, const std::byte* header);
HandshakeResult answer_ic_req(const ControllerPolicy& policy, const std::byte* header);

}  // namespace weft::tcp

#endif

// private_data.hpp - what hosts and controllers tell each other while they connect: the private data of the connection
// manager's request, reply and reject (RECFMT 0).
//
//   host  -- REQ: QID, HRQSIZE, HSQSIZE, CNTLID -->  controller
//         <-- REP: CRQSIZE ------------------------
//     or  <-- REJ: STS ----------------------------
//
// Pure; any thread. What arrives may be longer than the format (the connection manager pads it with zeroes).
#ifndef WEFT_RDMA_PRIVATE_DATA_HPP
#define WEFT_RDMA_PRIVATE_DATA_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>

namespace weft::rdma {

// Why a controller rejects: the STS field.
enum class RejectStatus : std::uint16_t {
  kInvalidLength = 1,
  kInvalidFormat = 2,
  kInvalidQid = 3,
  kInvalidHostSendSize = 4,
  kInvalidHostReceiveSize = 5,
  kNoResources = 6,
  kInvalidReadsIn = 7,   // IRD: the host answers no READs
  kInvalidReadsOut = 8,  // ORD
  kInvalidCntlid = 9,
};

struct Request {
  std::uint16_t qid = 0;
  std::uint32_t host_receives = 0;  // HRQSIZE: for responses
  std::uint32_t host_sends = 0;     // HSQSIZE + 1: entries of the submission queue
  std::uint16_t cntlid = 0;         // of I/O queues
  bool operator==(const Request&) const = default;
};

using RequestBytes = std::array<std::byte, 32>;
using ReplyBytes = std::array<std::byte, 32>;
using RejectBytes = std::array<std::byte, 4>;

[[nodiscard]] RequestBytes write_request(const Request& request);
[[nodiscard]] ReplyBytes write_reply(std::uint16_t controller_receives);
[[nodiscard]] RejectBytes write_reject(RejectStatus status);

// The lowest bad field is the one that is told.
[[nodiscard]] std::expected<Request, RejectStatus> read_request(std::span<const std::byte> said);
// CRQSIZE; a sentence about what is wrong with it.
[[nodiscard]] std::expected<std::uint16_t, std::string> read_reply(std::span<const std::byte> said);
// 0: it says nothing that we understand.
[[nodiscard]] std::uint16_t read_reject(std::span<const std::byte> said);

// "it has no resources left (status 6)"
[[nodiscard]] std::string explain(std::uint16_t reject_status);

}  // namespace weft::rdma

#endif

// side.hpp - what sender and receiver ask of the role they work for: a host (host_side.hpp) or a controller
// (controller_side.hpp). One virtual call for a batch of usual PDUs or of PDUs that have left, several for every other
// PDU; nothing allocates. Thread: the group's.
#ifndef WEFT_TCP_SIDE_HPP
#define WEFT_TCP_SIDE_HPP

#include <cstdint>
#include <span>

#include "data_op.hpp"
#include "pdu_reader.hpp"
#include "pdu_writer.hpp"
#include "violation.hpp"

namespace weft::tcp {

// One PDU that is decided on but not yet sent in full. Its header can be written again at any time, its payload lies in
// `op`'s memory at [offset - op->offset, + length).
struct Frame {
  enum class Kind : std::uint8_t { kControl, kCapsuleCmd, kH2cData, kR2t, kC2hData, kCapsuleResp };
  DataOp* op = nullptr;      // whose memory or list it concerns; null: none
  std::uint32_t index = 0;   // CID or token
  std::uint32_t offset = 0;  // in the command's data
  std::uint32_t length = 0;  // bytes of payload; R2T: bytes asked for, no payload
  std::uint16_t ttag = 0;
  Kind kind = Kind::kControl;
  bool last = false;
  bool success = false;

  [[nodiscard]] std::uint32_t payload() const { return kind == Kind::kR2t ? 0 : length; }
};

// Where the payload of a received PDU goes.
struct Payload {
  enum class To : std::uint8_t { kDiscard, kOp, kCapsule };
  To to = To::kDiscard;
  DataOp* op = nullptr;
  std::uint64_t position = 0;  // in op's list
};

enum class Take : std::uint8_t {
  kTaken,      // the header is done with; the payload goes where `payload` says
  kBlocked,    // not now: nothing was done, ask again after Connection::unblock()
  kViolation,  // `violation` says which
  kEnded,      // the connection is over: take nothing more
};

// Payloads of at least so many bytes are read to where they belong, even when one happens to lie whole in the slab.
constexpr std::uint32_t kLargePayload = 32u << 10;

class Side {
 public:
  virtual ~Side() = default;

  // Sending. next_frame: the next PDU in order of urgency, into a Frame as it starts, field by field where it is to lie;
  // false, and nothing written, when there is none. frame_sent: its last byte has left.
  virtual bool next_frame(Frame& frame) = 0;
  virtual std::uint32_t write_header(const Frame& frame, HeaderBuffer out) = 0;
  virtual void frame_sent(const Frame& frame) = 0;
  // A batch, on a connection without digests: appends the usual PDUs that are next, with the same effects as next_frame() and
  // write_header(), until the batch is full or the next PDU is not usual. frames_sent: frame_sent() of each, in order.
  virtual void add_usual(class Batch& batch) = 0;
  virtual void frames_sent(std::span<const Frame> frames) = 0;

  // Receiving. take: the header of a PDU that the reader found in order; `payload` is as it starts, and written only where the
  // PDU is taken. payload_done: its payload is where it was to
  // go, `data` is where it lies when that was kCapsule (with a reference on its slab, now the callee's).
  virtual Take take(const Pdu& pdu, Payload& payload, Violation& violation) = 0;
  virtual void payload_done(bool digest_ok, const std::byte* data, struct Slab* slab) = 0;
  // A batch, on a connection without digests: takes the usual PDUs that lie whole in [at, end), one behind the other, with
  // the same effects as take() and payload_done(). Returns where it stops: before the first PDU that is not usual, not whole
  // or not to be taken now, or behind the PDU whose event ended the connection. Whether a PDU is in order is only for the
  // reader and take() to decide: a PDU that breaks a rule is never usual. A payload that stays where it lies gets a
  // reference on the slab.
  virtual const std::byte* take_usual(struct Slab* slab, const std::byte* at, const std::byte* end) = 0;

  // False: it holds more than its part of the memory for what comes; asked before each read.
  [[nodiscard]] virtual bool may_read() const { return true; }

  // Ends every operation with `error` (negative errno), by events. After it nothing of the core's is borrowed.
  virtual void end_operations(std::int32_t error) = 0;
  // Nothing that the peer or we still wait for.
  [[nodiscard]] virtual bool idle() const = 0;
};

}  // namespace weft::tcp

#endif

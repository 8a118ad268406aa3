// sender.hpp - sends one connection's PDUs: everything that is ready goes in one sendmsg.
//
// Small payloads, and all payloads under a data digest, are copied behind their headers into the group's send buffer;
// large ones are gathered from where they lie. Nothing is remembered of a copy: what the socket did not take is written
// again from the operation's memory, which stays borrowed until then. So a connection whose peer does not read holds no
// buffer. A data digest is computed over the copy that is sent; for a PDU that leaves in several parts it goes on from
// the last byte that left, so it always fits the bytes on the wire, whatever happens to the memory meanwhile.
// Usual PDUs are appended by the side, many in one call; a batch that the socket took whole is settled in one call.
// Thread: the group's. After the constructor nothing allocates.
#ifndef WEFT_TCP_SENDER_HPP
#define WEFT_TCP_SENDER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sys/uio.h>

#include "digest.hpp"
#include "pdu_writer.hpp"
#include "side.hpp"
#include "socket.hpp"
#include "weft/transport_abi.h"

namespace weft::tcp {

constexpr std::uint32_t kCopyBelow = 4096;  // payloads of less are copied
constexpr std::uint32_t kMaxFrames = 128;   // PDUs of one sendmsg

// The group's buffer in which a batch is put together; used by one sender at a time, within one call.
class SendBuffer {
 public:
  static constexpr std::uint32_t kBytes = 256u << 10;
  static constexpr std::uint32_t kMaxPieces = 512;

  // How a frame lies in the batch.
  struct Part {
    std::uint64_t wire = 0;           // bytes of it in this batch
    std::uint32_t header = 0;         // its header's length
    std::uint32_t payload_start = 0;  // position in its payload of the first byte in this batch
    const std::byte* copy = nullptr;  // where that byte lies, when it was copied
  };

  void reset(std::uint64_t most);  // bytes, about: what begins below that goes to its end
  [[nodiscard]] std::uint32_t room() const { return kBytes - used_; }
  [[nodiscard]] bool full() const {
    return room() < kMaxHeaderSize + kDigestSize || pieces_ + 2 >= kMaxPieces || bytes_ >= most_;
  }
  std::byte* tail() { return &(*copy_)[used_]; }
  void add_copied(std::uint32_t count) {  // count bytes at tail() belong to the batch
    if (count == 0) return;
    std::byte* const start = tail();
    if (pieces_ != 0 && static_cast<std::byte*>(iov_[pieces_ - 1].iov_base) + iov_[pieces_ - 1].iov_len == start) {
      iov_[pieces_ - 1].iov_len += count;
    } else {
      iov_[pieces_++] = {start, count};
    }
    used_ += count;
    bytes_ += count;
  }
  std::span<iovec> free_pieces() { return std::span(iov_).subspan(pieces_); }
  void add_gathered(std::uint32_t pieces, std::uint64_t bytes);
  [[nodiscard]] std::span<iovec> pieces() { return std::span(iov_).first(pieces_); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  std::array<Part, kMaxFrames> parts;
  std::uint32_t part_count = 0;

 private:
  std::unique_ptr<std::array<std::byte, kBytes>> copy_ =
      std::make_unique_for_overwrite<std::array<std::byte, kBytes>>();
  std::array<iovec, kMaxPieces> iov_;
  std::uint32_t used_ = 0;
  std::uint32_t pieces_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t most_ = 0;
};

// What a side appends usual PDUs to: add(), the header where it says, add_payload() if there is data. Lives for one call.
class Batch {
 public:
  Batch(std::vector<Frame>& frames, SendBuffer& buffer, weft_stats& stats)
      : frames_(frames), buffer_(buffer), stats_(stats) {}

  [[nodiscard]] bool full() const { return frames_.size() == kMaxFrames || buffer_.full(); }
  // All of the operation's first `length` bytes can follow a header now.
  [[nodiscard]] bool has_room(const DataOp& op, std::uint32_t length) const {
    return length < kCopyBelow ? buffer_.room() >= kMaxHeaderSize + kDigestSize + length : op.count == 1;
  }
  // Where the frame's header of `header` bytes is to be written.
  std::byte* add(const Frame& frame, std::uint32_t header) {
    frames_.push_back(frame);
    SendBuffer::Part& part = buffer_.parts[buffer_.part_count++];
    part = {.wire = std::uint64_t{header} + frame.length, .header = header, .payload_start = 0, .copy = nullptr};
    std::byte* const start = buffer_.tail();
    buffer_.add_copied(header);
    return start;
  }
  void add_payload(DataOp& op, std::uint32_t length);

 private:
  std::vector<Frame>& frames_;
  SendBuffer& buffer_;
  weft_stats& stats_;
};

class Sender {
 public:
  // A controller may send more in one call than a host: what a host reads goes to memory that it used a moment ago, what a
  // target is written goes to blocks that are in no cache, and with more on the way those push the payload out.
  explicit Sender(Role role) : most_in_a_call_((role == Role::kController ? 1024u : 512u) << 10) {
    frames_.reserve(kMaxFrames);
  }

  void set_rules(const WriteRules& rules);  // those of the handshake: from here on the source may be asked for batches
  [[nodiscard]] const WriteRules& rules() const { return rules_; }

  enum class Result : std::uint8_t { kDrained, kSocketFull, kMore, kError };
  // Sends what `source` has, until the socket is full or the turn's share is used up (kMore). Counts into `stats`.
  Result pump(Side& source, Socket& socket, SendBuffer& buffer, weft_stats& stats);
  [[nodiscard]] int error() const { return error_; }

  // Takes back the data PDUs of `op` of which no byte has left; returns how many.
  std::uint32_t recall(const DataOp& op);
  // Forgets everything; false when the first PDU had left in part, so that no other may follow it.
  bool forget();
  [[nodiscard]] bool empty() const { return frames_.empty(); }

 private:
  void build(Side& source, SendBuffer& buffer, weft_stats& stats);
  bool append(Side& source, const Frame& frame, std::uint64_t from, SendBuffer& buffer, weft_stats& stats);
  bool append_payload(const Frame& frame, SendBuffer& buffer, SendBuffer::Part& part, Crc32c& crc, weft_stats& stats);
  void settle(Side& source, SendBuffer& buffer, std::uint64_t sent);
  void cut(const Frame& frame, const SendBuffer::Part& part, bool continued, std::uint64_t taken);

  std::vector<Frame> frames_;  // decided on, not yet sent in full; oldest first
  const std::uint64_t most_in_a_call_;
  WriteRules rules_;
  bool batches_ = false;         // by these rules headers are plain_header()s
  bool whole_ = false;           // every frame is in the batch, up to its end
  std::uint64_t head_sent_ = 0;  // bytes of frames_[0] that have left
  Crc32c head_crc_;              // over its payload bytes that have left
  int error_ = 0;
};

}  // namespace weft::tcp

#endif

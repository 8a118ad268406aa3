// receiver.hpp - reads one connection's stream: bytes of the payload that is under way straight to where they belong,
// the rest into the group's slab, where the PDUs are walked.
//
//   readv {memory of the data call | in-capsule data in its slab, slab window} -> walk: header, payload, digest, header
//     ...
//
// Usual PDUs that lie whole in the slab go to the side in batches; every other one is walked, and only there judged.
//
// Of a header that is cut, the first part is kept here (at most kMaxHeaderSize bytes). In-capsule data stays in the
// slab, but only once it is whole: while the rest has not come, what there is waits in the connection's own room, so
// that peers who send half a capsule hold nothing of what the group shares. When the side says "blocked" (no free
// token), what was read stays in its slab until resume.
//
// While the group's memory is low none of it is used: a header is read without a byte of what follows it, and in-capsule data
// into the connection's room, which is lent to the command until its data is released. So whatever others hold, commands come,
// one with in-capsule data at a time.
// Thread: the group's. Nothing allocates but make_room().
#ifndef WEFT_TCP_RECEIVER_HPP
#define WEFT_TCP_RECEIVER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "digest.hpp"
#include "pdu_reader.hpp"
#include "side.hpp"
#include "slab_pool.hpp"
#include "socket.hpp"
#include "weft/transport_abi.h"

namespace weft::tcp {

class Receiver {
 public:
  enum class Result : std::uint8_t {
    kDrained,    // the socket had no more
    kMore,       // the turn's share is used up
    kBlocked,    // the side takes no more for now: no token, or it holds more than its part of the memory
    kNoMemory,   // memory is low, and the room is lent
    kEnd,        // the peer closed its side of the stream
    kError,      // error()
    kViolation,  // violation() and offender()
    kStopped,    // stop() was called, or the side ended the connection
  };

  // The rules say how much data a capsule may carry: make_room() for that first.
  void set_rules(const ReadRules& rules);
  // Own memory for one capsule's data. Throws std::bad_alloc, and then had no effect.
  void make_room(std::uint32_t bytes);
  // In-capsule data that payload_done() told without a slab is released.
  void take_room_back();
  [[nodiscard]] const ReadRules& rules() const { return rules_; }

  // Reads and walks, at most about `limit` bytes. Counts into `stats`.
  Result run(Side& sink, Socket& socket, SlabPool& slabs, weft_stats& stats, std::uint64_t limit);
  // Reads and forgets: for a connection that only waits for its peer to close.
  Result discard(Socket& socket, SlabPool& slabs, weft_stats& stats);

  // Nothing more is taken; what is held goes back. For good.
  void stop(SlabPool& slabs);
  // Data for `op` is dropped from now on.
  void forget(const DataOp& op);

  [[nodiscard]] bool is_inside_pdu() const {
    return partial_length_ != 0 || skip_left_ != 0 || data_left_ != 0 || digest_left_ != 0;
  }
  [[nodiscard]] bool is_parked() const { return parked_.slab != nullptr || retry_; }
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] const Violation& violation() const { return violation_; }
  [[nodiscard]] std::span<const std::byte> offender() const { return std::span(offender_).first(offender_length_); }

 private:
  struct Range {
    Slab* slab = nullptr;
    const std::byte* begin = nullptr;
    const std::byte* end = nullptr;
  };
  // Of one read into a slab: what is read is walked, and answered, before more of it pushes that out of the cache.
  static constexpr std::uint32_t kLongestRead = 128u << 10;
  static constexpr Result kGoOn = Result::kMore;

  Result read(Side& sink, Socket& socket, SlabPool& slabs, weft_stats& stats, std::uint64_t limit);
  void set_aside(SlabPool& slabs, weft_stats& stats);
  void bring_back(SlabPool& slabs, weft_stats& stats);
  [[nodiscard]] bool has_room() const { return room_ != nullptr && lent_ == nullptr; }
  [[nodiscard]] bool is_in_room() const { return capsule_ != nullptr && capsule_slab_ == nullptr; }
  [[nodiscard]] std::uint32_t bytes_of_step() const;
  void place_capsule(const Range& range, SlabPool& slabs);
  void place_in_slab(SlabPool& slabs);
  std::uint32_t direct_pieces(std::span<iovec> out, std::uint64_t& bytes);
  void took_direct(Side& sink, std::span<const iovec> pieces, std::uint64_t count);
  Result walk(Side& sink, Range range, SlabPool& slabs, weft_stats& stats);
  void take_batch(Side& sink, Range& range);
  Result step_header(Side& sink, Range& range, SlabPool& slabs);
  Result begin_pdu(Side& sink, const Pdu& pdu, Range& range, std::uint32_t consumed, SlabPool& slabs);
  void step_data(Range& range, weft_stats& stats);
  void step_digest(Range& range);
  void finish_payload(Side& sink);
  // What is skipped comes before the data. One sum: two comparisons of neighbours become one wide read of what was written in
  // halves just now, and wait for it.
  [[nodiscard]] bool payload_is_whole() const { return data_left_ + digest_left_ == 0; }
  Result offended(std::span<const std::byte> bytes, const Violation& violation);
  void park(const Range& range);

  ReadRules rules_;
  bool batches_ = false;  // by these rules usual PDUs may be taken in batches
  // The PDU under way.
  Payload payload_;
  std::uint32_t skip_left_ = 0, data_left_ = 0, digest_left_ = 0;
  bool has_digest_ = false;
  bool under_way_ = false;  // payload_done() is still to come
  Crc32c crc_;
  std::byte* capsule_ = nullptr;  // in-capsule data: where it lies
  std::uint32_t capsule_length_ = 0;
  Slab* capsule_slab_ = nullptr;              // on which it holds a reference; none: it lies in room_
  std::unique_ptr<std::byte[]> room_, lent_;  // lent_: what room_ was, with the data of a command
  std::uint32_t room_size_ = 0;
  std::array<std::byte, kDigestSize> digest_{};
  // Between reads.
  std::array<std::byte, kMaxHeaderSize> partial_{};
  std::uint32_t partial_length_ = 0;
  std::uint32_t partial_needed_ = 0;
  Range parked_;
  bool retry_ = false;  // the header in partial_ is whole, but was blocked
  bool stopped_ = false;
  std::uint32_t window_limit_ = kLongestRead;
  // Why it ended.
  int error_ = 0;
  Violation violation_;
  std::array<std::byte, kTermReqMaxEcho> offender_{};
  std::uint32_t offender_length_ = 0;
};

}  // namespace weft::tcp

#endif

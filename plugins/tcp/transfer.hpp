// transfer.hpp - book-keeping of the data of commands, for both roles: which bytes were granted, which may come next,
// which tag stands for what. It decides; it neither sends nor holds data. All memory is made by the constructor (and by
// ControllerTransfers::grow); no call allocates, and every call takes constant time but those that say otherwise.
//
// Bytes that a PDU announces count as taken when its header is judged, since nothing else can come between header and
// data. Bytes that really moved are counted by the connection with moved().
//
// Thread: the group's. Nothing is thrown; what a peer does wrong comes back as a Violation, what our side does wrong as
// false. Offsets and lengths are added in 64 bits.
#ifndef WEFT_TCP_TRANSFER_HPP
#define WEFT_TCP_TRANSFER_HPP

#include <cstdint>
#include <vector>

#include "../common/lazy_array.hpp"
#include "pdu_reader.hpp"
#include "violation.hpp"

namespace weft::tcp {

// ---- host ----------------------------------------------------------------------------------------------------------

enum class HostData : std::uint8_t {
  kNone,           // no data
  kSentInCapsule,  // all of it goes with the capsule: no R2T may come
  kOut,            // to the controller, by R2T and H2CData
  kIn,             // from the controller, by C2HData
};

// One H2CData PDU to send.
struct H2cChunk {
  std::uint16_t cccid = 0;
  std::uint16_t ttag = 0;
  std::uint32_t offset = 0;  // DATAO: from the start of the command's data
  std::uint32_t length = 0;
  bool last = false;
};

// Commands of one queue pair, by CID < depth.
class HostTransfers {
 public:
  // outstanding_r2t: Settled::outstanding_r2t.
  HostTransfers(std::uint32_t depth, std::uint32_t outstanding_r2t);

  // A command goes out. False: the CID is not below the depth, or in use.
  [[nodiscard]] bool begin(std::uint16_t cid, HostData data, std::uint32_t length);

  // An R2T came. No violation: it is queued, next_h2c() has something to give.
  Violation on_r2t(const Pdu& pdu);
  // The next H2CData of the command, at most max_h2c_data long; R2Ts are served in the order in which they came, and
  // count as outstanding until their last chunk was given. False: nothing is granted now. The chunk counts as sent.
  bool next_h2c(std::uint16_t cid, std::uint32_t max_h2c_data, H2cChunk& chunk);
  [[nodiscard]] bool has_h2c(std::uint16_t cid) const { return commands_[cid].r2t_count != 0; }

  // A C2HData came. No violation: its data is for bytes pdu.offset .. + pdu.length of the command. With SUCCESS, the command is over too (the connection then calls finish()).
  Violation on_c2h(const Pdu& pdu);
  // The same for a C2HData with LAST that is all `length` bytes of an active command. False: it is not, or not the first, and
  // nothing was done: on_c2h() decides.
  [[nodiscard]] bool on_whole_c2h(std::uint16_t cid, std::uint32_t length) {
    Command& command = commands_[cid];
    if (command.data != HostData::kIn || command.length != length || command.granted != 0) return false;
    command.granted = length;
    command.last_seen = true;
    return true;
  }
  // A CapsuleResp came for `cid`.
  [[nodiscard]] Violation on_response(std::uint16_t cid) const;

  void moved(std::uint16_t cid, std::uint64_t bytes) { commands_[cid].moved += bytes; }
  // A data digest was wrong: the transfer goes on, so that what still comes is known, and finish() tells.
  void fail(std::uint16_t cid) { commands_[cid].failed = true; }

  struct Outcome {
    std::uint64_t moved = 0;
    bool failed = false;  // a data digest was wrong
  };
  // The command is over (response, SUCCESS or close): its R2Ts are forgotten and the CID is free.
  Outcome finish(std::uint16_t cid);

  [[nodiscard]] bool active(std::uint16_t cid) const { return cid < commands_.size() && commands_[cid].active; }
  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }

 private:
  struct Command {
    bool active = false;
    HostData data = HostData::kNone;
    bool last_seen = false;
    bool failed = false;
    std::uint8_t r2t_first = 0;  // ring of outstanding_r2t_ entries
    std::uint8_t r2t_count = 0;
    std::uint32_t length = 0;
    std::uint64_t granted = 0;  // out: bytes covered by R2Ts; in: next DATAO
    std::uint64_t moved = 0;
  };
  struct R2t {
    std::uint16_t ttag = 0;
    std::uint32_t offset = 0;  // of what is still to be sent
    std::uint32_t left = 0;
  };
  R2t& r2t(std::uint16_t cid, std::uint32_t position);

  std::uint32_t outstanding_r2t_;
  std::vector<Command> commands_;
  std::vector<R2t> r2ts_;  // outstanding_r2t_ for each CID
  std::uint32_t in_flight_ = 0;
};

// ---- controller ----------------------------------------------------------------------------------------------------

// What on_h2c() says about an H2CData that is in order.
struct H2cTarget {
  bool drop = false;  // nobody waits for it any more: take the data and forget it
  bool last = false;  // completes its window: after the data, close_window(ttag)
  std::uint16_t ttag = 0;
  std::uint32_t token = 0;  // valid unless drop
};

// One C2HData PDU to send.
struct C2hChunk {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  bool last = false;
  bool success = false;
};

// The next C2HData for `left` bytes at `offset` of a command of `command_length` bytes. LAST is set where the command's
// data ends, and nowhere else; SUCCESS only with it, and only when allow_success (flow control off, status and result
// 0, and nothing but success to follow).
C2hChunk next_c2h(std::uint32_t command_length, std::uint32_t offset, std::uint32_t left, std::uint32_t max_chunk,
                  bool allow_success);

// Windows are R2Ts not yet answered in full. A tag is an index into the table and a generation: a tag of a window that
// is gone is told from one that never was. A window whose command was answered or cancelled (abandon()) keeps its tag
// and its checks, and its data is dropped, until it is complete, the host reuses the CID, or tags run short.
class ControllerTransfers {
 public:
  // outstanding_r2t: per command, Settled::outstanding_r2t. max_h2c_data: the MAXH2CDATA that we sent.
  ControllerTransfers(std::uint32_t depth, std::uint32_t outstanding_r2t, std::uint32_t max_h2c_data);
  // After Connect: room for the real depth; commands keep their tokens, a smaller depth than now changes nothing.
  // Allocates. False: a window is open or abandoned, and its tag would change its meaning.
  [[nodiscard]] bool grow(std::uint32_t depth);

  // A command with data outside the capsule came (length > 0), or one without (length 0). Windows that an earlier
  // command left under this CID are forgotten (time: as many as there are abandoned windows).
  // False: the token is not below the depth, or in use.
  [[nodiscard]] bool begin(std::uint32_t token, std::uint16_t cid, std::uint32_t length);
  // The command is answered, or its data cancelled: nothing waits for the data any more, and none is to be asked for or
  // sent. Time: its windows. A PDU whose data is just coming is to be dropped from here on.
  void abandon(std::uint32_t token);
  // abandon() and the token is free.
  void end(std::uint32_t token);
  [[nodiscard]] bool active(std::uint32_t token) const { return token < commands_.made() && commands_[token].active; }

  // receive_data: bytes offset .. offset+len of the command are asked for; they must follow those asked for before, as
  // R2Ts cover the data in order. False: they do not, are none, or exceed the command.
  [[nodiscard]] bool request(std::uint32_t token, std::uint64_t offset, std::uint64_t len);
  // send_data: the same for the other direction.
  [[nodiscard]] bool send(std::uint32_t token, std::uint64_t offset, std::uint64_t len);

  // An R2T for bytes offset .. offset+len, in the order of the requests. False: as many as the host allows are
  // outstanding for the command, or all tags are in use: ask again when a window was closed.
  [[nodiscard]] bool open_window(std::uint32_t token, std::uint32_t offset, std::uint32_t len, std::uint16_t& ttag);
  // An H2CData came. No violation: `target` says where its data goes.
  Violation on_h2c(const Pdu& pdu, H2cTarget& target);
  // The data of its last H2CData was taken. A tag that is no longer in use is passed over.
  void close_window(std::uint16_t ttag);

  // R2Ts of the command that are not answered in full.
  [[nodiscard]] std::uint32_t open_windows(std::uint32_t token) const { return commands_[token].windows; }
  [[nodiscard]] std::uint32_t abandoned_windows() const { return abandoned_count_; }
  [[nodiscard]] std::uint32_t length(std::uint32_t token) const { return commands_[token].length; }
  [[nodiscard]] std::uint16_t cid(std::uint32_t token) const { return commands_[token].cid; }
  [[nodiscard]] std::uint32_t depth() const { return commands_.size(); }
  [[nodiscard]] std::uint32_t tag_count() const { return windows_.size(); }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;
  enum class State : std::uint8_t { kFree, kOpen, kAbandoned };
  struct Window {
    State state = State::kFree;
    std::uint16_t cid = 0;
    std::uint16_t ttag = 0;  // of now, or of the next use
    std::uint32_t token = kNone;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::uint32_t received = 0;
    std::uint32_t next = kNone;  // of the same command, of the abandoned, or of the free
    std::uint32_t previous = kNone;
  };
  struct List {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };
  struct Command {
    bool active = false;
    std::uint16_t cid = 0;
    std::uint32_t length = 0;
    std::uint32_t windows = 0;
    std::uint64_t requested = 0;
    std::uint64_t granted = 0;
    std::uint64_t sent = 0;
    List open;  // oldest first
    bool abandoned = false;
  };

  [[nodiscard]] std::uint32_t index_of(std::uint16_t ttag) const { return ttag & index_mask_; }
  [[nodiscard]] Window* find(std::uint16_t ttag);
  [[nodiscard]] const Window* find(std::uint16_t ttag) const;
  Violation judge_tag(const Pdu& pdu) const;
  Violation judge_range(const Pdu& pdu, const Window& window) const;
  void append(List& list, std::uint32_t index);
  void remove(List& list, std::uint32_t index);
  void release(std::uint32_t index);
  void forget_abandoned(std::uint16_t cid);
  std::uint32_t take_free();

  std::uint32_t outstanding_r2t_;
  std::uint32_t max_h2c_data_;
  std::uint32_t index_mask_ = 0;
  plugin::LazyArray<Command> commands_;
  plugin::LazyArray<Window> windows_;  // one that is made has been used: a tag that is gone, or one that never was
  List free_;                          // of those
  List abandoned_;                     // oldest first
  std::uint32_t abandoned_count_ = 0;
};

}  // namespace weft::tcp

#endif

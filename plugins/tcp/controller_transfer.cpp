// controller_transfer.cpp - the controller's side of transfer.hpp.
#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "transfer.hpp"

namespace weft::tcp {

namespace {
constexpr std::uint32_t kMaxTags = 65536;
}

C2hChunk next_c2h(std::uint32_t command_length, std::uint32_t offset, std::uint32_t left, std::uint32_t max_chunk,
                  bool allow_success) {
  const std::uint32_t length = std::min(left, max_chunk);
  const bool last = std::uint64_t{offset} + length == command_length;
  return C2hChunk{.offset = offset, .length = length, .last = last, .success = last && allow_success};
}

ControllerTransfers::ControllerTransfers(std::uint32_t depth, std::uint32_t outstanding_r2t, std::uint32_t max_h2c_data)
    : outstanding_r2t_(outstanding_r2t), max_h2c_data_(max_h2c_data) {
  static_cast<void>(grow(depth));
}

bool ControllerTransfers::grow(std::uint32_t depth) {
  if (depth <= commands_.size()) {
    return true;
  }
  const bool in_use = abandoned_count_ != 0 ||
                      std::any_of(commands_.begin(), commands_.end(), [](const Command& c) { return c.windows != 0; });
  if (in_use) {
    return false;
  }
  const std::uint64_t wanted = std::uint64_t{depth} * outstanding_r2t_;
  plugin::LazyArray<Window> windows(static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, kMaxTags)));
  plugin::LazyArray<Command> commands(depth);  // the last that may fail
  for (std::uint32_t i = 0; i < commands_.made(); ++i) {
    commands.make(i) = commands_[i];
  }
  commands_ = std::move(commands);
  windows_ = std::move(windows);
  index_mask_ = std::bit_ceil(tag_count()) - 1;
  free_ = List{};
  return true;
}

// ---- lists of windows ----------------------------------------------------------------------------------------------

void ControllerTransfers::append(List& list, std::uint32_t index) {
  windows_[index].next = kNone;
  windows_[index].previous = list.last;
  (list.last != kNone ? windows_[list.last].next : list.first) = index;
  list.last = index;
}

void ControllerTransfers::remove(List& list, std::uint32_t index) {
  const Window& window = windows_[index];
  (window.previous != kNone ? windows_[window.previous].next : list.first) = window.next;
  (window.next != kNone ? windows_[window.next].previous : list.last) = window.previous;
}

ControllerTransfers::Window* ControllerTransfers::find(std::uint16_t ttag) {
  return const_cast<Window*>(std::as_const(*this).find(ttag));
}

const ControllerTransfers::Window* ControllerTransfers::find(std::uint16_t ttag) const {
  const std::uint32_t index = index_of(ttag);
  if (index >= windows_.made() || windows_[index].state == State::kFree || windows_[index].ttag != ttag) {
    return nullptr;
  }
  return &windows_[index];
}

// One that was never used, else the least recently used tag; the oldest abandoned one when none is free.
std::uint32_t ControllerTransfers::take_free() {
  if (const std::uint32_t fresh = windows_.made(); fresh < windows_.size()) {
    windows_.make(fresh).ttag = static_cast<std::uint16_t>(fresh);
    return fresh;
  }
  if (free_.first == kNone && abandoned_.first != kNone) {
    release(abandoned_.first);
  }
  const std::uint32_t index = free_.first;
  if (index != kNone) {
    remove(free_, index);
  }
  return index;
}

void ControllerTransfers::release(std::uint32_t index) {
  Window& window = windows_[index];
  if (window.state == State::kAbandoned) {
    remove(abandoned_, index);
    --abandoned_count_;
  } else {
    Command& command = commands_[window.token];
    remove(command.open, index);
    --command.windows;
  }
  window.state = State::kFree;
  window.ttag = static_cast<std::uint16_t>(window.ttag + index_mask_ + 1);  // the next generation
  append(free_, index);
}

void ControllerTransfers::forget_abandoned(std::uint16_t cid) {
  for (std::uint32_t i = abandoned_.first; i != kNone;) {
    const std::uint32_t next = windows_[i].next;
    if (windows_[i].cid == cid) {
      release(i);
    }
    i = next;
  }
}

// ---- commands ------------------------------------------------------------------------------------------------------

bool ControllerTransfers::begin(std::uint32_t token, std::uint16_t cid, std::uint32_t length) {
  if (token >= commands_.size() || active(token)) {
    return false;
  }
  forget_abandoned(cid);
  Command& command = commands_.make(token);
  command = Command{};
  command.active = true;
  command.cid = cid;
  command.length = length;
  return true;
}

void ControllerTransfers::abandon(std::uint32_t token) {
  Command& command = commands_[token];
  command.abandoned = true;
  while (command.open.first != kNone) {
    const std::uint32_t index = command.open.first;
    remove(command.open, index);
    windows_[index].state = State::kAbandoned;
    append(abandoned_, index);
    ++abandoned_count_;
  }
  command.windows = 0;
}

void ControllerTransfers::end(std::uint32_t token) {
  abandon(token);
  commands_[token].active = false;
}

namespace {
// The next `len` bytes of a command; false when they are none, do not follow, or go beyond its end.
bool advance(std::uint64_t& cursor, std::uint64_t offset, std::uint64_t len, std::uint32_t limit) {
  if (len == 0 || offset != cursor || len > limit - cursor) {
    return false;
  }
  cursor += len;
  return true;
}
}  // namespace

bool ControllerTransfers::request(std::uint32_t token, std::uint64_t offset, std::uint64_t len) {
  if (!active(token) || commands_[token].abandoned) {
    return false;
  }
  return advance(commands_[token].requested, offset, len, commands_[token].length);
}

bool ControllerTransfers::send(std::uint32_t token, std::uint64_t offset, std::uint64_t len) {
  if (!active(token) || commands_[token].abandoned) {
    return false;
  }
  return advance(commands_[token].sent, offset, len, commands_[token].length);
}

// ---- windows -------------------------------------------------------------------------------------------------------

bool ControllerTransfers::open_window(std::uint32_t token, std::uint32_t offset, std::uint32_t len,
                                      std::uint16_t& ttag) {
  Command& command = commands_[token];
  assert(command.active && !command.abandoned && len != 0);
  assert(offset == command.granted && std::uint64_t{offset} + len <= command.requested);
  if (command.windows == outstanding_r2t_) {
    return false;
  }
  const std::uint32_t index = take_free();
  if (index == kNone) {
    return false;
  }
  Window& window = windows_[index];
  window.state = State::kOpen;
  window.cid = command.cid;
  window.token = token;
  window.offset = offset;
  window.length = len;
  window.received = 0;
  append(command.open, index);
  ++command.windows;
  command.granted += len;
  ttag = window.ttag;
  return true;
}

Violation ControllerTransfers::judge_tag(const Pdu& pdu) const {
  const Window* window = find(pdu.ttag);
  if (window == nullptr) {
    const bool stale = index_of(pdu.ttag) < windows_.made();
    return violates(stale ? rules::kH2cStaleTag : rules::kH2cUnknownTag, pdu.type, pdu.ttag);
  }
  if (window->received == window->length) {
    return violates(rules::kH2cStaleTag, pdu.type, pdu.ttag);
  }
  return window->cid == pdu.cccid ? Violation{} : violates(rules::kH2cWrongCommand, pdu.type, pdu.cccid, window->cid);
}

Violation ControllerTransfers::judge_range(const Pdu& pdu, const Window& window) const {
  const std::uint64_t end = std::uint64_t{pdu.offset} + pdu.length;
  const std::uint64_t window_end = std::uint64_t{window.offset} + window.length;
  if (pdu.offset < window.offset || end > window_end) {
    return violates(rules::kH2cOutOfRange, pdu.type, pdu.length, pdu.offset, window_end);
  }
  // R2Ts of one command are served in the order in which they were sent.
  const Window& due = window.state == State::kOpen ? windows_[commands_[window.token].open.first] : window;
  const std::uint64_t next = std::uint64_t{due.offset} + due.received;
  if (pdu.offset != next) {
    return violates(rules::kH2cOutOfOrder, pdu.type, pdu.offset, next);
  }
  if (pdu.last() && end != window_end) {
    return violates(rules::kH2cLastEarly, pdu.type, end, window_end);
  }
  if (!pdu.last() && end == window_end) {
    return violates(rules::kH2cLastMissing, pdu.type, window_end);
  }
  return {};
}

Violation ControllerTransfers::on_h2c(const Pdu& pdu, H2cTarget& target) {
  if (pdu.length > max_h2c_data_) {
    return violates(rules::kH2cTooLong, pdu.type, pdu.length, max_h2c_data_);
  }
  if (Violation bad = judge_tag(pdu)) {
    return bad;
  }
  if (pdu.length != pdu.data_len) {
    return violates(rules::kH2cLength, pdu.type, pdu.length, pdu.data_len);
  }
  if (pdu.length == 0) {
    return violates(rules::kH2cEmpty, pdu.type, pdu.ttag);
  }
  Window& window = *find(pdu.ttag);
  if (Violation bad = judge_range(pdu, window)) {
    return bad;
  }
  target =
      H2cTarget{.drop = window.state == State::kAbandoned, .last = pdu.last(), .ttag = pdu.ttag, .token = window.token};
  window.received += pdu.length;
  return {};
}

void ControllerTransfers::close_window(std::uint16_t ttag) {
  if (find(ttag) != nullptr) {
    release(index_of(ttag));
  }
}

}  // namespace weft::tcp

#include "receiver.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::tcp {

namespace {

// While payloads of at least kLargePayload flow, reads beyond the payload under way are kept short: their bytes would
// have to be copied, while the next read can put them where they belong.
constexpr std::uint32_t kShortWindow = 8u << 10;
// While memory is low: of padding, a digest, or data that nobody wants.
constexpr std::uint32_t kSmallRead = 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

void Receiver::set_rules(const ReadRules& rules) {
  rules_ = rules;
  batches_ = rules.phase == Phase::kEstablished && !rules.header_digest && !rules.data_digest &&
             data_begins_at_hlen(rules.alignment);
}

void Receiver::make_room(std::uint32_t bytes) {
  if (bytes <= room_size_) return;
  auto room = std::make_unique_for_overwrite<std::byte[]>(bytes);
  if (is_in_room()) {
    std::memcpy(room.get(), capsule_, capsule_length_ - data_left_);
    capsule_ = room.get();
  }
  room_ = std::move(room);
  room_size_ = bytes;
}

void Receiver::take_room_back() {
  if (room_ == nullptr) room_ = std::move(lent_);  // else there is a larger one by now
  lent_.reset();
}

Receiver::Result Receiver::run(Side& sink, Socket& socket, SlabPool& slabs, weft_stats& stats, std::uint64_t limit) {
  if (stopped_) return Result::kStopped;
  if (is_in_room() && !slabs.is_low()) bring_back(slabs, stats);
  const Result result = read(sink, socket, slabs, stats, limit);
  if (capsule_slab_ != nullptr && result != Result::kMore && has_room()) set_aside(slabs, stats);
  return result;
}

// The capsule's data is not whole, and nobody knows when the rest comes.
void Receiver::set_aside(SlabPool& slabs, weft_stats& stats) {
  const std::uint32_t have = capsule_length_ - data_left_;
  assert(have <= room_size_);
  std::memcpy(room_.get(), capsule_, have);
  ++stats.copies;
  stats.copied_bytes += have;
  slabs.release(*capsule_slab_);
  capsule_slab_ = nullptr;
  capsule_ = room_.get();
}

// Into a slab again, where the rest can follow.
void Receiver::bring_back(SlabPool& slabs, weft_stats& stats) {
  const std::uint32_t have = capsule_length_ - data_left_;
  place_in_slab(slabs);
  std::memcpy(capsule_, room_.get(), have);
  ++stats.copies;
  stats.copied_bytes += have;
}

void Receiver::place_in_slab(SlabPool& slabs) {
  const SlabPool::Window window = slabs.window();
  capsule_ = window.bytes.data();
  capsule_slab_ = window.slab;
  SlabPool::hold(*window.slab);
  SlabPool::reserve_up_to(*window.slab, capsule_ + capsule_length_);
}

// What can be taken without a byte of what follows it.
std::uint32_t Receiver::bytes_of_step() const {
  if (skip_left_ != 0) return std::min(skip_left_, kSmallRead);
  if (data_left_ != 0) return std::min(data_left_, kSmallRead);
  if (digest_left_ != 0) return digest_left_;
  return partial_length_ != 0 ? partial_needed_ - partial_length_ : kCommonHeaderSize;
}

Receiver::Result Receiver::read(Side& sink, Socket& socket, SlabPool& slabs, weft_stats& stats, std::uint64_t limit) {
  if (is_parked()) {
    const Range range = parked_;
    parked_ = {};
    const Result result = walk(sink, range, slabs, stats);
    if (result != kGoOn) return result;
  }
  std::array<iovec, kMaxIov + 1> pieces;
  std::array<std::byte, kSmallRead> small;
  for (std::uint64_t total = 0; total < limit;) {
    if (!sink.may_read()) return Result::kBlocked;
    std::uint64_t direct = 0;
    std::uint32_t count = direct_pieces(std::span(pieces).first<kMaxIov>(), direct);
    SlabPool::Window window;
    if (slabs.is_low()) {
      window.bytes = std::span(small).first(direct == 0 ? bytes_of_step() : 0);
    } else {
      window = slabs.window();
      assert(window.slab != nullptr);
      window.bytes = window.bytes.first(std::min<std::size_t>(window.bytes.size(), window_limit_));
    }
    const std::uint32_t direct_count = count;
    if (!window.bytes.empty()) pieces[count++] = {window.bytes.data(), window.bytes.size()};
    const IoResult got = socket.receive(std::span(pieces).first(count));
    ++stats.syscalls_in;
    if (got.count < 0) {
      if (would_block(got.error)) return Result::kDrained;
      error_ = got.error;
      return Result::kError;
    }
    if (got.count == 0) return Result::kEnd;
    const auto bytes = static_cast<std::uint64_t>(got.count);
    stats.bytes_in += bytes;
    total += bytes;
    const std::uint64_t straight = std::min(bytes, direct);
    if (straight != 0) took_direct(sink, std::span(pieces).first(direct_count), straight);
    if (stopped_) return Result::kStopped;
    const auto staged = static_cast<std::uint32_t>(bytes - straight);
    if (staged != 0) {
      const std::span<std::byte> filled =
          window.slab != nullptr ? slabs.commit(window, staged) : window.bytes.first(staged);
      const Result result = walk(sink, {window.slab, filled.data(), filled.data() + filled.size()}, slabs, stats);
      if (result != kGoOn) return result;
    }
    if (bytes < direct + window.bytes.size()) return Result::kDrained;
  }
  return Result::kMore;
}

Receiver::Result Receiver::discard(Socket& socket, SlabPool& slabs, weft_stats& stats) {
  std::array<std::byte, 4096> scratch;
  const SlabPool::Window window = slabs.window();
  const std::span<std::byte> room = window.slab != nullptr ? window.bytes : std::span<std::byte>(scratch);
  for (int round = 0; round < 4; ++round) {
    iovec piece{room.data(), room.size()};
    const IoResult got = socket.receive(std::span(&piece, 1));
    ++stats.syscalls_in;
    if (got.count == 0) return Result::kEnd;
    if (got.count < 0 && would_block(got.error)) return Result::kDrained;
    if (got.count < 0) {
      error_ = got.error;
      return Result::kError;
    }
  }
  return Result::kMore;
}

void Receiver::stop(SlabPool& slabs) {
  stopped_ = true;
  if (parked_.slab != nullptr) slabs.release(*parked_.slab);
  if (capsule_slab_ != nullptr) slabs.release(*capsule_slab_);
  parked_ = {};
  capsule_ = nullptr;
  capsule_slab_ = nullptr;
  payload_ = {};
  under_way_ = retry_ = false;
  partial_length_ = skip_left_ = data_left_ = digest_left_ = 0;
}

void Receiver::forget(const DataOp& op) {
  if (payload_.op != &op) return;
  payload_ = {};
  has_digest_ = false;
}

// The memory that the rest of the payload under way is to go to; none when it is to be dropped, or padding comes first.
std::uint32_t Receiver::direct_pieces(std::span<iovec> out, std::uint64_t& bytes) {
  bytes = 0;
  if (data_left_ == 0 || skip_left_ != 0) return 0;
  if (payload_.to == Payload::To::kCapsule) {
    bytes = data_left_;
    out[0] = {capsule_ + (capsule_length_ - data_left_), data_left_};
    return 1;
  }
  return payload_.to == Payload::To::kOp ? payload_.op->pieces(payload_.position, data_left_, out, bytes) : 0;
}

void Receiver::took_direct(Side& sink, std::span<const iovec> pieces, std::uint64_t count) {
  if (has_digest_ && payload_.to == Payload::To::kOp) {
    std::uint64_t left = count;
    for (const iovec& piece : pieces) {
      const std::uint64_t part = std::min<std::uint64_t>(piece.iov_len, left);
      crc_.update(piece.iov_base, part);
      left -= part;
      if (left == 0) break;
    }
  }
  payload_.position += count;
  data_left_ -= static_cast<std::uint32_t>(count);
  if (data_left_ == 0 && digest_left_ == 0) finish_payload(sink);
}

// Takes everything in the range, unless the side blocks or ends the connection. The caller's reference on the slab
// goes.
Receiver::Result Receiver::walk(Side& sink, Range range, SlabPool& slabs, weft_stats& stats) {
  Result result = kGoOn;
  while (range.begin != range.end || retry_) {
    if (batches_ && !is_inside_pdu()) {
      take_batch(sink, range);
      if (stopped_) {
        result = Result::kStopped;
        break;
      }
      if (range.begin == range.end) break;
    }
    if (skip_left_ != 0) {
      const auto count = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(skip_left_, range.end - range.begin));
      range.begin += count;
      skip_left_ -= count;
    } else if (data_left_ != 0) {
      step_data(range, stats);
    } else if (digest_left_ != 0) {
      step_digest(range);
    } else {
      result = step_header(sink, range, slabs);
      if (result != kGoOn) break;
    }
    if (under_way_ && payload_is_whole()) finish_payload(sink);
    if (stopped_) {
      result = Result::kStopped;
      break;
    }
  }
  if (result == Result::kBlocked && range.slab != nullptr) {
    park(range);
  } else if (range.slab != nullptr) {
    slabs.release(*range.slab);
  }
  return result;
}

// The PDU at the range's begin, if it is left, is judged in full.
void Receiver::take_batch(Side& sink, Range& range) {
  const std::byte* const stop = sink.take_usual(range.slab, range.begin, range.end);
  if (stop == range.begin) return;
  range.begin = stop;
  window_limit_ = kLongestRead;
}

// Keeps the range with its reference, and room behind it for the rest of in-capsule data that it may end with.
void Receiver::park(const Range& range) {
  parked_ = range;
  const std::byte* front_end = range.slab->base + range.slab->fill;
  if (front_end == range.end) SlabPool::reserve_up_to(*range.slab, range.end + SlabPool::kReserve);
}

Receiver::Result Receiver::step_header(Side& sink, Range& range, SlabPool& slabs) {
  if (partial_length_ == 0) {
    const std::span<const std::byte> bytes(range.begin, range.end);
    const ReadOutcome outcome = read_pdu(rules_, bytes);
    if (outcome.kind == ReadKind::kViolation) return offended(bytes, outcome.violation);
    if (outcome.kind == ReadKind::kPdu) return begin_pdu(sink, outcome.pdu, range, 0, slabs);
    assert(bytes.size() < kMaxHeaderSize);
    std::memcpy(partial_.data(), bytes.data(), bytes.size());
    partial_length_ = static_cast<std::uint32_t>(bytes.size());
    partial_needed_ = outcome.needed;
    range.begin = range.end;
    return kGoOn;
  }
  if (!retry_) {
    const auto count = static_cast<std::uint32_t>(
        std::min<std::ptrdiff_t>(partial_needed_ - partial_length_, range.end - range.begin));
    std::memcpy(partial_.data() + partial_length_, range.begin, count);
    partial_length_ += count;
    range.begin += count;
    if (partial_length_ < partial_needed_) return kGoOn;
  }
  retry_ = false;
  const std::span<const std::byte> bytes(partial_.data(), partial_length_);
  const ReadOutcome outcome = read_pdu(rules_, bytes);
  if (outcome.kind == ReadKind::kViolation) return offended(bytes, outcome.violation);
  if (outcome.kind == ReadKind::kPdu) return begin_pdu(sink, outcome.pdu, range, partial_length_, slabs);
  partial_needed_ = outcome.needed;
  return kGoOn;
}

// `consumed` bytes of the PDU came before the range: 0, or all of partial_.
Receiver::Result Receiver::begin_pdu(Side& sink, const Pdu& pdu, Range& range, std::uint32_t consumed,
                                     SlabPool& slabs) {
  const bool inside = pdu.type == PduType::kCapsuleCmd && pdu.data_len != 0;
  if (inside && range.slab == nullptr && !has_room() && slabs.is_low()) {
    retry_ = true;
    return Result::kNoMemory;
  }
  payload_ = {};
  Violation violation;
  switch (sink.take(pdu, payload_, violation)) {
    case Take::kTaken:
      break;
    case Take::kEnded:
      return Result::kStopped;
    case Take::kViolation:
      return offended(consumed != 0 ? std::span<const std::byte>(partial_.data(), consumed)
                                    : std::span<const std::byte>(range.begin, range.end),
                      violation);
    case Take::kBlocked:
      retry_ = consumed != 0;
      return Result::kBlocked;
  }
  partial_length_ = 0;
  skip_left_ = pdu.data_offset - consumed;
  data_left_ = pdu.data_len;
  digest_left_ = pdu.data_digest_len;
  has_digest_ = pdu.data_digest_len != 0;
  under_way_ = data_left_ != 0;
  crc_ = Crc32c{};
  window_limit_ = pdu.data_len >= kLargePayload ? kShortWindow : kLongestRead;
  if (payload_.to == Payload::To::kCapsule) place_capsule(range, slabs);
  return kGoOn;
}

// Behind its header, when that was read into a slab.
void Receiver::place_capsule(const Range& range, SlabPool& slabs) {
  capsule_length_ = data_left_;
  if (range.slab != nullptr) {
    capsule_ = range.slab->base + (range.begin - range.slab->base) + skip_left_;
    capsule_slab_ = range.slab;
    SlabPool::hold(*range.slab);
    if (capsule_ + capsule_length_ > range.end) SlabPool::reserve_up_to(*range.slab, capsule_ + capsule_length_);
  } else if (has_room()) {
    capsule_ = room_.get();
  } else {
    place_in_slab(slabs);
  }
}

void Receiver::step_data(Range& range, weft_stats& stats) {
  const auto count = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(data_left_, range.end - range.begin));
  if (payload_.to == Payload::To::kOp) {
    if (has_digest_) crc_.update(range.begin, count);
    payload_.op->copy_in(payload_.position, range.begin, count);
    payload_.position += count;
    ++stats.copies;
    stats.copied_bytes += count;
  } else if (payload_.to == Payload::To::kCapsule) {
    // Most often it lies where it is to stay; not so what comes in one read with the end of the padding.
    std::byte* place = capsule_ + (capsule_length_ - data_left_);
    if (place != range.begin) std::memcpy(place, range.begin, count);
  }
  range.begin += count;
  data_left_ -= count;
}

void Receiver::step_digest(Range& range) {
  const auto count = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(digest_left_, range.end - range.begin));
  std::memcpy(digest_.data() + (kDigestSize - digest_left_), range.begin, count);
  range.begin += count;
  digest_left_ -= count;
}

void Receiver::finish_payload(Side& sink) {
  bool good = true;
  if (has_digest_) {
    if (payload_.to == Payload::To::kCapsule) crc_.update(capsule_, capsule_length_);
    if (payload_.to != Payload::To::kDiscard) good = read_digest(digest_.data()) == crc_.value();
  }
  const std::byte* data = capsule_;
  Slab* slab = capsule_slab_;
  if (is_in_room()) lent_ = std::move(room_);
  capsule_ = nullptr;
  capsule_slab_ = nullptr;
  under_way_ = false;
  payload_ = {};
  sink.payload_done(good, data, slab);
}

Receiver::Result Receiver::offended(std::span<const std::byte> bytes, const Violation& violation) {
  violation_ = violation;
  offender_length_ = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), offender_.size()));
  std::memcpy(offender_.data(), bytes.data(), offender_length_);
  return Result::kViolation;
}

}  // namespace weft::tcp

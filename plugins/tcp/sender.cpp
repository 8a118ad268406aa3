#include "sender.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace weft::tcp {

namespace {

constexpr int kRounds = 4;  // sendmsg calls for one connection before the next one has its turn

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

std::uint64_t wire_length(const WriteRules& rules, std::uint32_t header, std::uint32_t payload) {
  return std::uint64_t{header} + payload + data_trailer(rules, payload);
}

}  // namespace

void SendBuffer::reset(std::uint64_t most) {
  most_ = most;
  used_ = 0;
  pieces_ = 0;
  bytes_ = 0;
  part_count = 0;
}

void SendBuffer::add_gathered(std::uint32_t pieces, std::uint64_t bytes) {
  pieces_ += pieces;
  bytes_ += bytes;
}

void Batch::add_payload(DataOp& op, std::uint32_t length) {
  if (length >= kCopyBelow) {
    buffer_.free_pieces()[0] = {op.list[0].iov_base, length};
    buffer_.add_gathered(1, length);
    return;
  }
  op.copy_out(0, buffer_.tail(), length);
  buffer_.add_copied(length);
  ++stats_.copies;
  stats_.copied_bytes += length;
}

void Sender::set_rules(const WriteRules& rules) {
  rules_ = rules;
  batches_ = !rules.header_digest && !rules.data_digest && data_begins_at_hlen(rules.alignment);
}

Sender::Result Sender::pump(Side& source, Socket& socket, SendBuffer& buffer, weft_stats& stats) {
  for (int round = 0; round < kRounds; ++round) {
    build(source, buffer, stats);
    if (buffer.bytes() == 0) return Result::kDrained;
    const IoResult result = socket.send(buffer.pieces());
    ++stats.syscalls_out;
    if (result.count < 0) {
      if (would_block(result.error)) return Result::kSocketFull;
      error_ = result.error;
      return Result::kError;
    }
    const auto sent = static_cast<std::uint64_t>(result.count);
    stats.bytes_out += sent;
    settle(source, buffer, sent);
    if (sent < buffer.bytes()) return Result::kSocketFull;
  }
  return Result::kMore;
}

void Sender::build(Side& source, SendBuffer& buffer, weft_stats& stats) {
  buffer.reset(most_in_a_call_);
  whole_ = false;
  std::uint64_t from = head_sent_;
  for (const Frame& frame : frames_) {
    if (buffer.full() || !append(source, frame, from, buffer, stats)) return;
    from = 0;
  }
  Batch batch(frames_, buffer, stats);
  for (;;) {
    if (batches_) source.add_usual(batch);
    if (batch.full()) break;
    Frame& frame = frames_.emplace_back();
    if (!source.next_frame(frame)) {
      frames_.pop_back();
      break;
    }
    if (!append(source, frame, 0, buffer, stats)) return;
  }
  whole_ = true;
}

// Puts the frame from its byte `from` on into the batch. False: there was no room for all of it.
bool Sender::append(Side& source, const Frame& frame, std::uint64_t from, SendBuffer& buffer, weft_stats& stats) {
  SendBuffer::Part& part = buffer.parts[buffer.part_count++];
  part = SendBuffer::Part{};
  const std::uint64_t before = buffer.bytes();
  std::byte* start = buffer.tail();
  part.header = source.write_header(frame, HeaderBuffer(start, kMaxHeaderSize));
  if (from < part.header) {
    if (from != 0) std::copy(start + from, start + part.header, start);
    buffer.add_copied(part.header - static_cast<std::uint32_t>(from));
  }
  bool whole = true;
  if (frame.payload() != 0) {
    part.payload_start =
        from <= part.header ? 0 : static_cast<std::uint32_t>(std::min<std::uint64_t>(from - part.header, frame.length));
    Crc32c crc = from > part.header ? head_crc_ : Crc32c{};
    whole = append_payload(frame, buffer, part, crc, stats);
    if (whole && rules_.data_digest) {
      std::byte digest[kDigestSize];
      write_digest(digest, crc.value());
      const std::uint64_t trailer = std::uint64_t{part.header} + frame.length;
      const auto skip = static_cast<std::uint32_t>(from > trailer ? from - trailer : 0);
      std::copy(digest + skip, digest + kDigestSize, buffer.tail());
      buffer.add_copied(kDigestSize - skip);
    }
  }
  part.wire = buffer.bytes() - before;
  return whole;
}

bool Sender::append_payload(const Frame& frame, SendBuffer& buffer, SendBuffer::Part& part, Crc32c& crc,
                            weft_stats& stats) {
  const std::uint32_t left = frame.length - part.payload_start;
  if (left == 0) return true;
  const std::uint64_t position = std::uint64_t{frame.offset} - frame.op->offset + part.payload_start;
  if (rules_.data_digest || left < kCopyBelow) {
    const std::uint32_t count = std::min(left, buffer.room() - kDigestSize);
    part.copy = buffer.tail();
    frame.op->copy_out(position, buffer.tail(), count);
    if (rules_.data_digest) crc.update(buffer.tail(), count);
    buffer.add_copied(count);
    ++stats.copies;
    stats.copied_bytes += count;
    return count == left;
  }
  std::uint64_t covered = 0;
  const std::span<iovec> free = buffer.free_pieces();
  const std::uint32_t pieces = frame.op->pieces(position, left, free.first(free.size() - 1), covered);
  buffer.add_gathered(pieces, covered);
  return covered == left;
}

// The socket took `sent` bytes of the batch: frames that left in full are told, the first that did not is the new head.
void Sender::settle(Side& source, SendBuffer& buffer, std::uint64_t sent) {
  if (whole_ && sent == buffer.bytes()) {
    head_sent_ = 0;
    source.frames_sent(frames_);
    frames_.clear();
    return;
  }
  std::size_t done = 0;
  std::uint64_t already = head_sent_;
  bool continued = head_sent_ != 0;
  for (std::uint32_t i = 0; i < buffer.part_count; ++i) {
    const SendBuffer::Part& part = buffer.parts[i];
    const Frame& frame = frames_[i];
    const std::uint64_t whole = wire_length(rules_, part.header, frame.payload());
    const std::uint64_t taken = std::min(sent, part.wire);
    sent -= taken;
    if (already + taken < whole) {
      cut(frame, part, continued, taken);
      break;
    }
    head_sent_ = 0;
    ++done;
    already = 0;
    continued = false;
  }
  for (std::size_t i = 0; i < done; ++i) source.frame_sent(frames_[i]);
  frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(done));
}

// `taken` more bytes of the frame have left, but not its last one: remembers how far it is, and the digest up to there.
void Sender::cut(const Frame& frame, const SendBuffer::Part& part, bool continued, std::uint64_t taken) {
  const std::uint64_t before = continued ? head_sent_ : 0;
  const std::uint64_t now = before + taken;
  if (!continued || before <= part.header) head_crc_ = Crc32c{};
  if (rules_.data_digest && frame.payload() != 0 && now > part.header) {
    const std::uint64_t payload_end = std::min<std::uint64_t>(now - part.header, frame.length);
    if (part.copy != nullptr && payload_end > part.payload_start)
      head_crc_.update(part.copy, payload_end - part.payload_start);
  }
  head_sent_ = now;
}

std::uint32_t Sender::recall(const DataOp& op) {
  const auto first = frames_.begin() + (head_sent_ != 0 && !frames_.empty() ? 1 : 0);
  const auto gone = std::remove_if(first, frames_.end(), [&](const Frame& frame) {
    return frame.op == &op && (frame.kind == Frame::Kind::kH2cData || frame.kind == Frame::Kind::kC2hData);
  });
  const auto count = static_cast<std::uint32_t>(frames_.end() - gone);
  frames_.erase(gone, frames_.end());
  return count;
}

bool Sender::forget() {
  const bool clean = head_sent_ == 0;
  frames_.clear();
  head_sent_ = 0;
  return clean;
}

}  // namespace weft::tcp

// host_side_usual.cpp - the straight line for what a host mostly receives and sends on a connection without digests:
// responses, and the data of a read in one C2HData; capsules. What it takes, the code in host_side.cpp and
// host_transfer.cpp would take with the same outcome; it refuses nothing. What it sends, host_side.cpp and pdu_writer.cpp
// would send next, byte for byte.
#include <cstring>

#include "connection.hpp"
#include "group.hpp"
#include "host_side.hpp"

namespace weft::tcp {

namespace {

constexpr std::uint32_t kUsualHeader = header_size(PduType::kC2hData);
static_assert(header_size(PduType::kCapsuleResp) == kUsualHeader);
constexpr std::size_t kCqeCid = 12;

constexpr std::uint64_t kSuccessBit = std::uint64_t{kFlagSuccess} << 8;

}  // namespace

const std::byte* HostSide::take_usual(Slab*, const std::byte* at, const std::byte* end) {
  while (static_cast<std::size_t>(end - at) >= kUsualHeader) {
    if (load<le64>(at) == plain_header(PduType::kCapsuleResp, 0, 0)) {
      const std::byte* const cqe = at + kCommonHeaderSize;
      const std::uint16_t cid = load<le16>(cqe + kCqeCid);
      if (!was_sent(cid)) break;
      at += kUsualHeader;
      answered(cid, cqe, false);
    } else {
      const std::uint32_t taken = take_whole_read(at, end);
      if (taken == 0) break;
      at += taken;
    }
    if (!connection_.is_ready()) break;
  }
  return at;
}

// Bytes of the C2HData at `at`, all of them taken; 0, and nothing done: it is not all data of a read, or not all there.
std::uint32_t HostSide::take_whole_read(const std::byte* at, const std::byte* end) {
  const auto pdu = load<DataPdu>(at);
  const std::uint64_t header = load<le64>(at);
  const std::uint32_t length = pdu.datal;
  const std::uint16_t cid = pdu.cccid;
  const bool usual = length - 1 < kLargePayload - 1 && pdu.datao == 0 &&
                     (header & ~kSuccessBit) == plain_header(PduType::kC2hData, kFlagLast, length) &&
                     static_cast<std::size_t>(end - at) >= kUsualHeader + std::size_t{length};
  if (!usual || !was_sent(cid) || !transfers_.on_whole_c2h(cid, length)) return 0;
  commands_[cid].op->copy_in(0, at + kUsualHeader, length);
  weft_stats& stats = connection_.counters();
  ++stats.copies;
  stats.copied_bytes += length;
  transfers_.moved(cid, length);
  if ((header & kSuccessBit) != 0) {
    const std::array<std::byte, kCqeSize> cqe = implied_cqe(cid);
    answered(cid, cqe.data(), true);
  }
  return kUsualHeader + length;
}

// ---- sending -------------------------------------------------------------------------------------------------------

void HostSide::add_usual(Batch& batch) {
  while (!capsules_.empty() && !batch.full()) {
    const std::uint32_t cid = capsules_.front();
    const Command& command = commands_[cid];
    if (command.in_capsule && !batch.has_room(*command.op, command.length)) return;
    capsules_.remove(cid, hooks());
    add_capsule(batch, cid);
  }
}

void HostSide::add_capsule(Batch& batch, std::uint32_t cid) {
  constexpr std::uint64_t kInCapsule = 0x01, kTransport = 0x5a;  // SGL1's identifier
  constexpr std::size_t kFlagsAt = kCommonHeaderSize + 1, kSgl1At = kCommonHeaderSize + 24;
  const Command& command = commands_[cid];
  const std::uint32_t inside = command.in_capsule ? command.length : 0;
  Frame frame;
  frame.op = command.op;
  frame.index = cid;
  frame.length = inside;
  frame.kind = Frame::Kind::kCapsuleCmd;
  std::byte* const out = batch.add(frame, header_size(PduType::kCapsuleCmd));
  store(out, le64(plain_header(PduType::kCapsuleCmd, 0, inside)));
  std::memcpy(out + kCommonHeaderSize, command.sqe.data(), kSqeSize);
  out[kFlagsAt] = (out[kFlagsAt] & std::byte{0x3f}) | std::byte{0x40};  // PSDT: SGL, contiguous metadata pointer
  store(out + kSgl1At, le64(std::uint64_t{0}));
  store(out + kSgl1At + 8, le64(command.length | (inside != 0 ? kInCapsule : kTransport) << 56));
  if (inside != 0) batch.add_payload(*command.op, inside);
}

void HostSide::frames_sent(std::span<const Frame> frames) {
  for (const Frame& frame : frames) HostSide::frame_sent(frame);
}

}  // namespace weft::tcp

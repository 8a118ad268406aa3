// host_side_usual.cpp - the straight line for what a host mostly receives on a connection without digests: responses, and
// the data of a read in one C2HData. What it takes, the code in host_side.cpp and host_transfer.cpp would take with the same
// outcome; it refuses nothing.
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

}  // namespace weft::tcp

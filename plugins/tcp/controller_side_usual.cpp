// controller_side_usual.cpp - the straight line for what a controller mostly receives on a connection without digests:
// capsules without data, and those of writes with all of their data. What it takes, the code in controller_side_rx.cpp and
// sgl.cpp would take with the same outcome; it refuses nothing.
#include <cstring>

#include "connection.hpp"
#include "controller_side.hpp"
#include "group.hpp"

namespace weft::tcp {

namespace {

constexpr std::uint32_t kCapsuleSize = header_size(PduType::kCapsuleCmd);
constexpr std::uint32_t kNotUsual = 0xffffffffu;

// What is judged of the SQE: its first word (opcode, flags) and SGL1 (address; length and identifier as one number).
constexpr std::size_t kSgl1Address = 24, kSgl1Length = 32;
constexpr std::uint32_t kWordPsdt = 0xc000, kWordPsdtSgl = 0x4000;
constexpr std::uint32_t kWordDirection = 3, kWordToController = 1;  // Fabrics (7fh) has both bits
constexpr std::uint64_t kSgl1InCapsule = 0x01, kSgl1Transport = 0x5a;

// Bytes of data in the capsule that lies at `at`; kNotUsual: not a usual one, or not all of it lies there.
std::uint32_t usual_payload(const std::byte* at, const std::byte* end, std::uint32_t max_in_capsule) {
  const std::uint64_t header = load<le64>(at);
  const std::byte* const sqe = at + kCommonHeaderSize;
  const std::uint32_t word = load<le32>(sqe);
  const std::uint64_t sgl = load<le64>(sqe + kSgl1Length);
  if ((word & kWordPsdt) != kWordPsdtSgl) return kNotUsual;
  if (header == plain_header(PduType::kCapsuleCmd, 0, 0)) return sgl >> 56 == kSgl1Transport ? 0 : kNotUsual;
  const auto length = static_cast<std::uint32_t>(sgl);
  const bool fits = length - 1 < kLargePayload - 1 && length <= max_in_capsule &&
                    static_cast<std::size_t>(end - at) >= kCapsuleSize + std::size_t{length};
  if (!fits || header != plain_header(PduType::kCapsuleCmd, 0, length)) return kNotUsual;
  const bool usual = sgl >> 56 == kSgl1InCapsule && load<le64>(sqe + kSgl1Address) == 0 &&
                     (word & kWordDirection) == kWordToController;
  return usual ? length : kNotUsual;
}

}  // namespace

const std::byte* ControllerSide::take_usual(Slab* slab, const std::byte* at, const std::byte* end) {
  while (static_cast<std::size_t>(end - at) >= kCapsuleSize) {
    const std::uint32_t payload = usual_payload(at, end, usual_in_capsule_);
    if (payload == kNotUsual || unanswered_ >= depth_ || free_.empty()) break;
    std::uint32_t token = 0;
    Command& command = take_token(token);
    const std::byte* const sqe = at + kCommonHeaderSize;
    std::memcpy(command.sqe.data(), sqe, kSqeSize);
    command.data_length = load<le32>(sqe + kSgl1Length);
    command.status = 0;
    command.error_offset = 0;
    const bool inside = payload != 0;
    command.place = inside ? SglPlace::kInCapsule : command.data_length != 0 ? SglPlace::kTransport : SglPlace::kNone;
    static_cast<void>(transfers_->begin(token, load<le16>(sqe + 2), inside ? 0 : command.data_length));
    at += kCapsuleSize;
    if (inside) {
      command.data = at;
      command.slab = slab;
      SlabPool::hold(*slab);
      capsule_bytes_ += payload;
      at += payload;
    }
    deliver(token);
    if (!connection_.is_ready()) break;
  }
  return at;
}

}  // namespace weft::tcp

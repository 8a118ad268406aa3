#include "sgl.hpp"

#include <algorithm>

#include "pdu.hpp"

namespace weft::tcp {

namespace {

// Bytes of the SQE.
constexpr std::uint16_t kOpcode = 0, kFlags = 1, kFctype = 4, kSglAddress = 24, kSglLength = 32, kSglIdentifier = 39;
constexpr std::uint8_t kFabricsOpcode = 0x7f;
constexpr std::uint8_t kTypeDataBlock = 0x0, kTypeTransport = 0x5;
constexpr std::uint8_t kSubtypeOffset = 0x1, kSubtypeTransport = 0xa;

std::uint8_t byte_at(const std::byte* sqe, std::size_t offset) { return static_cast<std::uint8_t>(sqe[offset]); }
bool is_fabrics(const std::byte* sqe) { return byte_at(sqe, kOpcode) == kFabricsOpcode; }

SglVerdict refuse(std::uint16_t status, std::uint16_t offset) {
  return SglVerdict{.place = SglPlace::kRefused, .length = 0, .status = status, .error_offset = offset};
}

// 01b (SGL, contiguous metadata) is what hosts send with every command; some send 00b with Fabrics commands.
bool is_psdt_right(const std::byte* sqe) {
  const int psdt = byte_at(sqe, kFlags) >> 6;
  return psdt == 1 || (psdt == 0 && is_fabrics(sqe));
}

SglVerdict in_capsule(const std::byte* sqe, std::uint32_t length, std::uint32_t payload, const SglLimits& limits) {
  const std::uint32_t limit =
      limits.admin_queue || is_fabrics(sqe) ? std::max(kAdminInCapsule, limits.max_in_capsule) : limits.max_in_capsule;
  if (length > limit || payload > limit) {
    return refuse(kStatusSglOffsetInvalid, kSglLength);
  }
  if (length != payload) {
    return refuse(kStatusSglLengthInvalid, kSglLength);
  }
  if (length == 0) {
    return {};
  }
  const DataDirection direction = data_direction(sqe);
  if (direction.to_host && !direction.to_controller) {
    return refuse(kStatusInvalidField, kSglIdentifier);  // data in the capsule of a command that is to return data
  }
  return SglVerdict{.place = SglPlace::kInCapsule, .length = length};
}

}  // namespace

DataDirection data_direction(const std::byte* sqe) {
  const std::uint8_t code = byte_at(sqe, is_fabrics(sqe) ? kFctype : kOpcode);
  return {.to_controller = (code & 1) != 0, .to_host = (code & 2) != 0};
}

SglVerdict classify_sgl(const std::byte* sqe, std::uint32_t payload, const SglLimits& limits) {
  if (!is_psdt_right(sqe)) {
    return refuse(kStatusInvalidField, kFlags);
  }
  const auto address = load<le64>(sqe + kSglAddress).value();
  const auto length = load<le32>(sqe + kSglLength).value();
  const int type = byte_at(sqe, kSglIdentifier) >> 4;
  const int subtype = byte_at(sqe, kSglIdentifier) & 0xf;
  const bool absent = type == kTypeDataBlock && subtype == 0 && address == 0 && length == 0;
  if (absent && payload == 0) {
    return {};
  }
  if (type != kTypeDataBlock && type != kTypeTransport) {
    return refuse(kStatusSglTypeInvalid, kSglIdentifier);
  }
  if (subtype != (type == kTypeDataBlock ? kSubtypeOffset : kSubtypeTransport)) {
    return refuse(kStatusInvalidField, kSglIdentifier);
  }
  if (type == kTypeDataBlock && address != 0) {  // of a transport data block these bytes are reserved
    return refuse(kStatusSglOffsetInvalid, kSglAddress);
  }
  if (type == kTypeDataBlock) {
    return in_capsule(sqe, length, payload, limits);
  }
  if (payload != 0) {
    return refuse(kStatusInvalidField, kSglIdentifier);  // data in the capsule, which the descriptor does not name
  }
  return SglVerdict{.place = length != 0 ? SglPlace::kTransport : SglPlace::kNone, .length = length};
}

}  // namespace weft::tcp

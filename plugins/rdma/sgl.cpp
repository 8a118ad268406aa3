#include "sgl.hpp"

#include <algorithm>

#include "weft/nvme.hpp"

namespace weft::rdma {

namespace {

namespace sgl = nvme::sgl;
using nvme::KeyedSglDescriptor;
using nvme::SglDescriptor;
using Segments = std::array<RemoteSegment, kMostDescriptors>;

// Bytes of the SQE.
constexpr std::uint16_t kFlagsAt = 1, kAddressAt = 24, kLengthAt = 32, kIdentifierAt = 39;

SglVerdict refuse(std::uint16_t status, std::uint16_t offset) {
  return SglVerdict{.place = SglPlace::kRefused, .status = status, .error_offset = offset};
}

// 01b (SGL, contiguous metadata) is what hosts send with every command; some send 00b with Fabrics commands.
bool is_psdt_right(const nvme::Sqe& sqe) {
  return sqe.psdt() == nvme::flags::kPsdtSgl || (sqe.psdt() == nvme::flags::kPsdtPrp && sqe.is_fabrics());
}

// Adds a keyed data block to what `verdict` has; an empty one adds nothing. False: `verdict` says why.
bool add_keyed(const KeyedSglDescriptor& keyed, SglVerdict& verdict, Segments& segments) {
  const SglDescriptor plain = keyed.descriptor();
  if (plain.type() != sgl::kTypeKeyedDataBlock) {
    verdict = refuse(kStatusSglTypeInvalid, kIdentifierAt);
    return false;
  }
  if (plain.subtype() != sgl::kSubtypeAddress && plain.subtype() != sgl::kSubtypeInvalidateKey) {
    verdict = refuse(kStatusInvalidField, kIdentifierAt);
    return false;
  }
  const std::uint64_t address = keyed.address;
  const std::uint32_t length = keyed.length();
  if (length == 0) return true;
  if (address > UINT64_MAX - (length - 1)) {  // it would go on at address 0
    verdict = refuse(kStatusInvalidField, kAddressAt);
    return false;
  }
  segments[verdict.count++] = {.address = address, .length = length, .key = keyed.key};
  verdict.length += length;  // 16 times 24 bits at most
  verdict.invalidate = plain.subtype() == sgl::kSubtypeInvalidateKey;
  verdict.invalidate_key = keyed.key;
  return true;
}

SglVerdict read_in_capsule(const nvme::Sqe& sqe, std::uint64_t payload, const SglLimits& limits) {
  const std::uint64_t offset = sqe.sgl.address;
  const std::uint32_t length = sqe.sgl.length;
  if (length == 0) return {};
  if (sqe.direction() == nvme::Direction::kControllerToHost)
    return refuse(kStatusInvalidField, kIdentifierAt);  // data in the capsule of a command that is to return data
  if (offset > limits.max_in_capsule) return refuse(kStatusSglOffsetInvalid, kAddressAt);
  if (length > limits.max_in_capsule - offset) return refuse(kStatusSglOffsetInvalid, kLengthAt);
  if (offset + length > payload) return refuse(kStatusSglLengthInvalid, kLengthAt);
  return SglVerdict{.place = SglPlace::kInCapsule, .length = length, .offset = static_cast<std::uint32_t>(offset)};
}

SglVerdict read_list(const nvme::Sqe& sqe, std::span<const std::byte> payload, const SglLimits& limits,
                     Segments& segments) {
  constexpr std::uint32_t kEach = sizeof(KeyedSglDescriptor);
  const std::uint64_t offset = sqe.sgl.address;
  const std::uint32_t bytes = sqe.sgl.length;
  if (bytes == 0 || bytes % kEach != 0) return refuse(kStatusSglSegmentInvalid, kLengthAt);
  if (bytes / kEach > std::min(limits.max_descriptors, kMostDescriptors))
    return refuse(kStatusSglCountInvalid, kLengthAt);
  if (offset > payload.size() || bytes > payload.size() - offset) return refuse(kStatusSglOffsetInvalid, kAddressAt);
  SglVerdict verdict{.place = SglPlace::kRemote};
  for (std::uint32_t at = 0; at < bytes; at += kEach)
    if (!add_keyed(load<KeyedSglDescriptor>(payload.data() + offset + at), verdict, segments)) return verdict;
  return verdict;
}

}  // namespace

SglVerdict read_sgl(const std::byte* sqe_bytes, std::span<const std::byte> payload, const SglLimits& limits,
                    Segments& segments) {
  const auto sqe = load<nvme::Sqe>(sqe_bytes);
  if (!is_psdt_right(sqe)) return refuse(kStatusInvalidField, kFlagsAt);
  SglVerdict verdict{.place = SglPlace::kRemote};
  switch (sqe.sgl.type()) {
    case sgl::kTypeKeyedDataBlock:
      add_keyed(KeyedSglDescriptor::from(sqe.sgl), verdict, segments);
      break;
    case sgl::kTypeDataBlock:
      if (sqe.sgl.subtype() == sgl::kSubtypeOffset) return read_in_capsule(sqe, payload.size(), limits);
      if (sqe.sgl.subtype() != sgl::kSubtypeAddress || sqe.sgl.length != 0)
        return refuse(kStatusInvalidField, kIdentifierAt);
      return {};
    case sgl::kTypeLastSegment:
      if (sqe.sgl.subtype() != sgl::kSubtypeOffset) return refuse(kStatusInvalidField, kIdentifierAt);
      verdict = read_list(sqe, payload, limits, segments);
      break;
    default:
      return refuse(kStatusSglTypeInvalid, kIdentifierAt);
  }
  return verdict.place == SglPlace::kRemote && verdict.count == 0 ? SglVerdict{} : verdict;
}

RemoteSegment locate(std::span<const RemoteSegment> segments, std::uint64_t position) {
  for (const RemoteSegment& segment : segments) {
    if (position < segment.length)
      return {.address = segment.address + position,
              .length = static_cast<std::uint32_t>(segment.length - position),
              .key = segment.key};
    position -= segment.length;
  }
  return {};
}

}  // namespace weft::rdma

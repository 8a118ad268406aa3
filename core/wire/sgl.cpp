#include "core/wire/sgl.hpp"

#include <fmt/format.h>

namespace weft::wire {
namespace {

using nvme::SglDescriptor;

NvmeStatus check_in_capsule(const SglDescriptor& descriptor, const SglRules& rules) {
  if (descriptor.subtype() != nvme::sgl::kSubtypeOffset) return nvme::status::kInvalidField;
  if (!rules.in_capsule) return nvme::status::kSglDescriptorTypeInvalid;
  const std::uint64_t offset = descriptor.address;
  const std::uint64_t length = descriptor.length;
  // Subtraction, not offset + length: the peer chooses both, and the sum may wrap.
  if (offset > rules.capsule_bytes || length > rules.capsule_bytes - offset) return nvme::status::kSglOffsetInvalid;
  return nvme::status::kSuccess;
}

NvmeStatus check_transport(const SglDescriptor& descriptor, const SglRules& rules) {
  if (!rules.transport) return nvme::status::kSglDescriptorTypeInvalid;
  if (descriptor.subtype() != nvme::sgl::kSubtypeTransport) return nvme::status::kInvalidField;
  return nvme::status::kSuccess;
}

NvmeStatus check_keyed(const SglDescriptor& descriptor, const SglRules& rules) {
  if (!rules.keyed) return nvme::status::kSglDescriptorTypeInvalid;
  const std::uint8_t subtype = descriptor.subtype();
  if (subtype != nvme::sgl::kSubtypeAddress && subtype != nvme::sgl::kSubtypeInvalidateKey) {
    return nvme::status::kInvalidField;
  }
  return nvme::status::kSuccess;
}

NvmeStatus check_descriptor(const SglDescriptor& descriptor, const SglRules& rules) {
  switch (descriptor.type()) {
    case nvme::sgl::kTypeDataBlock:
      return check_in_capsule(descriptor, rules);
    case nvme::sgl::kTypeTransportDataBlock:
      return check_transport(descriptor, rules);
    case nvme::sgl::kTypeKeyedDataBlock:
      return check_keyed(descriptor, rules);
    default:
      return nvme::status::kSglDescriptorTypeInvalid;
  }
}

}  // namespace

NvmeStatus check_sgl(const nvme::Sqe& sqe, const SglRules& rules) {
  // The specification's text calls the flags byte of Property Get, Property Set and Disconnect zero, while hosts send
  // SGL on all commands: both are accepted.
  const bool psdt_ok = sqe.psdt() == nvme::flags::kPsdtSgl || (sqe.is_fabrics() && sqe.flags == 0);
  if (!psdt_ok) return nvme::status::kInvalidField.dnr();
  if (sqe.direction() == nvme::Direction::kNone) return nvme::status::kSuccess;
  const NvmeStatus status = check_descriptor(sqe.sgl, rules);
  return status.ok() ? status : status.dnr();
}

NvmeStatus check_sgl_length(const nvme::Sqe& sqe, std::uint64_t needed) {
  return sgl_length(sqe.sgl) == needed ? nvme::status::kSuccess : nvme::status::kDataSglLengthInvalid.dnr();
}

std::uint64_t sgl_length(const SglDescriptor& descriptor) {
  if (descriptor.type() == nvme::sgl::kTypeKeyedDataBlock) return nvme::KeyedSglDescriptor::from(descriptor).length();
  return descriptor.length;
}

std::string describe_sgl(const SglDescriptor& descriptor) {
  const std::uint64_t address = descriptor.address;
  const std::uint64_t length = sgl_length(descriptor);
  switch (descriptor.identifier) {
    case nvme::sgl::kInCapsule:
      return fmt::format("in-capsule data, offset {}, {} bytes", address, length);
    case nvme::sgl::kTransport:
      return fmt::format("transport data, {} bytes", length);
    case nvme::sgl::kKeyed:
    case nvme::sgl::kKeyedInvalidate:
      return fmt::format("keyed data{}, address {:#x}, key {:#x}, {} bytes",
                         descriptor.identifier == nvme::sgl::kKeyedInvalidate ? " (invalidate)" : "", address,
                         nvme::KeyedSglDescriptor::from(descriptor).key.value(), length);
    case nvme::sgl::kLastSegmentOffset:
      return fmt::format("last segment in the capsule, offset {}, {} bytes", address, length);
    default:
      return fmt::format("SGL descriptor type {:X}h subtype {:X}h, {} bytes", descriptor.type(), descriptor.subtype(),
                         length);
  }
}

}  // namespace weft::wire

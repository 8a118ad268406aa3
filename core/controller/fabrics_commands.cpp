// Property Get and Property Set.
#include "core/controller/admin_commands.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

constexpr std::uint16_t kAttribAt = at::kCdw10;
constexpr std::uint16_t kOffsetAt = at::kCdw11;

}  // namespace

Answer property_get(AdminContext& context) {
  const auto command = fabrics::as<fabrics::PropertyGetCommand>(context.sqe());
  const std::uint8_t size = command.attrib & fabrics::kPropertySizeMask;
  if (size > fabrics::kPropertySize8) return invalid_field(kAttribAt);
  const auto value = context.controller.registers().get(command.offset, size == fabrics::kPropertySize8);
  return value ? success(*value) : invalid_field(kOffsetAt);
}

Answer property_set(AdminContext& context) {
  const auto command = fabrics::as<fabrics::PropertySetCommand>(context.sqe());
  if (command.offset != nvme::property::kCc) return invalid_field(kOffsetAt);
  if ((command.attrib & fabrics::kPropertySizeMask) != fabrics::kPropertySize4) return invalid_field(kAttribAt);
  context.controller.write_cc(static_cast<std::uint32_t>(command.value));
  return success();
}

}  // namespace weft::controller

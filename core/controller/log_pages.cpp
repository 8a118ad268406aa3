// Get Log Page.
#include <algorithm>

#include "core/controller/admin_commands.hpp"
#include "core/controller/queue.hpp"
#include "core/wire/text_field.hpp"
#include "weft/fabrics.hpp"
#include "weft/version.hpp"

namespace weft::controller {
namespace {

using Arguments = nvme::GetLogPageArguments;
namespace lid = nvme::log_page;

constexpr std::uint16_t kLidAt = at::kCdw10;
constexpr std::uint16_t kOffsetTypeAt = at::kCdw14 + 2;
constexpr std::uint8_t kIndexOffset = 0x80;
constexpr Nanoseconds kSecond = 1'000'000'000;

constexpr std::array<std::uint8_t, 6> kIoPages = {
    lid::kSupportedLogPages, lid::kError,         lid::kSmart, lid::kFirmwareSlot,
    lid::kChangedNamespaces, lid::kCommandEffects};
constexpr std::array<std::uint8_t, 3> kDiscoveryPages = {lid::kSupportedLogPages, lid::kError, lid::kDiscovery};

std::span<const std::uint8_t> supported(const AdminContext& context) {
  return context.controller.discovery() ? std::span<const std::uint8_t>(kDiscoveryPages)
                                        : std::span<const std::uint8_t>(kIoPages);
}

template <class T>
Answer send(AdminContext& context, const T& page) {
  return put_window(context.request, std::as_bytes(std::span(&page, 1)), context.sqe().arguments<Arguments>().offset);
}

Answer supported_pages(AdminContext& context) {
  nvme::SupportedLogPages page;
  for (const std::uint8_t id : supported(context)) page.lid[id] = 1;
  return send(context, page);
}

Answer error_page(AdminContext& context) {
  return put_window(context.request, context.controller.error_log().page(),
                    context.sqe().arguments<Arguments>().offset);
}

// Of the controller; there is none of a single namespace.
Answer smart_page(AdminContext& context) {
  const std::uint32_t nsid = context.sqe().nsid;
  if (nsid != 0 && nsid != nvme::kNsidAll) return invalid_field(at::kNsid);
  const std::uint64_t errors = context.controller.error_log().count();
  return send(context, smart_log(context.controller.totals(), errors, context.uptime / kSecond));
}

Answer firmware_page(AdminContext& context) {
  nvme::FirmwareSlotLog page;
  page.afi = 1;
  wire::write_text(page.revision[0], version());
  return send(context, page);
}

Answer effects_page(AdminContext& context) {
  using namespace nvme::command_effects;
  nvme::CommandEffectsLog page;
  if (context.sqe().arguments<Arguments>().csi != nvme::csi::kNvm) return send(context, page);  // it has no commands
  for (const std::uint8_t opcode :
       {nvme::admin::kGetLogPage, nvme::admin::kIdentify, nvme::admin::kAbort, nvme::admin::kSetFeatures,
        nvme::admin::kGetFeatures, nvme::admin::kAsyncEventRequest, nvme::admin::kKeepAlive}) {
    page.admin[opcode] = kSupported;
  }
  for (const std::uint8_t opcode : {nvme::io::kFlush, nvme::io::kRead, nvme::io::kCompare, nvme::io::kVerify}) {
    page.io[opcode] = kSupported;
  }
  for (const std::uint8_t opcode :
       {nvme::io::kWrite, nvme::io::kWriteUncorrectable, nvme::io::kWriteZeroes, nvme::io::kDatasetManagement}) {
    page.io[opcode] = kSupported | kChangesLogicalBlocks;
  }
  return send(context, page);
}

Answer changed_namespaces(AdminContext& context) {
  const Answer answer = send(context, context.controller.changed_namespaces().page());
  if (answer.ok() && !context.sqe().arguments<Arguments>().retain_async_event()) {
    context.controller.changed_namespaces().clear();
  }
  return answer;
}

Answer discovery_page(AdminContext& context) {
  const auto page = context.discovery.page(context.controller, context.request.queue->info());
  return put_window(context.request, page, context.sqe().arguments<Arguments>().offset,
                    context.controller.discovery_view);
}

Answer page(AdminContext& context, std::uint8_t id) {
  switch (id) {
    case lid::kSupportedLogPages:
      return supported_pages(context);
    case lid::kError:
      return error_page(context);
    case lid::kSmart:
      return smart_page(context);
    case lid::kFirmwareSlot:
      return firmware_page(context);
    case lid::kChangedNamespaces:
      return changed_namespaces(context);
    case lid::kCommandEffects:
      return effects_page(context);
    case lid::kDiscovery:
      return discovery_page(context);
    default:
      return refuse(nvme::status::kInvalidLogPage, kLidAt);
  }
}

}  // namespace

Answer get_log_page(AdminContext& context) {
  const auto arguments = context.sqe().arguments<Arguments>();
  const auto pages = supported(context);
  if (std::find(pages.begin(), pages.end(), arguments.lid) == pages.end()) {
    return refuse(nvme::status::kInvalidLogPage, kLidAt);
  }
  if ((arguments.offset_type & kIndexOffset) != 0) return invalid_field(kOffsetTypeAt);
  const Answer answer = page(context, arguments.lid);
  if (answer.ok() && !arguments.retain_async_event()) context.controller.events().log_page_read(arguments.lid);
  return answer;
}

}  // namespace weft::controller

// Opcode to handler, for commands on a connected admin queue.
#include "core/controller/admin_commands.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

MaybeAnswer fabrics_command(AdminContext& context) {
  switch (context.sqe().fctype()) {
    case fabrics::fctype::kPropertyGet:
      return property_get(context);
    case fabrics::fctype::kPropertySet:
      return property_set(context);
    case fabrics::fctype::kDisconnect:
      return Answer{fabrics::status::kInvalidQueueType, kNoLocation, 0};
    default:
      return refuse(nvme::status::kInvalidOpcode, at::kNsid);
  }
}

MaybeAnswer abort(AdminContext& context) {
  if (context.controller.discovery()) return refuse(nvme::status::kInvalidOpcode, at::kOpcode);
  return abort_command(context);
}

}  // namespace

MaybeAnswer dispatch(AdminContext& context) {
  Controller& controller = context.controller;
  if (context.sqe().is_fabrics()) return fabrics_command(context);
  if (!controller.registers().ready()) return Answer{nvme::status::kCommandSequenceError, kNoLocation, 0};
  switch (context.sqe().opcode) {
    case nvme::admin::kIdentify:
      return identify(context);
    case nvme::admin::kGetLogPage:
      return get_log_page(context);
    case nvme::admin::kSetFeatures:
      return set_features(context);
    case nvme::admin::kGetFeatures:
      return get_features(context);
    case nvme::admin::kAsyncEventRequest:
      return async_event_request(context);
    case nvme::admin::kKeepAlive:
      return keep_alive(context);
    case nvme::admin::kAbort:
      return abort(context);
    default:
      return refuse(nvme::status::kInvalidOpcode, at::kOpcode);
  }
}

}  // namespace weft::controller

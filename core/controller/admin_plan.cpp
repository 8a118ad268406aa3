#include "core/controller/admin_plan.hpp"

#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

constexpr std::uint16_t kNumdAt = at::kCdw10 + 2;

AdminPlan refused(const Answer& answer) { return {.answer = answer, .length = 0, .to_host = false}; }

AdminPlan moves(std::uint64_t length, std::uint64_t data_length, bool to_host) {
  if (data_length != length) return refused(refuse(nvme::status::kDataSglLengthInvalid, at::kSglLength));
  return {.answer = {}, .length = static_cast<std::uint32_t>(length), .to_host = to_host};
}

AdminPlan plan_log_page(const nvme::Sqe& sqe, std::uint64_t data_length, std::uint64_t max_transfer) {
  const std::uint64_t length = sqe.arguments<nvme::GetLogPageArguments>().length();
  if (length > max_transfer) return refused(invalid_field(kNumdAt));
  return moves(length, data_length, true);
}

// Only the host identifier comes as data; the other features that would are not there.
AdminPlan plan_get_features(const nvme::Sqe& sqe, std::uint64_t data_length) {
  const auto arguments = sqe.arguments<nvme::FeaturesArguments>();
  if (arguments.fid() != nvme::feature::kHostIdentifier || arguments.select() == nvme::feature::kSelectSupported)
    return {};
  if ((arguments.cdw11 & nvme::feature::kExtendedHostId) == 0) return refused(invalid_field(at::kCdw11));
  return moves(16, data_length, true);
}

AdminPlan plan_fabrics(const nvme::Sqe& sqe, std::uint64_t data_length) {
  namespace fctype = fabrics::fctype;
  switch (sqe.fctype()) {
    case fctype::kPropertySet:
    case fctype::kPropertyGet:
    case fctype::kDisconnect:
      return moves(0, data_length, false);
    case fctype::kConnect:  // a second one
      return refused({nvme::status::kCommandSequenceError, kNoLocation, 0});
    default:
      return refused(refuse(nvme::status::kInvalidOpcode, at::kNsid));
  }
}

}  // namespace

AdminPlan plan_admin(const nvme::Sqe& sqe, std::uint64_t data_length, std::uint64_t max_transfer) {
  const bool psdt_ok = sqe.psdt() == nvme::flags::kPsdtSgl || (sqe.is_fabrics() && sqe.psdt() == 0);
  if (!psdt_ok || sqe.fuse() != 0) return refused(invalid_field(at::kFlags));
  if (sqe.is_fabrics()) return plan_fabrics(sqe, data_length);
  switch (sqe.opcode) {
    case nvme::admin::kIdentify:
      return moves(nvme::kIdentifySize, data_length, true);
    case nvme::admin::kGetLogPage:
      return plan_log_page(sqe, data_length, max_transfer);
    case nvme::admin::kGetFeatures:
      return plan_get_features(sqe, data_length);
    case nvme::admin::kSetFeatures:  // none that has data can be set; what comes is dropped
      return {};
    case nvme::admin::kAbort:
    case nvme::admin::kAsyncEventRequest:
    case nvme::admin::kKeepAlive:
      return moves(0, data_length, false);
    default:
      return refused(refuse(nvme::status::kInvalidOpcode, at::kOpcode));
  }
}

}  // namespace weft::controller

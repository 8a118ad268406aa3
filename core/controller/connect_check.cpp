#include "core/controller/connect_check.hpp"

#include "core/wire/nqn.hpp"
#include "core/wire/uuid.hpp"

namespace weft::controller {
namespace {

namespace where = fabrics::invalid_parameter;

constexpr fabrics::InvalidParameter kFlags{at::kFlags, false};
constexpr fabrics::InvalidParameter kSgl{at::kSgl, false};

// Bits 5:2 are reserved.
bool flags_ok(std::uint8_t flags) {
  const int psdt = flags & nvme::flags::kPsdtMask;
  return (psdt == nvme::flags::kPsdtSgl || psdt == 0) && (flags & nvme::flags::kFuseMask) == 0;
}

}  // namespace

Answer connect_invalid(fabrics::InvalidParameter parameter) {
  return {fabrics::status::kConnectInvalidParameters, kNoLocation, parameter.encode()};
}

Answer check_connect_command(const fabrics::ConnectCommand& command, std::uint64_t data_length,
                             std::uint32_t max_entries) {
  if (!flags_ok(command.flags)) return connect_invalid(kFlags);
  if (command.recfmt != 0) return {fabrics::status::kConnectIncompatibleFormat, kNoLocation, 0};
  if (command.qid > fabrics::kMaxQid) return connect_invalid(where::kQid);
  if (command.sqsize == 0 || command.sqsize >= max_entries) return connect_invalid(where::kSqsize);
  // KATO of an I/O queue is a reserved field: SPDK's hosts send the one of their admin queue.
  if (data_length != sizeof(fabrics::ConnectData)) return connect_invalid(kSgl);
  return success();
}

Answer check_connect_data(const fabrics::ConnectCommand& command, const fabrics::ConnectData& data) {
  const bool admin = command.qid == 0;
  if (admin && wire::is_nil(data.hostid)) return connect_invalid(where::kHostid);
  // Controllers are made as hosts connect; an I/O queue names the one that its admin queue was given.
  if (admin ? data.cntlid != fabrics::kCntlidAny : data.cntlid == 0 || data.cntlid > fabrics::kCntlidMax) {
    return connect_invalid(where::kCntlid);
  }
  if (!wire::read_nqn(data.subnqn)) return connect_invalid(where::kSubnqn);
  // A host without a name (SPDK's perf program) is one of those that any rule without names admits.
  const bool unnamed = data.hostnqn.front() == '\0';
  if (!unnamed && !wire::read_nqn(data.hostnqn)) return connect_invalid(where::kHostnqn);
  return success();
}

}  // namespace weft::controller

#include "core/wire/command_name.hpp"

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "weft/fabrics.hpp"

namespace weft::wire {
namespace {

struct Name {
  std::uint8_t code;
  std::string_view text;
};

constexpr Name kFabrics[] = {
    {fabrics::fctype::kPropertySet, "Property Set"},
    {fabrics::fctype::kConnect, "Connect"},
    {fabrics::fctype::kPropertyGet, "Property Get"},
    {fabrics::fctype::kAuthenticationSend, "Authentication Send"},
    {fabrics::fctype::kAuthenticationReceive, "Authentication Receive"},
    {fabrics::fctype::kDisconnect, "Disconnect"},
};

constexpr Name kAdmin[] = {
    {nvme::admin::kDeleteIoSq, "Delete I/O Submission Queue"},
    {nvme::admin::kCreateIoSq, "Create I/O Submission Queue"},
    {nvme::admin::kGetLogPage, "Get Log Page"},
    {nvme::admin::kDeleteIoCq, "Delete I/O Completion Queue"},
    {nvme::admin::kCreateIoCq, "Create I/O Completion Queue"},
    {nvme::admin::kIdentify, "Identify"},
    {nvme::admin::kAbort, "Abort"},
    {nvme::admin::kSetFeatures, "Set Features"},
    {nvme::admin::kGetFeatures, "Get Features"},
    {nvme::admin::kAsyncEventRequest, "Asynchronous Event Request"},
    {nvme::admin::kKeepAlive, "Keep Alive"},
};

constexpr Name kIo[] = {
    {nvme::io::kFlush, "Flush"},
    {nvme::io::kWrite, "Write"},
    {nvme::io::kRead, "Read"},
    {nvme::io::kWriteUncorrectable, "Write Uncorrectable"},
    {nvme::io::kCompare, "Compare"},
    {nvme::io::kWriteZeroes, "Write Zeroes"},
    {nvme::io::kDatasetManagement, "Dataset Management"},
    {nvme::io::kVerify, "Verify"},
    {nvme::io::kReservationRegister, "Reservation Register"},
    {nvme::io::kReservationReport, "Reservation Report"},
    {nvme::io::kReservationAcquire, "Reservation Acquire"},
    {nvme::io::kReservationRelease, "Reservation Release"},
    {nvme::io::kCopy, "Copy"},
};

std::string_view find(std::span<const Name> names, std::uint8_t code) {
  for (const Name& name : names) {
    if (name.code == code) return name.text;
  }
  return {};
}

}  // namespace

std::string command_name(const nvme::Sqe& sqe, bool admin_queue) {
  if (sqe.is_fabrics()) {
    const std::string_view name = find(kFabrics, sqe.fctype());
    return name.empty() ? fmt::format("Fabrics type {:02X}h", sqe.fctype()) : std::string(name);
  }
  const std::string_view name = admin_queue ? find(kAdmin, sqe.opcode) : find(kIo, sqe.opcode);
  return name.empty() ? fmt::format("opcode {:02X}h", sqe.opcode) : std::string(name);
}

}  // namespace weft::wire

// The words for status codes: NvmeStatus::describe.

#include <fmt/format.h>
#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include "weft/status.hpp"

namespace weft {
namespace {

struct Words {
  std::uint16_t code;
  std::string_view text;
};

constexpr bool by_code(const Words& a, const Words& b) { return a.code < b.code; }

constexpr Words kWords[] = {
    {0x000, "Successful Completion"},
    {0x001, "Invalid Command Opcode"},
    {0x002, "Invalid Field in Command"},
    {0x003, "Command ID Conflict"},
    {0x004, "Data Transfer Error"},
    {0x005, "Command Aborted due to Power Loss"},
    {0x006, "Internal Error"},
    {0x007, "Command Abort Requested"},
    {0x008, "Command Aborted due to SQ Deletion"},
    {0x009, "Command Aborted due to Failed Fused Command"},
    {0x00A, "Command Aborted due to Missing Fused Command"},
    {0x00B, "Invalid Namespace or Format"},
    {0x00C, "Command Sequence Error"},
    {0x00D, "Invalid SGL Segment Descriptor"},
    {0x00E, "Invalid Number of SGL Descriptors"},
    {0x00F, "Data SGL Length Invalid"},
    {0x010, "Metadata SGL Length Invalid"},
    {0x011, "SGL Descriptor Type Invalid"},
    {0x012, "Invalid Use of Controller Memory Buffer"},
    {0x013, "PRP Offset Invalid"},
    {0x014, "Atomic Write Unit Exceeded"},
    {0x015, "Operation Denied"},
    {0x016, "SGL Offset Invalid"},
    {0x018, "Host Identifier Inconsistent Format"},
    {0x019, "Keep Alive Timer Expired"},
    {0x01A, "Keep Alive Timeout Invalid"},
    {0x01B, "Command Aborted due to Preempt and Abort"},
    {0x01C, "Sanitize Failed"},
    {0x01D, "Sanitize In Progress"},
    {0x01E, "SGL Data Block Granularity Invalid"},
    {0x01F, "Command Not Supported for Queue in CMB"},
    {0x020, "Namespace is Write Protected"},
    {0x021, "Command Interrupted"},
    {0x022, "Transient Transport Error"},
    {0x023, "Command Prohibited by Lockdown"},
    {0x024, "Admin Command Media Not Ready"},
    {0x029, "FDP Disabled"},
    {0x02A, "Invalid Placement Handle List"},
    {0x02C, "Invalid I/O Command Set"},
    {0x080, "LBA Out of Range"},
    {0x081, "Capacity Exceeded"},
    {0x082, "Namespace Not Ready"},
    {0x083, "Reservation Conflict"},
    {0x084, "Format In Progress"},
    {0x100, "Completion Queue Invalid"},
    {0x101, "Invalid Queue Identifier"},
    {0x102, "Invalid Queue Size"},
    {0x103, "Abort Command Limit Exceeded"},
    {0x105, "Asynchronous Event Request Limit Exceeded"},
    {0x106, "Invalid Firmware Slot"},
    {0x107, "Invalid Firmware Image"},
    {0x108, "Invalid Interrupt Vector"},
    {0x109, "Invalid Log Page"},
    {0x10A, "Invalid Format"},
    {0x10B, "Firmware Activation Requires Conventional Reset"},
    {0x10C, "Invalid Queue Deletion"},
    {0x10D, "Feature Identifier Not Saveable"},
    {0x10E, "Feature Not Changeable"},
    {0x10F, "Feature Not Namespace Specific"},
    {0x110, "Firmware Activation Requires NVM Subsystem Reset"},
    {0x111, "Firmware Activation Requires Controller Level Reset"},
    {0x112, "Firmware Activation Requires Maximum Time Violation"},
    {0x113, "Firmware Activation Prohibited"},
    {0x114, "Overlapping Range"},
    {0x115, "Namespace Insufficient Capacity"},
    {0x116, "Namespace Identifier Unavailable"},
    {0x118, "Namespace Already Attached"},
    {0x119, "Namespace Is Private"},
    {0x11A, "Namespace Not Attached"},
    {0x11B, "Thin Provisioning Not Supported"},
    {0x11C, "Controller List Invalid"},
    {0x11D, "Device Self-test In Progress"},
    {0x11E, "Boot Partition Write Prohibited"},
    {0x11F, "Invalid Controller Identifier"},
    {0x120, "Invalid Secondary Controller State"},
    {0x121, "Invalid Number of Controller Resources"},
    {0x122, "Invalid Resource Identifier"},
    {0x123, "Sanitize Prohibited While Persistent Memory Region is Enabled"},
    {0x124, "ANA Group Identifier Invalid"},
    {0x125, "ANA Attach Failed"},
    {0x129, "I/O Command Set Not Supported"},
    {0x12A, "I/O Command Set Not Enabled"},
    {0x12B, "I/O Command Set Combination Rejected"},
    {0x12C, "Invalid I/O Command Set"},
    {0x180, "Conflicting Attributes"},
    {0x181, "Invalid Protection Information"},
    {0x182, "Attempted Write to Read Only Range"},
    {0x183, "Command Size Limit Exceeded"},
    {0x1B8, "Zoned Boundary Error"},
    {0x1B9, "Zone Is Full"},
    {0x1BA, "Zone Is Read Only"},
    {0x1BB, "Zone Is Offline"},
    {0x1BC, "Zone Invalid Write"},
    {0x1BD, "Too Many Active Zones"},
    {0x1BE, "Too Many Open Zones"},
    {0x1BF, "Invalid Zone State Transition"},
    {0x280, "Write Fault"},
    {0x281, "Unrecovered Read Error"},
    {0x282, "End-to-end Guard Check Error"},
    {0x283, "End-to-end Application Tag Check Error"},
    {0x284, "End-to-end Reference Tag Check Error"},
    {0x285, "Compare Failure"},
    {0x286, "Access Denied"},
    {0x287, "Deallocated or Unwritten Logical Block"},
    {0x288, "End-to-end Storage Tag Check Error"},
    {0x300, "Internal Path Error"},
    {0x301, "Asymmetric Access Persistent Loss"},
    {0x302, "Asymmetric Access Inaccessible"},
    {0x303, "Asymmetric Access Transition"},
    {0x360, "Controller Pathing Error"},
    {0x370, "Host Pathing Error"},
    {0x371, "Command Aborted By Host"},
};
static_assert(std::ranges::is_sorted(kWords, by_code));

// What the same numbers mean on a Fabrics command.
constexpr Words kFabricsWords[] = {
    {0x180, "Connect Incompatible Format"},
    {0x181, "Connect Controller Busy"},
    {0x182, "Connect Invalid Parameters"},
    {0x183, "Connect Restart Discovery"},
    {0x184, "Connect Invalid Host"},
    {0x185, "Invalid Queue Type"},
    {0x190, "Discover Restart"},
    {0x191, "Authentication Required"},
};
static_assert(std::ranges::is_sorted(kFabricsWords, by_code));

std::string_view find(std::span<const Words> table, std::uint16_t code) {
  const auto at = std::ranges::lower_bound(table, code, {}, &Words::code);
  return at != table.end() && at->code == code ? at->text : std::string_view{};
}

// For a code that is in no table: what its type says.
std::string_view words_of_type(std::uint16_t code) {
  switch (code >> 8) {
    case 0:
      return "Unknown Generic Status";
    case 1:
      return "Unknown Command Specific Status";
    case 2:
      return "Unknown Media and Data Integrity Status";
    case 3:
      return "Unknown Path Related Status";
    case 7:
      return "Vendor Specific Status";
    default:
      return "Reserved Status";
  }
}

}  // namespace

std::string NvmeStatus::describe(bool fabrics) const {
  std::string_view text;
  if (fabrics) text = find(kFabricsWords, code());
  if (text.empty()) text = find(kWords, code());
  // Codes without another meaning: "Discover Restart" answers Get Log Page, "Authentication Required" any command.
  if (text.empty()) text = find(kFabricsWords, code());
  if (text.empty()) text = words_of_type(code());
  return fmt::format("{} ({:03X}h)", text, code());
}

}  // namespace weft

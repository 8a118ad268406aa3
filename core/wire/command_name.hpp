// command_name.hpp - what a command is called, for messages and logs: "Identify", "Write Zeroes", "Property Get".
//
// Pure; any thread.
#ifndef WEFT_CORE_WIRE_COMMAND_NAME_HPP
#define WEFT_CORE_WIRE_COMMAND_NAME_HPP

#include <string>

#include "weft/nvme.hpp"

namespace weft::wire {

// admin_queue: where it was sent, for the same opcode means another command there. Unknown ones give "opcode 99h".
[[nodiscard]] std::string command_name(const nvme::Sqe& sqe, bool admin_queue);

}  // namespace weft::wire

#endif

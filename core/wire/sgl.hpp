// sgl.hpp - the data descriptor of a command (SGL1): what it says, and whether it may say so.
//
// check_sgl judges what the peer sent and answers with the status that goes into the completion; describe_sgl is for
// messages. Pure; any thread.
#ifndef WEFT_CORE_WIRE_SGL_HPP
#define WEFT_CORE_WIRE_SGL_HPP

#include <cstdint>
#include <string>

#include "weft/nvme.hpp"
#include "weft/status.hpp"

namespace weft::wire {

// What a queue pair's transport and the controller's Identify data allow.
struct SglRules {
  bool in_capsule = true;
  bool transport = true;
  bool keyed = false;
  std::uint64_t capsule_bytes = 0;  // data that came with this capsule
};

// Success, or the status of the first thing wrong: PSDT (Fabrics commands may leave it 0), type, subtype, range in the
// capsule. Never looks at the length that the command needs: see check_sgl_length.
[[nodiscard]] NvmeStatus check_sgl(const nvme::Sqe& sqe, const SglRules& rules);

// Whether the descriptor has exactly the bytes that the command moves.
[[nodiscard]] NvmeStatus check_sgl_length(const nvme::Sqe& sqe, std::uint64_t needed);

// Bytes that the descriptor names.
[[nodiscard]] std::uint64_t sgl_length(const nvme::SglDescriptor& descriptor);

// "in-capsule data, offset 0, 4096 bytes"
[[nodiscard]] std::string describe_sgl(const nvme::SglDescriptor& descriptor);

}  // namespace weft::wire

#endif

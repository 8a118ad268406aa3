// told_sizes.hpp - sizes that hosts are told and queue pairs keep to: what is configured, and what the transport can take.
//
// Pure; any thread.
#ifndef WEFT_CORE_CONTROLLER_TOLD_SIZES_HPP
#define WEFT_CORE_CONTROLLER_TOLD_SIZES_HPP

#include <cstdint>

#include "weft/controller.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

inline constexpr std::uint32_t kTransferUnit = 4096;  // bytes; of MDTS, and of a host's pages: CAP.MPSMIN
inline constexpr std::uint32_t kCapsuleUnit = 16;     // of IOCCSZ and IORCSZ

// The most data of one command, as MDTS tells it: what is configured and the transport can take.
[[nodiscard]] std::uint32_t max_transfer_size(const TargetOptions& options, const weft_limits& limits);
// Entries of an I/O queue, as MQES and MAXCMD tell them: what is configured and the admin queue's transport can have.
[[nodiscard]] std::uint32_t max_queue_size(const TargetOptions& options, const weft_limits& limits);
// In-capsule data of I/O queues: what is configured and the transport can take.
[[nodiscard]] std::uint32_t in_capsule_size(const TargetOptions& options, const weft_limits& limits);

}  // namespace weft::controller

#endif

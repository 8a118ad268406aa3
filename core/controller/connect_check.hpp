// connect_check.hpp - Connect judged by its own bytes: what needs no knowledge of subsystems and controllers.
//
// Pure; any thread. Failures never are Invalid Field; Invalid Parameters says in its result where the bad field is.
#ifndef WEFT_CORE_CONTROLLER_CONNECT_CHECK_HPP
#define WEFT_CORE_CONTROLLER_CONNECT_CHECK_HPP

#include <cstdint>

#include "core/controller/answer.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {

[[nodiscard]] Answer connect_invalid(fabrics::InvalidParameter where);

// The submission queue entry, before its data is fetched. max_entries: of a queue.
[[nodiscard]] Answer check_connect_command(const fabrics::ConnectCommand& command, std::uint64_t data_length,
                                           std::uint32_t max_entries);

// The data: host identifier, controller identifier and names.
[[nodiscard]] Answer check_connect_data(const fabrics::ConnectCommand& command, const fabrics::ConnectData& data);

}  // namespace weft::controller

#endif

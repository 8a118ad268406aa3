// table.hpp - the rules that a plugin's table must follow, and the core's copy of it.
//
// check_table() judges what a plugin returned, rule by rule, and gives a copy as long as this core's weft_transport: what
// the plugin's own table does not have is null or 0. It reads the table and the strings and options that it points to,
// and calls nothing.
// Pure functions; any thread. Errors: one sentence, for the first rule that is broken.
#ifndef WEFT_CORE_PLUGIN_TABLE_HPP
#define WEFT_CORE_PLUGIN_TABLE_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "weft/status.hpp"
#include "weft/transport_abi.h"

namespace weft {

// What a table of ABI 1.0 measures: no plugin's may be smaller.
inline constexpr std::uint32_t kTableSize1_0 =
    offsetof(weft_transport, release_command) + sizeof(weft_transport::release_command);
// No table is larger than this, whatever its minor version: what claims more is not a table.
inline constexpr std::uint32_t kTableSizeBound = 65536;
inline constexpr std::size_t kTransportOptionsBound = 256;

[[nodiscard]] Result<weft_transport> check_table(const weft_transport* table);

// The declared options without their terminator. Of a checked table.
[[nodiscard]] std::span<const weft_option_info> table_options(const weft_transport& table);

}  // namespace weft

#endif

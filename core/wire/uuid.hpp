// uuid.hpp - UUIDs as 16 bytes in the order of their text: parsed, printed, derived and drawn.
//
// A host identifier (HOSTID) is usually the UUID of the host's NQN in this order; some hosts store its first fields
// little-endian, so identifiers are only ever compared as opaque bytes.
// Any thread. Errors: an Error with EINVAL that names the text.
#ifndef WEFT_CORE_WIRE_UUID_HPP
#define WEFT_CORE_WIRE_UUID_HPP

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "weft/status.hpp"

namespace weft::wire {

using Uuid = std::array<std::uint8_t, 16>;

inline constexpr std::size_t kUuidTextLength = 36;

// "8-4-4-4-12" hexadecimal digits in either case, nothing around them.
[[nodiscard]] Result<Uuid> parse_uuid(std::string_view text);

// In lower case.
[[nodiscard]] std::string format_uuid(const Uuid& uuid);

[[nodiscard]] bool is_nil(const Uuid& uuid);

// The same UUID for the same purpose and name, always (version 5: the name does not show through). `purpose` keeps
// apart what is derived from one name for several uses: "namespace uuid", "host".
[[nodiscard]] Uuid derive_uuid(std::string_view purpose, std::string_view name);

// Version 4, from the kernel's random numbers.
[[nodiscard]] Uuid random_uuid();

}  // namespace weft::wire

#endif

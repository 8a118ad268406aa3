// text_field.hpp - text in fields of fixed size: padded, unpadded, and made safe to print.
//
// Pure; any thread. Views borrow the field.
#ifndef WEFT_CORE_WIRE_TEXT_FIELD_HPP
#define WEFT_CORE_WIRE_TEXT_FIELD_HPP

#include <span>
#include <string>
#include <string_view>

namespace weft::wire {

// Fills the field: text, then the padding. Text that does not fit is cut, so names that must be whole are checked first
// (write_nqn does). Serial and model number and firmware revision are padded with spaces, names and addresses with NULs.
void write_text(std::span<char> field, std::string_view text, char padding = ' ');

// What is in a field that some peers pad with spaces and some with NULs: up to the first NUL, without spaces at the
// end.
[[nodiscard]] std::string_view read_text(std::span<const char> field);

// For messages and terminals: bytes that are not printable ASCII as \xNN, a backslash as \\.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace weft::wire

#endif

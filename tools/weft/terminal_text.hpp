// terminal_text.hpp - text that others wrote, made safe to print: a peer's names and sentences must not move the cursor, ring
// the bell or turn letters round.
//
// Printable characters of well-formed UTF-8 stay; every other byte becomes \xNN. Pure; any thread.
#ifndef WEFT_TOOLS_TERMINAL_TEXT_HPP
#define WEFT_TOOLS_TERMINAL_TEXT_HPP

#include <string>
#include <string_view>

namespace weft::tools {

[[nodiscard]] std::string terminal_text(std::string_view text);

}  // namespace weft::tools

#endif

// standard.hpp - standard input, output and error, as whoever started the program left them: open, closed, full.
//
// Nothing here throws for what a stream does. Any thread.
#ifndef WEFT_TOOLS_STANDARD_HPP
#define WEFT_TOOLS_STANDARD_HPP

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "weft/status.hpp"

namespace weft::tools {

// First thing in main(): descriptors 0, 1 and 2 that are closed are taken, so that no file that is opened later becomes
// standard output, and signals that would end the program for a write that fails are ignored: the write says so.
void secure_standard_streams();

// The descriptor of standard input or output can be read from or written to; else the sentence.
[[nodiscard]] Status check_standard_input();
[[nodiscard]] Status check_standard_output();
[[nodiscard]] Status write_standard_output(std::string_view text);

// On standard error. What cannot be written there is dropped: there is nobody to tell.
void say_text(std::string_view text);
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say_text(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace weft::tools

#endif

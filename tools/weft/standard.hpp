// standard.hpp - standard input, output and error, as whoever started the program left them: open, closed, full.
//
// Nothing here throws for what a stream does. Any thread.
#ifndef WEFT_TOOLS_STANDARD_HPP
#define WEFT_TOOLS_STANDARD_HPP

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "weft/log.hpp"
#include "weft/status.hpp"

namespace weft::tools {

// First thing in main(): descriptors 0, 1 and 2 that are closed are taken, so that no file that is opened later becomes
// standard output, and signals that would end the program for a write that fails are ignored: the write says so.
void secure_standard_streams();

// The descriptor of standard input or output can be read from or written to; else the sentence.
[[nodiscard]] Status check_standard_input();
[[nodiscard]] Status check_standard_output();
// Through terminal_lines().
[[nodiscard]] Status write_standard_output(std::string_view text);

// An argument of a format string as it is shown: text through terminal_text(), the rest as it is. The format itself is ours:
// its line feeds end lines, those of an argument do not.
template <class T>
[[nodiscard]] decltype(auto) shown(const T& value) {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    return terminal_text(value);
  } else {
    return (value);
  }
}
template <class T>
using Shown = std::remove_cvref_t<decltype(shown(std::declval<const T&>()))>;

template <class... Texts>
[[nodiscard]] std::string format_all(fmt::string_view format, const Texts&... texts) {
  return fmt::vformat(format, fmt::make_format_args(texts...));
}
template <class... Args>
[[nodiscard]] std::string format_shown(fmt::format_string<Shown<Args>...> format, const Args&... args) {
  return format_all(format, shown(args)...);
}

// On standard error, through terminal_lines(). What cannot be written there is dropped: there is nobody to tell.
void say_text(std::string_view text);
// A line on a terminal that the next one replaces: what is there is wiped first.
void redraw(std::string_view text);
template <class... Args>
void say(fmt::format_string<Shown<Args>...> format, const Args&... args) {
  say_text(format_shown<Args...>(format, args...));
}

}  // namespace weft::tools

#endif

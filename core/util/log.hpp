// log.hpp - the logger `weft`: a line on standard error. Formats only what the level lets through.
//
//   log::warning("listener {}: {}", name, error.text);
//
// Thread rule: any thread. Never on the data path.
#ifndef WEFT_CORE_UTIL_LOG_HPP
#define WEFT_CORE_UTIL_LOG_HPP

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "weft/log.hpp"

namespace weft::log {

[[nodiscard]] inline bool enabled(LogLevel level) { return level <= log_level(); }
void write(LogLevel level, std::string_view text);

template <class... Args>
void print(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  print(LogLevel::kError, format, std::forward<Args>(args)...);
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  print(LogLevel::kWarning, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  print(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  print(LogLevel::kDebug, format, std::forward<Args>(args)...);
}

}  // namespace weft::log

#endif

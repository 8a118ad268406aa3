// options.hpp - what CLI11 does less well: numbers as people write them, and sentences for what is written wrongly.
//
// One thread, while the command line is declared and parsed.
#ifndef WEFT_TOOLS_OPTIONS_HPP
#define WEFT_TOOLS_OPTIONS_HPP

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "weft/status.hpp"

namespace weft::tools {

inline constexpr std::uint64_t kAnyNumber = std::numeric_limits<std::uint64_t>::max();

// Decimal, or hexadecimal after 0x; never octal, never with a sign.
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t low, std::uint64_t high);

// An option with such a number. `into` outlives the parsing.
template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& into, std::uint64_t low, std::uint64_t high,
                        const std::string& help) {
  const auto take = [&into, name, low, high](const std::string& text) {
    const Result<std::uint64_t> number = parse_number(text, low, high);
    if (!number) throw CLI::ValidationError(name, number.error().text);
    into = static_cast<T>(*number);
  };
  return command.add_option_function<std::string>(name, take, help)->type_name("N");
}

// --nsid, where a namespace is to be chosen.
CLI::Option* add_nsid(CLI::App& command, std::uint32_t& into, const std::string& help = "Namespace (1)");

// An option that was written without a value, or more often than it may be; "" when there is none.
[[nodiscard]] std::string empty_option(const CLI::App& command);
[[nodiscard]] std::string repeated_option(const CLI::App& command);

}  // namespace weft::tools

#endif

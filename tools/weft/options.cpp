#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "weft/address.hpp"

namespace weft::tools {
namespace {

constexpr std::string_view kHexadecimal = "0x";

}  // namespace

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t low, std::uint64_t high) {
  if (!text.starts_with(kHexadecimal) && !text.starts_with("0X")) return parse_count(text, low, high);
  const std::string_view digits = text.substr(kHexadecimal.size());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return Error(EINVAL, fmt::format("'{}' is not a whole number", text));
  }
  if (error != std::errc{} || value < low || value > high) {
    return Error(EINVAL, fmt::format("'{}' is not between {} and {}", text, low, high));
  }
  return value;
}

CLI::Option* add_nsid(CLI::App& command, std::uint32_t& into, const std::string& help) {
  return add_number(command, "--nsid", into, 1, 0xfffffffe, help);
}

std::string empty_option(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const auto& values = option->results();
    if (std::any_of(values.begin(), values.end(), [](const std::string& value) { return value.empty(); })) {
      return option->get_name();
    }
  }
  return {};
}

std::string repeated_option(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_multi_option_policy() != CLI::MultiOptionPolicy::Throw) continue;
    if (option->count() > 1 && option->get_items_expected_max() == 1) return option->get_name();
  }
  return {};
}

}  // namespace weft::tools

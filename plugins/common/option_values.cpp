#include "option_values.hpp"

#include <fmt/format.h>

#include <charconv>

namespace weft::plugin {

Failure bad_value(std::string_view key, std::string_view value, std::string_view wants) {
  return Failure{.code = EINVAL, .text = fmt::format("option {}={} is not {}", key, value, wants)};
}

Made<bool> parse_bool(std::string_view key, std::string_view value) {
  if (value == "on") return true;
  if (value == "off") return false;
  return std::unexpected(bad_value(key, value, "on or off"));
}

Made<std::uint64_t> parse_number(std::string_view key, std::string_view value, std::uint64_t low, std::uint64_t high,
                                 std::string_view wants) {
  std::uint64_t number = 0;
  const char* const last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, number);
  if (error == std::errc{} && end == last && number >= low && number <= high) return number;
  return std::unexpected(bad_value(key, value, wants));
}

Made<std::uint64_t> parse_duration(std::string_view key, std::string_view value, std::uint64_t low) {
  return parse_number(
      key, value, low, kLongestDuration,
      low == 0 ? "a number of nanoseconds up to 24 hours" : "a number of nanoseconds from 1ms to 24 hours");
}

}  // namespace weft::plugin

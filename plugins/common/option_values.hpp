// option_values.hpp - values of options as a plugin gets them (weft_option: "on", bytes, nanoseconds, decimal numbers) as
// the type of the field that they are for.
//
//   if (key == "depth") return put(options.depth, parse_number(key, value, 1, 1024, "a number from 1 to 1024"));
//
// Pure; any thread. Errors: a sentence that names the key and the value.
#ifndef WEFT_PLUGIN_OPTION_VALUES_HPP
#define WEFT_PLUGIN_OPTION_VALUES_HPP

#include <cstdint>
#include <expected>
#include <string_view>

#include "services.hpp"
#include "weft/plugin.hpp"

namespace weft::plugin {

inline constexpr std::uint64_t kLongestDuration = 24 * 3600 * kSecond;

// `wants` ends the sentence: "a number from 0 to 31".
[[nodiscard]] Failure bad_value(std::string_view key, std::string_view value, std::string_view wants);
[[nodiscard]] Made<bool> parse_bool(std::string_view key, std::string_view value);
// A decimal number within [low, high].
[[nodiscard]] Made<std::uint64_t> parse_number(std::string_view key, std::string_view value, std::uint64_t low,
                                               std::uint64_t high, std::string_view wants);
// Nanoseconds up to a day; `low` is 0 or a millisecond.
[[nodiscard]] Made<std::uint64_t> parse_duration(std::string_view key, std::string_view value, std::uint64_t low);

// One parsed option goes where it belongs; what could not be parsed is the failure.
template <class Field, class Value>
Made<void> put(Field& field, const Made<Value>& value) {
  if (!value) return std::unexpected(value.error());
  if constexpr (requires { field.emplace(*value); }) {
    field.emplace(*value);
  } else {
    field = static_cast<Field>(*value);
  }
  return {};
}

}  // namespace weft::plugin

#endif

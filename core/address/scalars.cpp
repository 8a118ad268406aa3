// Sizes, durations, switches and counts: one spelling for config strings, the command line and files.
#include <fmt/core.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>

#include "core/address/text.hpp"
#include "core/wire/uuid.hpp"
#include "weft/address.hpp"

namespace weft {
namespace {

using address::quote;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 9> kSizes{{{"", 1},
                                      {"k", 1ull << 10},
                                      {"kib", 1ull << 10},
                                      {"m", 1ull << 20},
                                      {"mib", 1ull << 20},
                                      {"g", 1ull << 30},
                                      {"gib", 1ull << 30},
                                      {"t", 1ull << 40},
                                      {"tib", 1ull << 40}}};

constexpr std::array<Unit, 7> kDurations{{{"", 1'000'000'000},
                                          {"ns", 1},
                                          {"us", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"m", 60ull * 1'000'000'000},
                                          {"h", 3600ull * 1'000'000'000}}};

struct Number {
  std::uint64_t value = 0;
  std::string_view rest;  // what follows the digits
};

enum class Digits { kOk, kNone, kTooLarge };

Digits read_digits(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error == std::errc::result_out_of_range) return Digits::kTooLarge;
  if (error != std::errc{}) return Digits::kNone;
  out.rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return Digits::kOk;
}

// The factor of the unit after the digits; 0 when there is no such unit.
std::uint64_t factor_of(std::string_view unit, std::span<const Unit> units) {
  const std::string name = address::lower(unit);
  for (const Unit& candidate : units) {
    if (candidate.name == name) return candidate.factor;
  }
  return 0;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  Number number;
  const Digits digits = read_digits(text, number);
  if (digits == Digits::kNone) {
    return Error(
        EINVAL,
        fmt::format("{} is not a size: write a whole number of bytes, or one with K, M, G or T after it", quote(text)));
  }
  if (digits == Digits::kOk) {
    const std::uint64_t factor = factor_of(number.rest, kSizes);
    if (factor == 0) {
      return Error(EINVAL, fmt::format("{} in the size {} is no unit: K, M, G and T are known (powers of 1,024)",
                                       quote(number.rest), quote(text)));
    }
    if (number.value <= std::numeric_limits<std::uint64_t>::max() / factor) return number.value * factor;
  }
  return Error(EINVAL, fmt::format("the size {} does not fit in 64 bits", quote(text)));
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  Number number;
  const Digits digits = read_digits(text, number);
  if (digits == Digits::kNone) {
    return Error(EINVAL,
                 fmt::format("{} is not a duration: write 30s, 500ms or 2m; a bare number is in seconds", quote(text)));
  }
  if (digits == Digits::kOk) {
    const std::uint64_t factor = factor_of(number.rest, kDurations);
    if (factor == 0) {
      return Error(EINVAL, fmt::format("{} in the duration {} is no unit: ns, us, ms, s, m and h are known",
                                       quote(number.rest), quote(text)));
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (number.value <= kMost / factor) {
      return std::chrono::nanoseconds(static_cast<std::int64_t>(number.value * factor));
    }
  }
  return Error(EINVAL, fmt::format("the duration {} is longer than 292 years", quote(text)));
}

Result<bool> parse_switch(std::string_view text) {
  const std::string word = address::lower(text);
  for (const std::string_view yes : {"on", "yes", "true", "1"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"off", "no", "false", "0"}) {
    if (word == no) return false;
  }
  return Error(EINVAL, fmt::format("{} is neither on nor off", quote(text)));
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
  Number number;
  const Digits digits = read_digits(text, number);
  if (digits == Digits::kNone || (digits == Digits::kOk && !number.rest.empty())) {
    return Error(EINVAL, fmt::format("{} is not a whole number", quote(text)));
  }
  if (digits == Digits::kTooLarge || number.value < low || number.value > high) {
    return Error(EINVAL, fmt::format("{} is not between {} and {}", quote(text), low, high));
  }
  return number.value;
}

Result<std::array<std::uint8_t, 16>> parse_uuid(std::string_view text) {
  if (text.size() != 2 * std::tuple_size_v<wire::Uuid>) return wire::parse_uuid(text);
  std::string dashed(text);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) dashed.insert(at, 1, '-');
  return wire::parse_uuid(dashed);
}

Result<WaitPolicy> parse_wait(std::string_view text) {
  if (text == "adaptive") return WaitPolicy::kAdaptive;
  if (text == "poll") return WaitPolicy::kPoll;
  if (text == "sleep") return WaitPolicy::kSleep;
  return Error(EINVAL, fmt::format("{} is no way to wait: adaptive, poll and sleep are known", quote(text)));
}

}  // namespace weft

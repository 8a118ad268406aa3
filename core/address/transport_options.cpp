// The options that are left when the core has taken its own: each must be declared by the transport.
#include <fmt/format.h>
#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/address/foreign_keys.hpp"
#include "core/address/text.hpp"
#include "weft/address.hpp"

namespace weft {
namespace {

using address::quote;

// nvme-cli's command line has dashes where keys have underscores.
const weft_option_info* find_declared(std::string_view key, std::span<const weft_option_info> declared) {
  std::string name(key);
  std::replace(name.begin(), name.end(), '-', '_');
  for (const weft_option_info& info : declared) {
    if (info.key != nullptr && name == info.key) return &info;
  }
  return nullptr;
}

Error unknown_option(const Address& address, std::string_view key, std::span<const weft_option_info> declared,
                     std::span<const std::string_view> core_keys) {
  for (const std::string_view core : core_keys) {
    if (core == key) return {EINVAL, fmt::format("option '{}' has no meaning for this end of {}", key, address.scheme)};
  }
  if (const std::string_view why = address::why_absent(key); !why.empty())
    return {EINVAL, fmt::format("option '{}': {}", key, why)};
  std::vector<std::string_view> known(core_keys.begin(), core_keys.end());
  for (const weft_option_info& info : declared) {
    if (info.key != nullptr) known.emplace_back(info.key);
  }
  std::string text = fmt::format("there is no option {} for {}", quote(key), address.scheme);
  const std::string_view nearest = nearest_word(key, known);
  if (!nearest.empty()) {
    text += fmt::format("; did you mean '{}'?", nearest);
  } else if (!known.empty()) {
    text += fmt::format("; known are {}", fmt::join(known, ", "));
  }
  return {EINVAL, std::move(text)};
}

bool is_choice(std::string_view value, std::string_view choices) {  // of "a|b|c"
  for (std::string_view rest = choices;;) {
    const std::size_t bar = rest.find('|');
    if (value == rest.substr(0, bar)) return true;
    if (bar == std::string_view::npos) return false;
    rest.remove_prefix(bar + 1);
  }
}

template <class T>
Result<std::string> decimal(const Result<T>& number) {
  if (!number) return number.error();
  return fmt::format("{}", *number);
}

// The value as a transport is given it.
Result<std::string> canonical(std::string_view value, std::string_view type) {
  if (type == "bool") {
    const auto on = parse_switch(value);
    if (!on) return on.error();
    return std::string(*on ? "on" : "off");
  }
  if (type == "size") return decimal(parse_size(value));
  if (type == "duration") {
    const auto time = parse_duration(value);
    if (!time) return time.error();
    return fmt::format("{}", time->count());
  }
  if (type == "count") return decimal(parse_count(value, 0, std::numeric_limits<std::uint64_t>::max()));
  if (type.find('|') != std::string_view::npos && !is_choice(value, type))
    return Error(EINVAL, fmt::format("{} is none of {}", quote(value), type));
  return std::string(value);
}

Result<std::string> canonical(const Option& option, const weft_option_info& info) {
  const std::string_view type = info.type != nullptr ? info.type : "text";
  Result<std::string> value = canonical(option.value, type);
  if (value) return value;
  if (option.value == "on")  // what a key that stands alone means
    return Error(EINVAL, fmt::format("option '{}' is no switch: write {}=VALUE", option.key, option.key));
  return std::move(value.error()).with_context(fmt::format("option '{}'", option.key));
}

// hdr-digest beside hdr_digest.
Status check_spellings(const Address& address, const Option& option, const weft_option_info& info,
                       std::span<const weft_option_info> declared) {
  for (const Option& before : address.options) {
    if (&before == &option) return {};
    if (find_declared(before.key, declared) != &info || *canonical(before, info) == *canonical(option, info)) continue;
    return Error(EINVAL, fmt::format("options {} and {} contradict each other",
                                     quote(fmt::format("{}={}", before.key, before.value)),
                                     quote(fmt::format("{}={}", option.key, option.value))));
  }
  return {};
}

}  // namespace

Status check_transport_options(const Address& address, std::span<const weft_option_info> declared,
                               std::span<const std::string_view> core_keys) {
  if (!address.filters.empty()) {
    return Error(ENOTSUP, fmt::format("there is no filter {}: '+' in a scheme is kept for them",
                                      quote(address.filters.front())));
  }
  for (const Option& option : address.options) {
    const weft_option_info* const info = find_declared(option.key, declared);
    if (info == nullptr) return unknown_option(address, option.key, declared, core_keys);
    if (const auto value = canonical(option, *info); !value) return value.error();
    if (Status one = check_spellings(address, option, *info, declared); !one) return one;
  }
  return {};
}

Status canonicalize_options(Address& address, std::span<const weft_option_info> declared) {
  for (Option& option : address.options) {
    const weft_option_info* const info = find_declared(option.key, declared);
    if (info == nullptr) continue;
    auto value = canonical(option, *info);
    if (!value) return value.error();
    option.key = info->key;
    option.value = std::move(*value);
  }
  return {};
}

}  // namespace weft

#include "core/address/option_list.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cerrno>

#include "core/address/foreign_keys.hpp"
#include "core/address/text.hpp"

namespace weft::address {
namespace {

Status check_key(std::string_view key, std::string_view part) {
  if (key.empty()) return Error(EINVAL, fmt::format("{} has no key before its '='", quote(part)));
  for (const char c : key) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!good) {
      return Error(EINVAL, fmt::format("the key {} has characters other than a-z, 0-9, '_', '-' and '.'", quote(key)));
    }
  }
  return {};
}

Status add_part(std::vector<Option>& options, std::string_view part) {
  if (part.empty()) return Error(EINVAL, "there is an empty option: two '&' in a row, or one at the end");
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    return Error(EINVAL,
                 fmt::format("option {} has no value: write {}=VALUE", quote(part), escape(part.substr(0, 40))));
  }
  return add_option(options, part.substr(0, equals), part.substr(equals + 1));
}

bool is_name(std::string_view key) { return key == "hostnqn" || key == "nqn" || key == "subnqn"; }

}  // namespace

Status add_option(std::vector<Option>& options, std::string_view key, std::string_view encoded) {
  if (Status good = check_key(key, fmt::format("{}={}", key, encoded)); !good) return good;
  if (encoded.empty()) return Error(EINVAL, fmt::format("option {} has an empty value", quote(key)));
  const std::string what = fmt::format("the value of option {}", quote(key));
  Result<std::string> value = is_name(key) ? decode_nqn(encoded, what) : percent_decode(encoded, what);
  if (!value) return value.error();
  key = own_key(key);
  const auto same = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.key == key; });
  if (same != options.end()) {
    return Error(EINVAL, fmt::format("option {} is given twice: as {} and as {}", quote(key), quote(same->value),
                                     quote(*value)));
  }
  options.push_back(Option{std::string(key), std::move(*value)});
  return {};
}

Result<std::vector<Option>> parse_options(std::string_view query) {
  std::vector<Option> options;
  if (query.empty()) return Error(EINVAL, "nothing follows the '?': give key=value, or leave the '?' out");
  while (true) {
    const std::size_t end = query.find('&');
    if (Status added = add_part(options, query.substr(0, end)); !added) return added.error();
    if (end == std::string_view::npos) return options;
    query.remove_prefix(end + 1);
  }
}

std::string print_options(const std::vector<Option>& options) {
  std::string out;
  for (const Option& option : options) {
    out += out.empty() ? '?' : '&';
    out += option.key + '=' + percent_encode(option.value, "&");
  }
  return out;
}

}  // namespace weft::address

#include "core/address/url.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cerrno>

#include "core/address/location.hpp"
#include "core/address/option_list.hpp"
#include "core/address/text.hpp"

namespace weft::address {
namespace {

constexpr std::string_view kSeparator = "://";

Status check_characters(std::string_view text) {
  if (text.find(' ') != std::string_view::npos) {
    return Error(EINVAL, fmt::format("there is a space in {}: write it as %20", quote(text)));
  }
  if (text.find('#') != std::string_view::npos) {
    return Error(EINVAL,
                 fmt::format("'#' means nothing in {}: write it as %23 where it belongs to a value", quote(text)));
  }
  return {};
}

// Where the last segment begins, when it is an NQN; npos otherwise.
std::size_t find_nqn(std::string_view where) {
  const std::size_t slash = where.rfind('/');
  const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  return where.substr(begin).starts_with("nqn.") ? begin : std::string_view::npos;
}

Status read_where(std::string_view where, std::string_view whole, Address& out) {
  const std::size_t nqn = find_nqn(where);
  std::string_view location = where.substr(0, nqn);
  if (nqn == 0) {
    return Error(EINVAL, fmt::format("{} names a subsystem but no address: write scheme://ADDRESS/NQN", quote(whole)));
  }
  if (nqn != std::string_view::npos) {
    location.remove_suffix(1);
    Result<std::string> decoded = decode_nqn(where.substr(nqn), "the subsystem's NQN");
    if (!decoded) return decoded.error();
    out.subnqn = std::move(*decoded);
  }
  if (location.empty()) return Error(EINVAL, fmt::format("{} has no address after '://'", quote(whole)));
  return read_location(location, out);
}

// ?nqn=NAME: the spelling for names and transports with which the path cannot tell.
Status take_nqn_option(std::string_view whole, Address& out) {
  const auto is_name = [](const Option& option) { return option.key == "nqn" || option.key == "subnqn"; };
  const auto name = std::find_if(out.options.begin(), out.options.end(), is_name);
  if (name == out.options.end()) return {};
  if (!out.subnqn.empty() || std::find_if(name + 1, out.options.end(), is_name) != out.options.end())
    return Error(EINVAL, fmt::format("{} names the subsystem twice", quote(whole)));
  out.subnqn = std::move(name->value);
  out.options.erase(name);
  return {};
}

}  // namespace

bool is_url(std::string_view text) {
  const std::size_t end = text.find(kSeparator);
  return end != std::string_view::npos && text.substr(0, end).find_first_of("=, \t\r\n") == std::string_view::npos;
}

Result<Address> parse_url(std::string_view text) {
  Address out;
  const std::size_t separator = text.find(kSeparator);
  if (Status good = check_characters(text); !good) return good.error();
  if (Status good = read_scheme(text.substr(0, separator), text, out); !good) return good.error();
  std::string_view where = text.substr(separator + kSeparator.size());
  const std::size_t question = where.find('?');
  if (question != std::string_view::npos) {
    Result<std::vector<Option>> options = parse_options(where.substr(question + 1));
    if (!options) return options.error();
    out.options = std::move(*options);
    where = where.substr(0, question);
  }
  if (Status good = read_where(where, text, out); !good) return good.error();
  if (Status good = take_nqn_option(text, out); !good) return good.error();
  return out;
}

}  // namespace weft::address

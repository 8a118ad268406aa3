#include "weft/address.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cerrno>

#include "core/address/key_forms.hpp"
#include "core/address/location.hpp"
#include "core/address/option_list.hpp"
#include "core/address/text.hpp"
#include "core/address/url.hpp"
#include "core/wire/nqn.hpp"

namespace weft {
namespace {

using address::quote;

constexpr std::string_view kBlank = " \t\r\n";

Status check_controls(std::string_view text, std::string_view allowed) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool control = address::find_control(text.substr(i, 1)) == 0;
    if (control && allowed.find(text[i]) == std::string_view::npos) {
      return Error(EINVAL, fmt::format("there is a control character (byte {}) in {}", i, quote(text)));
    }
  }
  return {};
}

bool is_list(std::string_view text) { return text.find_first_of("=, \t\r\n") != std::string_view::npos; }

// Why the text is in none of the spellings; code 0 when it may be a list of keys.
Error no_spelling(std::string_view text) {
  if (text.find(':') == std::string_view::npos && text.find('=') == std::string_view::npos) {
    return {EINVAL, fmt::format("{} is not an address: write SCHEME://ADDRESS[/NQN]", quote(text))};
  }
  const std::size_t separator = text.find_first_of(":=, \t");
  if (separator != std::string_view::npos && text.substr(separator).starts_with(":/") && !is_list(text)) {
    return {EINVAL, fmt::format("the scheme in {} has to be followed by '://'", quote(text))};
  }
  if (!is_list(text) && (text.starts_with('[') || text.find_first_of("0123456789") == 0)) {
    return {EINVAL, fmt::format("{} does not say over which transport: write SCHEME://ADDRESS", quote(text))};
  }
  return {};
}

struct HostPort {
  std::string_view host, port;
  bool has_port = false;
};

Result<HostPort> split_location(std::string_view location) {
  HostPort out;
  std::size_t colon = location.find(':');
  if (location.starts_with('[')) {
    const std::size_t end = location.find(']');
    out.host = location.substr(1, end - 1);
    colon = end + 1 < location.size() ? end + 1 : std::string_view::npos;
  } else {
    if (colon != std::string_view::npos && location.find(':', colon + 1) != std::string_view::npos) {
      const bool known = address::is_ipv6(location);
      return Error(
          EINVAL,
          known ? fmt::format("the IPv6 address {} needs brackets: [{}]", quote(location), address::escape(location))
                : fmt::format("{} has more than one ':'; an IPv6 address needs brackets", quote(location)));
    }
    out.host = location.substr(0, colon);
  }
  if (location.empty()) return Error(EINVAL, "the host is missing: write scheme://host[:port]");
  if (out.host.empty()) return Error(EINVAL, fmt::format("the host is missing before {}", quote(location)));
  out.has_port = colon != std::string_view::npos;
  if (out.has_port) out.port = location.substr(colon + 1);
  return out;
}

}  // namespace

Result<Address> Address::parse(std::string_view written) {
  if (written.empty()) return Error(EINVAL, "the address is empty");
  const std::string_view text = written.substr(std::min(written.find_first_not_of(kBlank), written.size()));
  if (text.empty()) return Error(EINVAL, "the address is all blanks");
  if (text.size() > address::kMaxText) {
    return Error(EINVAL, fmt::format("the address has {} bytes, the most is {}", text.size(), address::kMaxText));
  }
  const bool url = address::is_url(text);
  if (Status good = check_controls(text, url ? "" : kBlank); !good) return good.error();
  if (url) return address::parse_url(text);
  if (Error error = no_spelling(text); error.code != 0) return error;
  return address::parse_key_form(text);
}

Status Address::split_service(std::string_view service, std::string_view discovery_service) {
  if (fd) return {};
  const std::string location = traddr;
  const std::size_t slash = split ? std::string::npos : location.find('/');
  if (slash != std::string::npos && slash + 1 < location.size()) {
    if (Status good = address::add_path(std::string_view(location).substr(slash + 1), *this); !good) return good;
  }
  const bool discovery = subnqn.empty() || wire::is_discovery_nqn(subnqn);
  const std::string_view default_service = discovery && !discovery_service.empty() ? discovery_service : service;
  if (split) {
    if (trsvcid.empty()) trsvcid = default_service;
    return {};
  }
  const Result<HostPort> parts = split_location(std::string_view(location).substr(0, slash));
  if (!parts) return parts.error();
  if (Status good = address::check_host(parts->host); !good) return good;
  if (parts->has_port) {
    if (Status good = address::check_port(parts->port); !good) return good;
  }
  trsvcid = parts->has_port ? parts->port : default_service;
  traddr = std::string(parts->host);
  split = true;
  return {};
}

std::string Address::to_string() const {
  std::string out;
  for (const std::string& filter : filters) out += filter + '+';
  out += scheme + "://" + address::print_location(*this);
  if (subnqn.empty()) return out + address::print_options(options);
  // A path is read as a name where it looks like one, or where the location has no path of its own.
  if (subnqn.starts_with("nqn.") || fd || split)
    return out + '/' + address::percent_encode(subnqn, "/") + address::print_options(options);
  std::vector<Option> all{{"nqn", subnqn}};
  all.insert(all.end(), options.begin(), options.end());
  return out + address::print_options(all);
}

const std::string* Address::option(std::string_view key) const {
  for (const Option& candidate : options) {
    if (candidate.key == key) return &candidate.value;
  }
  return nullptr;
}

}  // namespace weft

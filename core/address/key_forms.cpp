#include "core/address/key_forms.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <array>
#include <cerrno>

#include "core/address/foreign_keys.hpp"
#include "core/address/location.hpp"
#include "core/address/option_list.hpp"
#include "core/address/text.hpp"

namespace weft::address {
namespace {

constexpr std::string_view kBlank = " \t\n\r";

enum class Part : std::size_t { kTransport, kFamily, kAddress, kService, kSubsystem, kCount };

struct Name {
  std::string_view key;
  Part part;
};
constexpr std::array<Name, 7> kNames{{{"trtype", Part::kTransport},
                                      {"transport", Part::kTransport},
                                      {"adrfam", Part::kFamily},
                                      {"traddr", Part::kAddress},
                                      {"trsvcid", Part::kService},
                                      {"subnqn", Part::kSubsystem},
                                      {"nqn", Part::kSubsystem}}};

struct Fields {
  std::array<std::string, static_cast<std::size_t>(Part::kCount)> values;
  std::string& operator[](Part part) { return values[static_cast<std::size_t>(part)]; }
  const std::string& operator[](Part part) const { return values[static_cast<std::size_t>(part)]; }
};

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

Status refuse_near_miss(std::string_view key) {
  std::array<std::string_view, kNames.size()> known;
  std::transform(kNames.begin(), kNames.end(), known.begin(), [](const Name& name) { return name.key; });
  if (is_foreign_key(key)) return {};
  for (const std::string_view option : host_option_keys()) {
    if (key == option) return {};
  }
  const std::string_view nearest = nearest_word(key, known);
  if (nearest.empty()) return {};
  return Error(EINVAL, fmt::format("there is no key {}: did you mean '{}'?", quote(key), nearest));
}

Status take_option(std::string_view key, std::string_view value, Address& out) {
  if (Status good = refuse_near_miss(key); !good) return good;
  return add_option(out.options, key, value);
}

Status take_pair(std::string_view written, std::string_view value, Fields& fields, Address& out) {
  const std::string key = lower(written);
  const auto name = std::find_if(kNames.begin(), kNames.end(), [&](const Name& n) { return n.key == key; });
  if (name == kNames.end()) return take_option(key, value, out);
  if (value.empty()) return Error(EINVAL, fmt::format("nothing follows {}", quote(key)));
  std::string& field = fields[name->part];
  if (!field.empty()) {
    return Error(EINVAL, fmt::format("{} comes after the same was given as {}", quote(fmt::format("{}={}", key, value)),
                                     quote(field)));
  }
  field = value;
  return {};
}

// An option alone is a switch that is on, as in the kernel's "hdr_digest".
Status take_switch(std::string_view written, Address& out) {
  const std::string key = lower(written);
  const bool ours = std::any_of(kNames.begin(), kNames.end(), [&](const Name& name) { return name.key == key; });
  if (ours || key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-") != std::string::npos)
    return Error(EINVAL, fmt::format("{} is not a key with a value", quote(written)));
  const auto options = host_option_keys();
  if (std::find(options.begin(), options.end(), own_key(key)) != options.end() && key != "sqfc")
    return Error(EINVAL, fmt::format("option {} stands alone and needs a value: write {}=VALUE", quote(key), key));
  return take_option(key, "on", out);
}

Status read_part(std::string_view part, bool commas, Fields& fields, Address& out) {
  if (part.empty()) return Error(EINVAL, "there is nothing between two commas, or after the last");
  const std::size_t separator = part.find_first_of(commas ? "=" : ":=");
  if (separator == std::string_view::npos) {
    if (commas && part.find(':') != std::string_view::npos) {
      return Error(EINVAL, fmt::format("{} has ':' where '=' belongs in a list with commas", quote(part)));
    }
    return take_switch(part, out);
  }
  return take_pair(part.substr(0, separator), trim(part.substr(separator + 1)), fields, out);
}

// What separates the parts: the first separator says it, blanks before a comma aside.
bool has_commas(std::string_view text) {
  const std::size_t first = text.find_first_of(", \t\n\r");
  if (first == std::string_view::npos) return false;
  const std::size_t next = text.find_first_not_of(kBlank, first);
  return next != std::string_view::npos && text[next] == ',';
}

Status read_parts(std::string_view text, Fields& fields, Address& out) {
  const bool commas = has_commas(text);
  const std::string_view between = commas ? "," : kBlank;
  while (true) {
    const std::size_t end = text.find_first_of(between);
    if (Status good = read_part(trim(text.substr(0, end)), commas, fields, out); !good) return good;
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
    if (!commas) text = trim(text);
  }
}

Status check_family(const std::string& family, std::string_view traddr) {
  if (family.empty()) return {};
  const std::string name = lower(family);
  if (nearest_word(name, std::array<std::string_view, 5>{"ipv4", "ipv6", "ib", "fc", "intra_host"}) != name) {
    return Error(EINVAL, fmt::format("the address family {} is not known: ipv4, ipv6, ib, fc and intra_host are",
                                     quote(family)));
  }
  if (name == "ipv4" && is_ipv6(traddr)) {
    return Error(EINVAL, fmt::format("adrfam says IPv4, but {} is an IPv6 address", quote(traddr)));
  }
  if (name == "ipv6" && is_ipv4(traddr)) {
    return Error(EINVAL, fmt::format("{} is an IPv4 address, yet adrfam says IPv6", quote(traddr)));
  }
  return {};
}

// traddr may come with the brackets of a URL or without; trsvcid of "none" is none.
Status place(const Fields& fields, Address& out) {
  std::string_view traddr = fields[Part::kAddress];
  if (traddr.size() > 2 && traddr.front() == '[' && traddr.back() == ']' &&
      is_ipv6(traddr.substr(1, traddr.size() - 2))) {
    traddr = traddr.substr(1, traddr.size() - 2);
  }
  if (Status good = check_family(fields[Part::kFamily], traddr); !good) return good;
  if (find_control(traddr) != std::string_view::npos)
    return Error(EINVAL, fmt::format("there is a tab or a new line in the address {}", quote(traddr)));
  const std::string& service = fields[Part::kService];
  if (service.empty() || lower(service) == "none") {
    const bool bare_ipv6 = is_ipv6(traddr);
    return read_location(bare_ipv6                 ? fmt::format("[{}]", traddr)
                         : traddr.starts_with('[') ? std::string(traddr)
                                                   : percent_encode(traddr, ""),
                         out);
  }
  if (traddr.starts_with("[fd=")) {
    return Error(
        EINVAL, fmt::format("trsvcid {} beside {}: a socket that is open has its port", quote(service), quote(traddr)));
  }
  if (Status good = check_host(traddr); !good) return good;
  if (Status good = check_port(service); !good) return good;
  out.traddr = traddr;
  out.trsvcid = service;
  out.split = true;
  return {};
}

}  // namespace

Result<Address> parse_key_form(std::string_view text) {
  Address out;
  Fields fields;
  if (Status good = read_parts(text, fields, out); !good) return good.error();
  if (fields[Part::kTransport].empty()) {
    return Error(EINVAL, fmt::format("{} does not say the transport: add transport=NAME", quote(text)));
  }
  if (fields[Part::kAddress].empty())
    return Error(EINVAL, fmt::format("{} lacks the address: add traddr=ADDRESS", quote(text)));
  if (Status good = read_scheme(fields[Part::kTransport], text, out); !good) return good.error();
  if (Status good = place(fields, out); !good) return good.error();
  if (const std::string& nqn = fields[Part::kSubsystem]; !nqn.empty()) {
    Result<std::string> decoded = decode_nqn(nqn, "the value of subnqn");
    if (!decoded) return decoded.error();
    out.subnqn = std::move(*decoded);
  }
  return out;
}

}  // namespace weft::address

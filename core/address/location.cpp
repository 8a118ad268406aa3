#include "core/address/location.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/address/text.hpp"
#include "core/wire/nqn.hpp"

namespace weft::address {
namespace {

constexpr std::size_t kMaxScheme = 31;
constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxLocation = 255;  // what a transport's table and a discovery log entry have room for
constexpr std::uint64_t kMaxPort = 65535;

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Status check_scheme_part(std::string_view part, std::string_view whole) {
  if (part.empty())
    return Error(EINVAL, fmt::format("an empty name stands beside '+' in the scheme of {}", quote(whole)));
  if (!is_letter(part.front())) {
    return Error(EINVAL, fmt::format("the scheme {} has to start with a letter", quote(part)));
  }
  for (const char c : part) {
    if (!is_letter(c) && !is_digit(c)) {
      return Error(EINVAL, fmt::format("the scheme {} has characters other than letters and digits", quote(part)));
    }
  }
  if (part.size() > kMaxScheme) {
    return Error(EINVAL,
                 fmt::format("the scheme {} has {} characters, the most is {}", quote(part), part.size(), kMaxScheme));
  }
  return {};
}

// The inside of [fd=7].
Status read_descriptor(std::string_view inside, Address& out) {
  const std::string_view digits = inside.substr(3);
  if (digits.empty()) return Error(EINVAL, "[fd=] lacks the number of the open socket");
  for (const char c : digits) {
    if (!is_digit(c)) return Error(EINVAL, fmt::format("{} in [fd=...] is not the number of a socket", quote(digits)));
  }
  const Result<std::uint64_t> number = parse_count(digits, 0, std::numeric_limits<int>::max());
  if (!number) return Error(EINVAL, fmt::format("no socket can have the number {} of [fd=...]", quote(digits)));
  out.fd = static_cast<int>(*number);
  return {};
}

Status check_brackets(std::string_view inside) {
  if (inside.empty())
    return Error(EINVAL, "there is nothing between the brackets: an IPv6 address or fd=N belongs there");
  if (inside.back() == '%') return Error(EINVAL, fmt::format("{} has no interface after '%'", quote(inside)));
  if (is_ipv4(inside))
    return Error(EINVAL, fmt::format("{} is an IPv4 address, which takes no brackets", quote(inside)));
  if (is_ipv6(inside)) return {};
  return Error(EINVAL, fmt::format("{} in brackets is not an IPv6 address", quote(inside)));
}

// "fe80::1%25eth0", as URLs elsewhere write a scope: "%25" before a letter is the '%' itself.
std::string plain_scope(std::string_view inside) {
  std::string out(inside);
  const std::size_t percent = out.find("%25");
  if (percent != std::string::npos && percent + 3 < out.size() && is_letter(lower(out)[percent + 3]))
    out.erase(percent + 1, 2);
  return out;
}

// An open socket has no path of its own: what follows it is the subsystem's name, `path` with the last segment, which has
// been taken for a name already where it looks like one.
Status take_path(std::string_view path, Address& out) {
  Result<std::string> name = decode_nqn(path, "the subsystem's NQN");
  if (!name) return name.error();
  return add_path(*name, out);
}

// What follows the first '/' behind the host may be the subsystem's name.
Result<std::string> decode_location(std::string_view text, std::size_t host) {
  constexpr std::string_view kWhat = "the address";
  const std::size_t slash = text.find('/', host);
  if (slash == std::string_view::npos) return percent_decode(text, kWhat);
  Result<std::string> before = percent_decode(text.substr(0, slash), kWhat);
  if (!before) return before;
  Result<std::string> path = decode_path(text.substr(slash), kWhat);
  if (!path) return path;
  return *before + *path;
}

Status read_bracketed(std::string_view text, Address& out) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos)
    return Error(EINVAL, fmt::format("the bracket in {} is never closed", quote(text)));
  const std::string inside = plain_scope(text.substr(1, end - 1));
  const std::string_view after = text.substr(end + 1);
  if (inside.starts_with("fd=")) {
    if (!after.empty() && after.front() != '/') {
      return Error(EINVAL, fmt::format("{} after {}: an open socket has no port", quote(after),
                                       quote(fmt::format("[{}]", inside))));
    }
    if (Status good = read_descriptor(inside, out); !good) return good;
    return after.size() < 2 ? Status() : take_path(after.substr(1), out);
  }
  if (Status good = check_brackets(inside); !good) return good;
  if (!after.empty() && after.front() != ':' && after.front() != '/') {
    return Error(EINVAL, fmt::format("{} after the closing bracket is not a ':' and a port", quote(after)));
  }
  Result<std::string> rest = decode_location(after, 0);
  if (!rest) return rest.error();
  out.traddr = fmt::format("[{}]{}", inside, *rest);
  return {};
}

// A last segment of the location's own that looks like an NQN is not to be taken for one.
std::string hide_nqn(std::string location) {
  const std::size_t slash = location.rfind('/');
  const std::size_t last = slash == std::string::npos ? 0 : slash + 1;
  if (location.compare(last, 4, "nqn.") == 0) location.replace(last, 1, "%6E");
  return location;
}

}  // namespace

Status read_scheme(std::string_view text, std::string_view whole, Address& out) {
  if (text.empty())
    return Error(EINVAL, fmt::format("the transport's name is missing before '://' in {}", quote(whole)));
  std::string rest = lower(text);
  while (true) {
    const std::size_t plus = rest.find('+');
    const std::string part = rest.substr(0, plus);
    if (Status good = check_scheme_part(part, whole); !good) return good;
    if (plus == std::string::npos) {
      out.scheme = part;
      return {};
    }
    out.filters.push_back(part);
    rest.erase(0, plus + 1);
  }
}

Status read_location(std::string_view text, Address& out) {
  if (text.starts_with('[')) {
    if (Status good = read_bracketed(text, out); !good) return good;
  } else {
    Result<std::string> decoded = decode_location(text, 1);
    if (!decoded) return decoded.error();
    out.traddr = std::move(*decoded);
    if (out.traddr.starts_with('[')) {
      return Error(EINVAL, fmt::format("the bracket in {} must not be percent-encoded", quote(text)));
    }
  }
  // A path may be the subsystem's name: only the transport tells.
  const std::size_t slash = std::min(out.traddr.find('/', 1), out.traddr.size());
  return check_length(std::string_view(out.traddr).substr(0, slash));
}

Status check_length(std::string_view traddr) {
  if (traddr.size() <= kMaxLocation) return {};
  return Error(EINVAL,
               fmt::format("the address {} has {} bytes, the most is {}", quote(traddr), traddr.size(), kMaxLocation));
}

Status check_own_path(std::string_view traddr) {
  if (find_control(traddr) == std::string_view::npos) return {};
  return Error(EINVAL, fmt::format("there is a control character in the address {}", quote(traddr)));
}

Status add_path(std::string_view path, Address& out) {
  std::string name(path);
  if (!out.subnqn.empty()) {
    if (!out.subnqn.starts_with("nqn."))
      return Error(EINVAL,
                   fmt::format("there are two names of a subsystem: {} and {}", quote(path), quote(out.subnqn)));
    name += '/' + out.subnqn;
  }
  if (Status usable = wire::nqn_valid(name, "the subsystem's NQN"); !usable) return usable;
  out.subnqn = std::move(name);
  return {};
}

std::string print_location(const Address& address) {
  if (address.fd) return fmt::format("[fd={}]", *address.fd);
  if (address.split) {
    const bool brackets = address.traddr.find(':') != std::string::npos;
    std::string out = brackets ? '[' + address.traddr + ']' : hide_nqn(percent_encode(address.traddr, ""));
    if (!address.trsvcid.empty()) out += ':' + address.trsvcid;
    return out;
  }
  const std::size_t raw = address.traddr.starts_with('[') ? address.traddr.find(']') + 1 : 0;
  const std::string rest = percent_encode(std::string_view(address.traddr).substr(raw), "");
  return address.traddr.substr(0, raw) + hide_nqn(rest);
}

Status check_host(std::string_view host) {
  if (is_ipv6(host)) return {};
  if (host.size() > kMaxHost) {
    return Error(EINVAL,
                 fmt::format("the host name {} has {} characters, the most is {}", quote(host), host.size(), kMaxHost));
  }
  if (host == "*") return {};
  for (const char c : lower(host)) {
    if (c == '@') return Error(EINVAL, fmt::format("{} has a '@' in it: addresses have no user names", quote(host)));
    if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '_') {
      return Error(EINVAL, fmt::format("{} is neither a host name nor a numeric address", quote(host)));
    }
  }
  return {};
}

Status check_port(std::string_view port) {
  if (port.empty()) return Error(EINVAL, "the port is missing after ':'");
  for (const char c : port) {
    if (!is_digit(c)) return Error(EINVAL, fmt::format("the port {} is not a number", quote(port)));
  }
  if (!parse_count(port, 0, kMaxPort)) {
    return Error(EINVAL, fmt::format("the port {} is larger than {}", quote(port), kMaxPort));
  }
  return {};
}

}  // namespace weft::address

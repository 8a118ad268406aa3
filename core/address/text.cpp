#include "core/address/text.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <net/if.h>
#include <cerrno>

#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"

namespace weft::address {
namespace {

constexpr std::size_t kMaxQuoted = 120;

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// An interface's name or index after the '%' of a link-local address.
bool is_interface(std::string_view name) {
  for (const char c : name) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                      c == '-' || c == '_' || c == '@';
    if (!good) return false;
  }
  return !name.empty() && name.size() < IF_NAMESIZE;
}

bool parses_as(int family, std::string_view text) {
  unsigned char binary[16];
  return inet_pton(family, std::string(text).c_str(), binary) == 1;
}

// `controls`: encoded ones are taken, but for NUL.
Result<std::string> decode(std::string_view text, std::string_view what, bool controls) {
  if (find_control(text) != std::string_view::npos) {
    return Error(EINVAL, fmt::format("{} has a tab or a new line in it: {}", what, quote(text)));
  }
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Error(EINVAL,
                   fmt::format("'%' in {} is not followed by two hexadecimal digits in {} (a '%' itself is %25)", what,
                               quote(text)));
    }
    const char byte = static_cast<char>(high * 16 + low);
    if (is_control(byte) && (!controls || byte == 0)) {
      return Error(EINVAL, fmt::format("{} in {} stands for a control character, which {} cannot contain",
                                       text.substr(i, 3), quote(text), what));
    }
    out += byte;
    i += 2;
  }
  return out;
}

}  // namespace

std::string quote(std::string_view text) {
  return fmt::format("'{}{}'", escape(text.substr(0, kMaxQuoted)), text.size() > kMaxQuoted ? "..." : "");
}

std::string escape(std::string_view text) { return wire::printable(text); }

Result<std::string> percent_decode(std::string_view text, std::string_view what) { return decode(text, what, false); }

Result<std::string> decode_path(std::string_view text, std::string_view what) { return decode(text, what, true); }

Result<std::string> decode_nqn(std::string_view text, std::string_view what) {
  Result<std::string> nqn = decode(text, what, true);
  if (!nqn) return nqn;
  if (Status usable = wire::nqn_valid(*nqn, what); !usable) return usable.error();
  return nqn;
}

std::string percent_encode(std::string_view text, std::string_view also) {
  std::string out;
  for (const char c : text) {
    const bool special = is_control(c) || std::string_view(" %?#").find(c) != std::string_view::npos ||
                         also.find(c) != std::string_view::npos;
    if (special) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

bool is_ipv6(std::string_view text) {
  const std::size_t percent = text.find('%');
  if (percent != std::string_view::npos && !is_interface(text.substr(percent + 1))) return false;
  return parses_as(AF_INET6, text.substr(0, percent));
}

bool is_ipv4(std::string_view text) { return parses_as(AF_INET, text); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::size_t find_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_control(text[i])) return i;
  }
  return std::string_view::npos;
}

}  // namespace weft::address

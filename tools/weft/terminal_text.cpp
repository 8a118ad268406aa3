#include "terminal_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace weft::tools {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // in bytes; 0: not well-formed
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, length};
}

// Control characters (C0, C1), line separators, and marks that change the direction of writing.
bool is_printable(char32_t code) {
  const auto between = [code](char32_t first, char32_t last) { return code >= first && code <= last; };
  return code >= 0x20 && !between(0x7f, 0x9f) && code != 0x61c && !between(0x200b, 0x200f) &&
         !between(0x2028, 0x202e) && !between(0x2060, 0x206f) && code != 0xfeff;
}

}  // namespace

std::string terminal_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_character(text);
    const std::size_t length = next.length != 0 ? next.length : 1;
    const bool good = next.length != 0 && is_printable(next.code);
    if (good) out += text.substr(0, length);
    for (std::size_t i = 0; !good && i < length; ++i)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(text[i]));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace weft::tools

#include "core/wire/text_field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace weft::wire {

void write_text(std::span<char> field, std::string_view text, char padding) {
  text = text.substr(0, field.size());
  const auto end = std::copy(text.begin(), text.end(), field.begin());
  std::fill(end, field.end(), padding);
}

std::string_view read_text(std::span<const char> field) {
  std::string_view text(field.data(), field.size());
  text = text.substr(0, text.find('\0'));
  const auto last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace weft::wire

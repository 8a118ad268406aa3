#include "core/plugin/absent_note.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/wire/text_field.hpp"

namespace weft {

std::string read_absent_note(const TrustedFile& file) {
  std::array<char, 300> text{};
  const ssize_t count = ::pread(file.fd.get(), text.data(), text.size(), 0);
  const auto end = text.begin() + std::max<ssize_t>(count, 0);
  const std::string line(text.begin(), std::find(text.begin(), end, '\n'));
  return line.empty() ? "was left out, and the note does not say why" : wire::printable(line);
}

}  // namespace weft

#include "output.hpp"

#include <algorithm>
#include <array>

namespace weft::tools {

void print_json(const Json& json, std::FILE* to) {
  fmt::print(to, "{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  std::fflush(to);
}

void print_failure(const Failure& failure, bool json) {
  const Error& error = failure.error;
  if (json) {
    print_json({{"error", {{"stage", error.stage}, {"code", error.code}, {"text", error.text}}}});
  }
  fmt::print(stderr, "weft: {}\n", error.text);
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], i + 1 == row.size() ? 0 : widths[i] + 2);
    }
    fmt::print("{}\n", line);
  }
}

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const bool whole = value == static_cast<double>(static_cast<std::uint64_t>(value));
  return whole ? fmt::format("{} {}", static_cast<std::uint64_t>(value), kUnits[unit])
               : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

std::string uuid_text(std::span<const std::uint8_t, 16> uuid) {
  if (std::all_of(uuid.begin(), uuid.end(), [](std::uint8_t byte) { return byte == 0; })) return {};
  return fmt::format("{}-{}-{}-{}-{}", hex(uuid.subspan(0, 4)), hex(uuid.subspan(4, 2)), hex(uuid.subspan(6, 2)),
                     hex(uuid.subspan(8, 2)), hex(uuid.subspan(10, 6)));
}

std::string clean(std::string_view text) {
  std::string out(text.substr(0, text.find('\0')));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace weft::tools

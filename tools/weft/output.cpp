#include "output.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace weft::tools {

Status flush_output(Program& program) { return write_standard_output(std::exchange(program.output, {})); }

std::string json_text(const Json& json) { return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n"; }

std::string json_line(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n"; }

void print_json(Program& program, const Json& json) { program.output += json_text(json); }

void print_failure(Program& program, const Failure& failure) {
  const Error& error = failure.error;
  if (program.json) {
    print_json(program, {{"error", {{"stage", error.stage}, {"code", error.code}, {"text", error.text}}}});
    static_cast<void>(flush_output(program));  // the sentence below says what is worse
  }
  say("weft: {}\n", error.text);
}

void print_table(Program& program, std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows) {
    for (std::string& cell : row) cell = terminal_text(cell);
  }
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
    put(program, "{}\n", line);
  }
}

std::string counted(std::uint64_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
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

std::string unpadded(std::string_view text) {
  std::string out(text.substr(0, text.find('\0')));
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace weft::tools

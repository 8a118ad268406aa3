// output.hpp - how results look: tables and sizes for people, JSON for scripts, one line for a failure.
//
// Results go to standard output (collected in Program::output, and written whole), failures and progress to standard
// error. One thread.
#ifndef WEFT_TOOLS_OUTPUT_HPP
#define WEFT_TOOLS_OUTPUT_HPP

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "program.hpp"
#include "standard.hpp"

namespace weft::tools {

using Json = nlohmann::ordered_json;

// Text among the arguments is escaped: shown().
template <class... Args>
void put(Program& program, fmt::format_string<Shown<Args>...> format, const Args&... args) {
  program.output += format_shown<Args...>(format, args...);
}
// Writes what was put so far.
[[nodiscard]] Status flush_output(Program& program);

// In ASCII, the rest escaped; bytes that are not UTF-8 (a peer's names) are replaced. So it is always well-formed, and no
// terminal acts on it.
[[nodiscard]] std::string json_text(const Json& json);
[[nodiscard]] std::string json_line(const Json& json);
void print_json(Program& program, const Json& json);
// "weft: sentence" on standard error; with --json an object {"error": ...} on standard output as well.
void print_failure(Program& program, const Failure& failure);

// Columns as wide as their widest cell, each as terminal_text(); the first row is the heading.
void print_table(Program& program, std::vector<std::vector<std::string>> rows);

[[nodiscard]] std::string counted(std::uint64_t count, std::string_view thing);  // 1 block, 2 blocks
[[nodiscard]] std::string human_size(std::uint64_t bytes);                       // 64 MiB
[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string uuid_text(std::span<const std::uint8_t, 16> uuid);  // "" when all are zero
// Text in a field of fixed size, of which some are not ended by a NUL. Whoever prints it makes it safe to print.
[[nodiscard]] std::string unpadded(std::string_view text);
template <class Field>
[[nodiscard]] std::string field_text(const Field& field) {
  return unpadded(std::string_view(reinterpret_cast<const char*>(field.data()), field.size()));
}

}  // namespace weft::tools

#endif

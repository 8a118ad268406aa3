// output.hpp - how results look: tables and sizes for people, JSON for scripts, one line for a failure.
//
// Results go to standard output, failures and progress to standard error. One thread.
#ifndef WEFT_TOOLS_OUTPUT_HPP
#define WEFT_TOOLS_OUTPUT_HPP

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "program.hpp"

namespace weft::tools {

using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 (a peer's names) are replaced, so that what comes out is always well-formed.
void print_json(const Json& json, std::FILE* to = stdout);
// "weft: sentence" on standard error; with `json` an object {"error": ...} on standard output as well.
void print_failure(const Failure& failure, bool json);

// Columns as wide as their widest cell; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows);

[[nodiscard]] std::string human_size(std::uint64_t bytes);  // 64 MiB
[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string uuid_text(std::span<const std::uint8_t, 16> uuid);  // "" when all are zero
// Text of a peer's without its padding, control characters replaced.
[[nodiscard]] std::string clean(std::string_view text);

}  // namespace weft::tools

#endif

#include "toml_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace weft::tools {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kHour = 3600 * 1000 * kMillisecond;

std::string type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

}  // namespace

std::string TomlReader::where(const toml::node& node) const {
  return fmt::format("{}:{}", file_, node.source().begin.line);
}

void TomlReader::fail(const toml::node& node, std::string_view sentence) {
  if (ok()) error_ = Error(EINVAL, fmt::format("{}: {}", where(node), sentence));
}

void TomlReader::fail(const toml::node& node, std::string_view key, const Error& error) {
  fail(node, fmt::format("'{}' in {}: {}", key, what_, error.text));
}

const toml::node* TomlReader::find(std::string_view key) {
  known_.push_back(key);
  return ok() ? table_.get(key) : nullptr;
}

std::optional<std::string> TomlReader::text_of(const toml::node& node, std::string_view key) {
  if (const auto value = node.value_exact<std::string>()) return value;
  fail(node, fmt::format("'{}' in {} has to be text, not {}", key, what_, type_name(node)));
  return std::nullopt;
}

void TomlReader::text(std::string_view key, std::string& out) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  if (auto value = text_of(*node, key)) out = std::move(*value);
}

void TomlReader::texts(std::string_view key, std::vector<std::string>& out) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  const toml::array* const array = node->as_array();
  if (array == nullptr)
    return fail(*node, fmt::format("'{}' in {} has to be an array, not {}", key, what_, type_name(*node)));
  for (const toml::node& element : *array) {
    if (auto value = text_of(element, key)) out.push_back(std::move(*value));
  }
}

void TomlReader::boolean(std::string_view key, bool& out) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<bool>();
  if (!value)
    return fail(*node, fmt::format("'{}' in {} has to be true or false, not {}", key, what_, type_name(*node)));
  out = *value;
}

void TomlReader::whole_number(std::string_view key, std::uint64_t low, std::uint64_t high, std::uint64_t& out) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<std::int64_t>();
  if (!value)
    return fail(*node, fmt::format("'{}' in {} has to be a whole number, not {}", key, what_, type_name(*node)));
  if (*value < 0 || static_cast<std::uint64_t>(*value) < low || static_cast<std::uint64_t>(*value) > high) {
    return fail(*node, fmt::format("'{}' in {} is {}, which is not between {} and {}", key, what_, *value, low, high));
  }
  out = static_cast<std::uint64_t>(*value);
}

void TomlReader::size(std::string_view key, std::uint64_t low, std::uint64_t high, std::uint64_t& out) {
  const toml::node* const node = ok() ? table_.get(key) : nullptr;
  if (node == nullptr || node->is_integer()) return whole_number(key, low, high, out);
  known_.push_back(key);
  const auto value = text_of(*node, key);
  if (!value) return;
  const Result<std::uint64_t> parsed = parse_size(*value);
  if (!parsed) return fail(*node, key, parsed.error());
  if (*parsed < low || *parsed > high) {
    return fail(*node, fmt::format("'{}' in {} is {}, which is not between {} and {}", key, what_, *value, low, high));
  }
  out = *parsed;
}

void TomlReader::duration(std::string_view key, std::uint64_t low, std::uint64_t high, std::uint64_t& nanoseconds) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  std::string written;
  if (const auto number = node->value_exact<std::int64_t>()) {
    written = std::to_string(*number);
  } else if (auto value = text_of(*node, key)) {
    written = std::move(*value);
  } else {
    return;
  }
  const Result<std::chrono::nanoseconds> parsed = parse_duration(written);
  if (!parsed) return fail(*node, key, parsed.error());
  const auto value = static_cast<std::uint64_t>(parsed->count());
  if (value < low || value > high) {
    return fail(*node, fmt::format("'{}' in {} is {}, which is not between {} ms and {} h", key, what_, written,
                                   low / kMillisecond, high / kHour));
  }
  nanoseconds = value;
}

template <class Parse, class Value>
void TomlReader::parsed(std::string_view key, Parse parse, Value& out) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  const auto text = text_of(*node, key);
  if (!text) return;
  const auto value = parse(*text);
  if (!value) return fail(*node, key, value.error());
  out = *value;
}

void TomlReader::wait(std::string_view key, WaitPolicy& out) { parsed(key, parse_wait, out); }

void TomlReader::cntlids(std::string_view key, std::optional<CntlidRange>& out) {
  parsed(key, parse_cntlid_range, out);
}

void TomlReader::uuid(std::string_view key, std::optional<std::array<std::uint8_t, 16>>& out) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  const auto value = text_of(*node, key);
  if (!value) return;
  const Result<std::array<std::uint8_t, 16>> parsed = parse_uuid(*value);
  if (!parsed) return fail(*node, key, parsed.error());
  out = *parsed;
}

void TomlReader::tables(std::string_view key,
                        const std::function<void(const toml::table&, const std::string& where)>& each) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  const toml::array* const array = node->as_array();
  if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
    return fail(*node, fmt::format("'{}' in {} has to be written as [[{}]]", key, what_, key));
  }
  for (const toml::node& element : *array) {
    if (ok()) each(*element.as_table(), where(element));
  }
}

void TomlReader::table(std::string_view key, const std::function<void(const toml::table&)>& one) {
  const toml::node* const node = find(key);
  if (node == nullptr) return;
  if (!node->is_table()) return fail(*node, fmt::format("'{}' in {} has to be a table: [{}]", key, what_, key));
  one(*node->as_table());
}

void TomlReader::named_tables(const std::function<void(std::string_view name, const toml::table&)>& each) {
  for (const auto& [key, node] : table_) {
    if (!ok()) return;
    if (!node.is_table())
      return fail(node, fmt::format("'{}' in {} has to be a table, not {}", key.str(), what_, type_name(node)));
    each(key.str(), *node.as_table());
  }
}

void TomlReader::options(std::vector<Option>& out) {
  for (const auto& [key, node] : table_) {
    if (!ok()) return;
    Option option{std::string(key.str()), {}};
    if (const auto number = node.value_exact<std::int64_t>()) {
      option.value = std::to_string(*number);
    } else if (const auto on = node.value_exact<bool>()) {
      option.value = *on ? "on" : "off";
    } else if (auto written = node.value_exact<std::string>()) {
      option.value = std::move(*written);
    } else {
      fail(node, fmt::format("'{}' in {} has to be text, a whole number, true or false, not {}", option.key, what_,
                             type_name(node)));
    }
    out.push_back(std::move(option));
  }
}

void TomlReader::require(std::string_view key) {
  if (ok() && !table_.contains(key)) fail(table_, fmt::format("{} lacks '{}'", what_, key));
}

void TomlReader::refuse(std::string_view key, std::string_view sentence) {
  const toml::node* const node = table_.get(key);
  fail(node != nullptr ? *node : table_, fmt::format("'{}' in {} {}", key, what_, sentence));
}

std::string TomlReader::where(std::string_view key) const {
  const toml::node* const node = table_.get(key);
  return where(node != nullptr ? *node : table_);
}

void TomlReader::finish() {
  for (const auto& [key, node] : table_) {
    const bool known = std::find(known_.begin(), known_.end(), key.str()) != known_.end();
    if (known || !ok()) continue;
    const std::string_view nearest = nearest_word(key.str(), known_);
    const std::string hint = nearest.empty() ? fmt::format("; known are {}", fmt::join(known_, ", "))
                                             : fmt::format("; did you mean '{}'?", nearest);
    error_ = Error(EINVAL, fmt::format("{}:{}: there is no key '{}' in {}{}", file_, key.source().begin.line, key.str(),
                                       what_, hint));
  }
}

}  // namespace weft::tools

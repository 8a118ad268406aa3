// toml_reader.hpp - takes keys out of a TOML table, checks them, and remembers the first thing that is wrong with its line.
//
//   TomlReader reader(table, "weft.toml", error);
//   reader.count("threads", 1, 64, options.threads);
//   reader.finish();                       // what was not asked for is an unknown key
// A key that is not there leaves the value as it was. After an error nothing more is read. One thread; borrows the table.
#ifndef WEFT_TOOLS_TOML_READER_HPP
#define WEFT_TOOLS_TOML_READER_HPP

#include <toml++/toml.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/address.hpp"
#include "weft/controller.hpp"
#include "weft/status.hpp"

namespace weft::tools {

class TomlReader {
 public:
  // `error` is shared by the readers of one file; code 0: none yet. `what` names the table: "[limits]".
  TomlReader(const toml::table& table, std::string file, std::string what, Error& error)
      : table_(table), file_(std::move(file)), what_(std::move(what)), error_(error) {}

  void text(std::string_view key, std::string& out);
  void texts(std::string_view key, std::vector<std::string>& out);
  void boolean(std::string_view key, bool& out);
  void size(std::string_view key, std::uint64_t low, std::uint64_t high, std::uint64_t& out);
  void duration(std::string_view key, std::uint64_t low, std::uint64_t high, std::uint64_t& nanoseconds);
  void wait(std::string_view key, WaitPolicy& out);
  void cntlids(std::string_view key, std::optional<CntlidRange>& out);
  void uuid(std::string_view key, std::optional<std::array<std::uint8_t, 16>>& out);
  template <class T>
  void count(std::string_view key, std::uint64_t low, std::uint64_t high, T& out) {
    std::uint64_t value = out;
    whole_number(key, low, high, value);
    out = static_cast<T>(value);
  }
  // Each table of [[key]], or the one of [key].
  void tables(std::string_view key, const std::function<void(const toml::table&, const std::string& where)>& each);
  void table(std::string_view key, const std::function<void(const toml::table&)>& one);
  // All keys, whatever they are called: each names a table.
  void named_tables(const std::function<void(std::string_view name, const toml::table&)>& each);
  // All keys, whatever they are called: each with its value as a config string has it.
  void options(std::vector<Option>& out);
  void require(std::string_view key);
  // For what only the caller can judge: the sentence goes with the key's line, or the table's where the key is not written.
  void refuse(std::string_view key, std::string_view sentence);
  [[nodiscard]] std::string where(std::string_view key) const;
  void finish();

  [[nodiscard]] std::string where() const { return where(table_); }
  [[nodiscard]] bool ok() const { return error_.code == 0; }

 private:
  [[nodiscard]] const toml::node* find(std::string_view key);
  void whole_number(std::string_view key, std::uint64_t low, std::uint64_t high, std::uint64_t& out);
  // Sets `out` to what `parse` makes of a text; a text that it refuses is an error with its line.
  template <class Parse, class Value>
  void parsed(std::string_view key, Parse parse, Value& out);
  [[nodiscard]] std::optional<std::string> text_of(const toml::node& node, std::string_view key);
  [[nodiscard]] std::string where(const toml::node& node) const;
  void fail(const toml::node& node, std::string_view sentence);
  void fail(const toml::node& node, std::string_view key, const Error& error);

  const toml::table& table_;
  const std::string file_;
  const std::string what_;
  Error& error_;
  std::vector<std::string_view> known_;  // literals that were asked for
};

}  // namespace weft::tools

#endif

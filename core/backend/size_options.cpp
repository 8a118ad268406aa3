#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/backend/backends.hpp"

namespace weft {
namespace {

Status read_block_size(const std::string& text, BackendInfo& info) {
  auto size = parse_size(text);
  if (!size) return std::move(size).error().with_context("block=" + text);
  if (*size != 512 && *size != 4096) return Error(EINVAL, fmt::format("block={}: a block has 512 or 4096 bytes", text));
  info.block_size = static_cast<std::uint32_t>(*size);
  return {};
}

Status check_key(const std::string& key, std::initializer_list<std::string_view> also) {
  std::vector<std::string_view> known{"size", "block"};
  known.insert(known.end(), also);
  if (std::find(known.begin(), known.end(), key) != known.end()) return {};
  const std::string_view near = nearest_word(key, known);
  return Error(EINVAL, near.empty()
                           ? fmt::format("'{}' is no option of this backend; it takes {}", key, fmt::join(known, ", "))
                           : fmt::format("'{}' is no option of this backend; did you mean '{}'?", key, near));
}

}  // namespace

Status read_size_options(const BackendAddress& address, BackendInfo& info, SizeNeeded needed,
                         std::initializer_list<std::string_view> also) {
  const std::string* size = nullptr;
  for (const Option& option : address.options) {
    if (Status s = check_key(option.key, also); !s) return std::move(s).error().with_context(address.to_string());
    if (option.key == "size") size = &option.value;
    if (option.key != "block") continue;
    if (Status s = read_block_size(option.value, info); !s)
      return std::move(s).error().with_context(address.to_string());
  }
  if (size == nullptr) {
    if (needed == SizeNeeded::kNo) return {};
    return Error(EINVAL, fmt::format("{}: no size: write {}://?size=1G", address.to_string(), address.scheme));
  }
  auto bytes = parse_size(*size);
  if (!bytes) return std::move(bytes).error().with_context(address.to_string());
  if (*bytes == 0 || *bytes % info.block_size != 0) {
    return Error(EINVAL, fmt::format("{}: a size of {} bytes is not a whole number of {}-byte blocks, one at least",
                                     address.to_string(), *bytes, info.block_size));
  }
  info.blocks = *bytes / info.block_size;
  return {};
}

std::string bytes_in_words(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", bytes, kUnits[unit]);
}

}  // namespace weft

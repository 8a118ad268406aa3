#include "core/wire/uuid.hpp"

#include <sys/random.h>

#include <fmt/format.h>
#include <algorithm>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <cerrno>
#include <cstdlib>
#include <iterator>

#include "core/wire/text_field.hpp"

namespace weft::wire {
namespace {

// The name space of all that Weft derives. Never to change: serial numbers and UUIDs of existing namespaces hang on it.
constexpr boost::uuids::uuid kWeftNamespace = {
    {0x6b, 0x1d, 0x0c, 0x5e, 0x92, 0x4f, 0x4a, 0x37, 0xb8, 0x52, 0x0e, 0xd4, 0x73, 0xa1, 0xc9, 0x16}};

constexpr bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != kUuidTextLength) {
    return Error(EINVAL, fmt::format("'{}' is not a UUID: it has {} characters instead of {}",
                                     printable(text.substr(0, 2 * kUuidTextLength)), text.size(), kUuidTextLength));
  }
  Uuid uuid{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] == '-') continue;
      return Error(EINVAL, fmt::format("'{}' is not a UUID: character {} must be '-'", printable(text), i + 1));
    }
    const int value = hex_digit(text[i]);
    if (value < 0) {
      return Error(EINVAL,
                   fmt::format("'{}' is not a UUID: character {} is no hexadecimal digit", printable(text), i + 1));
    }
    uuid[digits / 2] = static_cast<std::uint8_t>((uuid[digits / 2] << 4) | value);
    ++digits;
  }
  return uuid;
}

std::string format_uuid(const Uuid& uuid) {
  std::string text;
  text.reserve(kUuidTextLength);
  for (const std::uint8_t byte : uuid) {
    if (is_dash_position(text.size())) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  }
  return text;
}

bool is_nil(const Uuid& uuid) {
  return std::ranges::all_of(uuid, [](std::uint8_t byte) { return byte == 0; });
}

Uuid derive_uuid(std::string_view purpose, std::string_view name) {
  // Two steps, so that no purpose and name run into another pair of the same letters.
  const boost::uuids::name_generator_sha1 in_weft(kWeftNamespace);
  const boost::uuids::name_generator_sha1 in_purpose(in_weft(purpose.data(), purpose.size()));
  const boost::uuids::uuid derived = in_purpose(name.data(), name.size());
  Uuid uuid{};
  std::copy(derived.begin(), derived.end(), uuid.begin());
  return uuid;
}

Uuid random_uuid() {
  Uuid uuid{};
  // Up to 256 bytes come whole or not at all; EINTR only while the kernel's pool is not ready yet.
  while (::getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size())) {
    if (errno != EINTR) std::abort();  // a kernel without getrandom: older than all we run on
  }
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);
  return uuid;
}

}  // namespace weft::wire

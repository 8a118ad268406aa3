// endian.hpp - integers as they lie on the wire: byte arrays that read and assign like the host's integers.
//
//   struct Header { weft::le16 cid; weft::le32 length; };   // 6 bytes, alignment 1, no padding
//   auto header = weft::load<Header>(bytes);                // memcpy: any alignment
//   std::uint32_t length = header.length;
//
// All are trivially copyable, have standard layout and alignment 1, and start as zero. A raw uint32_t is always in host
// order. Value types; any thread.
#ifndef WEFT_ENDIAN_HPP
#define WEFT_ENDIAN_HPP

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

// Each field of a wire struct is asserted to lie where the specification puts it.
#define WEFT_WIRE_FIELD(type, field, offset) static_assert(offsetof(type, field) == (offset))
#define WEFT_WIRE_SIZE(type, size)                                                                    \
  static_assert(sizeof(type) == (size) && alignof(type) == 1 && std::is_trivially_copyable_v<type> && \
                std::is_standard_layout_v<type>)

namespace weft {

template <std::unsigned_integral T, std::endian Order>
class WireInteger {
 public:
  constexpr WireInteger() = default;
  // Implicit both ways: a wire field is used like the integer that it holds.
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr WireInteger(T value) : bytes_(std::bit_cast<Bytes>(swapped(value))) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator T() const { return swapped(std::bit_cast<T>(bytes_)); }

  [[nodiscard]] constexpr T value() const { return *this; }
  constexpr WireInteger& operator|=(T bits) { return *this = static_cast<T>(value() | bits); }
  constexpr WireInteger& operator&=(T bits) { return *this = static_cast<T>(value() & bits); }
  constexpr WireInteger& operator+=(T more) { return *this = static_cast<T>(value() + more); }

 private:
  using Bytes = std::array<std::uint8_t, sizeof(T)>;

  static constexpr T swapped(T value) {
    if constexpr (Order != std::endian::native) {
      return std::byteswap(value);
    } else {
      return value;
    }
  }

  Bytes bytes_{};
};

using le16 = WireInteger<std::uint16_t, std::endian::little>;
using le32 = WireInteger<std::uint32_t, std::endian::little>;
using le64 = WireInteger<std::uint64_t, std::endian::little>;
using be16 = WireInteger<std::uint16_t, std::endian::big>;
using be32 = WireInteger<std::uint32_t, std::endian::big>;
using be64 = WireInteger<std::uint64_t, std::endian::big>;

WEFT_WIRE_SIZE(le16, 2);
WEFT_WIRE_SIZE(le32, 4);
WEFT_WIRE_SIZE(le64, 8);

// The fields of wire structs that are not integers: opaque or reserved bytes, and padded text.
template <std::size_t N>
using WireBytes = std::array<std::uint8_t, N>;
template <std::size_t N>
using WireText = std::array<char, N>;

// A wire struct out of, or into, sizeof(T) bytes at any address.
template <class T>
  requires std::is_trivially_copyable_v<T>
[[nodiscard]] inline T load(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <class T>
  requires std::is_trivially_copyable_v<T>
inline void store(void* bytes, const T& value) {
  std::memcpy(bytes, &value, sizeof(T));
}

// A wire struct made where it is to lie, with its fields as they start: what is assigned to them is written there at once. For
// the data path: a struct that is made aside and then store()d is written in fields and read back in larger pieces, and a
// processor that cannot forward the former to the latter waits for all of them.
template <class T>
  requires(std::is_trivially_copyable_v<T> && alignof(T) == 1)
inline T& emplace(void* bytes) {
  return *::new (bytes) T{};
}

}  // namespace weft

#endif

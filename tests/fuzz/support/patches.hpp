// patches.hpp - an input as a list of small differences from something valid: zeroes change nothing, so that inputs begin as
// accepted ones and stray from there.
//
//   Bytes input(data, size);
//   while (!input.done()) { ... input.byte() ... apply_patches(input, input.byte() & 7, bytes); }
//
// Values; borrows the input.
#ifndef WEFT_TESTS_FUZZ_SUPPORT_PATCHES_HPP
#define WEFT_TESTS_FUZZ_SUPPORT_PATCHES_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::fuzz {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
  [[nodiscard]] bool done() const { return left_.empty(); }
  [[nodiscard]] std::uint8_t byte() {  // 0 beyond the end
    if (left_.empty()) return 0;
    const std::uint8_t first = left_.front();
    left_ = left_.subspan(1);
    return first;
  }
  [[nodiscard]] std::uint16_t word() {
    const unsigned low = byte();
    return static_cast<std::uint16_t>(low | static_cast<unsigned>(byte()) << 8);
  }

 private:
  std::span<const std::uint8_t> left_;
};

// One patch: an offset of 16 bits, modulo the size, and what that byte is XORed with.
inline void apply_patch(Bytes& input, std::span<std::byte> bytes) {
  const std::size_t at = input.word();
  const auto change = static_cast<std::byte>(input.byte());
  if (!bytes.empty()) bytes[at % bytes.size()] ^= change;
}

inline void apply_patches(Bytes& input, unsigned count, std::span<std::byte> bytes) {
  for (unsigned i = 0; i < count; ++i) apply_patch(input, bytes);
}

}  // namespace weft::fuzz

#endif

// pattern.hpp - data that can be told again from the block's number and a seed, so that what comes back can be checked.
//
// Pure; any thread.
#ifndef WEFT_TOOLS_PATTERN_HPP
#define WEFT_TOOLS_PATTERN_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace weft::tools {

// A bijection of 64-bit words without visible order (the finaliser of splitmix64).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

// The next random word; `state` is any number.
[[nodiscard]] constexpr std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  return mix(state);
}

// Each block starts with its number, so that a misplaced one is recognised; the rest follows from number, place and seed.
class Pattern {
 public:
  Pattern(std::uint64_t seed, std::uint32_t block_size)
      : seed_(mix(seed)), words_(block_size / sizeof(std::uint64_t)) {}

  void fill(std::uint64_t lba, std::span<std::byte> data) const {
    std::uint64_t at = lba * words_;
    for (std::size_t i = 0; i + sizeof at <= data.size(); i += sizeof at, ++at) {
      const std::uint64_t word = word_at(at);
      std::memcpy(data.data() + i, &word, sizeof word);
    }
  }

  // Where the data first differs from what fill() makes: an offset in bytes, of a word.
  [[nodiscard]] std::optional<std::size_t> find_difference(std::uint64_t lba, std::span<const std::byte> data) const {
    std::uint64_t at = lba * words_;
    for (std::size_t i = 0; i + sizeof at <= data.size(); i += sizeof at, ++at) {
      std::uint64_t word = 0;
      std::memcpy(&word, data.data() + i, sizeof word);
      if (word != word_at(at)) return i;
    }
    return std::nullopt;
  }

  // `at` counts words from the namespace's first block on.
  [[nodiscard]] std::uint64_t word_at(std::uint64_t at) const {
    return at % words_ == 0 ? at / words_ : mix(at ^ seed_);
  }

 private:
  const std::uint64_t seed_;
  const std::uint64_t words_;  // in a block
};

}  // namespace weft::tools

#endif

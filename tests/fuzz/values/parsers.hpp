// parsers.hpp - the parsers of text and files that fuzz_values feeds. Each keeps its own promises and says what it reached.
#ifndef WEFT_TESTS_FUZZ_VALUES_PARSERS_HPP
#define WEFT_TESTS_FUZZ_VALUES_PARSERS_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "fuzz/support/outcomes.hpp"

namespace weft::fuzz {

enum Outcome : std::size_t {
  kAddress,
  kAddressRefused,
  kHostOptions,
  kBackend,
  kBackendRefused,
  kScalar,
  kName,
  kNameRefused,
  kUuid,
  kElf,
  kElfRefused,
  kConfig,
  kConfigRefused,
};
extern Outcomes outcomes;

void fuzz_address(std::string_view text);
void fuzz_wire(std::span<const std::uint8_t> bytes);
void fuzz_elf(std::span<const std::uint8_t> bytes);
void fuzz_config(std::string_view text);

}  // namespace weft::fuzz

#endif

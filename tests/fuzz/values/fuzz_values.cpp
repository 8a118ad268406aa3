// fuzz_values.cpp - everything that Weft reads from a person, a file or a name field. The first byte says what the rest is:
// 0 a config string, 1 a submission queue entry with a name field and a text, 2 a plugin file, 3 a configuration file.
// Starts from corpus/, in which all are valid.
#include "fuzz/values/parsers.hpp"

namespace weft::fuzz {

Outcomes outcomes({"an address", "an address refused", "a host's options", "a backend", "a backend refused", "a size",
                   "a name", "a name refused", "a UUID", "a plugin file", "a plugin file refused",
                   "a configuration file", "a configuration file refused"});

}  // namespace weft::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) { return weft::fuzz::outcomes.judge_at_exit(argc, argv); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> rest(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  switch (data[0] & 3) {
    case 0:
      weft::fuzz::fuzz_address(text);
      break;
    case 1:
      weft::fuzz::fuzz_wire(rest);
      break;
    case 2:
      weft::fuzz::fuzz_elf(rest);
      break;
    default:
      weft::fuzz::fuzz_config(text);
  }
  return 0;
}

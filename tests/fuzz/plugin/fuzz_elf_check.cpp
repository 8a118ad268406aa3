// Fuzzes what looks at a plugin file before it is loaded: any bytes get a verdict. The corpus has libraries that are
// accepted, with either kind of hash table.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/plugin/elf_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::MemoryBytes file(std::as_bytes(std::span(data, size)));
  const weft::Status status = weft::check_elf(file);
  if (!status && status.error().text.empty()) __builtin_trap();  // a refusal always has its sentence
  return 0;
}

// elf_image.hpp - builds the smallest shared library that check_elf() accepts, so that a test can spoil any part of it.
#ifndef WEFT_TESTS_UNIT_PLUGIN_ELF_IMAGE_HPP
#define WEFT_TESTS_UNIT_PLUGIN_ELF_IMAGE_HPP

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::test {

struct ElfImage {
  Elf64_Ehdr header;
  Elf64_Phdr load, dynamic;
  Elf64_Dyn entries[6];
  // DT_GNU_HASH with one bucket, or DT_HASH with one bucket: one chain with the one symbol in it.
  std::uint32_t gnu_head[4];
  std::uint64_t gnu_filter;
  std::uint32_t gnu_bucket, gnu_chain;
  std::uint32_t sysv[5];
  std::uint32_t padding;
  Elf64_Sym symbols[2];
  char names[40];

  explicit ElfImage(const std::string& symbol, bool sysv_hash = false);
  [[nodiscard]] std::vector<std::byte> bytes() const;
};

}  // namespace weft::test

#endif

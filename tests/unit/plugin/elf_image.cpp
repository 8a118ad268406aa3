#include "unit/plugin/elf_image.hpp"

#include <bit>
#include <cstring>

namespace weft::test {
namespace {

std::uint32_t gnu_hash(const std::string& name) {
  std::uint32_t hash = 5381;
  for (char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

std::uint16_t this_machine() {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#else
  return EM_NONE;
#endif
}

}  // namespace

ElfImage::ElfImage(const std::string& symbol, bool sysv_hash) {
  std::memset(static_cast<void*>(this), 0, sizeof *this);
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  header.e_type = ET_DYN;
  header.e_machine = this_machine();
  header.e_phoff = offsetof(ElfImage, load);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  load.p_type = PT_LOAD;
  load.p_vaddr = 0x1000;
  load.p_filesz = load.p_memsz = sizeof *this;
  dynamic.p_type = PT_DYNAMIC;
  dynamic.p_offset = offsetof(ElfImage, entries);
  dynamic.p_filesz = sizeof entries;

  const auto address = [](std::size_t offset) { return Elf64_Addr{0x1000 + offset}; };
  entries[0] = {DT_SYMTAB, {address(offsetof(ElfImage, symbols))}};
  entries[1] = {DT_STRTAB, {address(offsetof(ElfImage, names))}};
  entries[2] = {DT_STRSZ, {sizeof names}};
  entries[3] = sysv_hash ? Elf64_Dyn{DT_HASH, {address(offsetof(ElfImage, sysv))}}
                         : Elf64_Dyn{DT_GNU_HASH, {address(offsetof(ElfImage, gnu_head))}};
  gnu_head[0] = gnu_head[1] = gnu_head[2] = 1;
  gnu_bucket = 1;
  gnu_chain = gnu_hash(symbol) | 1;
  sysv[0] = 1;  // buckets
  sysv[1] = 2;  // chains
  sysv[2] = 1;  // the bucket: symbol 1, whose chain ends
  symbols[1].st_name = 1;
  symbols[1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbols[1].st_shndx = 1;
  std::memcpy(names + 1, symbol.c_str(), symbol.size() + 1);
}

std::vector<std::byte> ElfImage::bytes() const {
  const auto* begin = reinterpret_cast<const std::byte*>(this);
  return {begin, begin + sizeof *this};
}

}  // namespace weft::test

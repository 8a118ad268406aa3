#include "core/plugin/elf_check.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "weft/transport_abi.h"

namespace weft {
namespace {

static_assert(sizeof(void*) == 8, "the plugin contract is LP64");

constexpr std::uint32_t kSegmentsBound = 512;
constexpr std::uint64_t kDynamicBound = 4096;    // entries
constexpr std::uint32_t kChainBound = 1u << 16;  // symbols that share a hash bucket
constexpr unsigned kMajorsLookedFor = 16;

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#elif defined(__powerpc64__)
constexpr std::uint16_t kMachine = EM_PPC64;
#elif defined(__s390x__)
constexpr std::uint16_t kMachine = EM_S390;
#elif defined(__riscv)
constexpr std::uint16_t kMachine = EM_RISCV;
#else
#error "which e_machine do shared libraries for this machine have?"
#endif

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "x86 (32 bits)";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "Arm (32 bits)";
    case EM_AARCH64:
      return "Arm64";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "s390";
    case EM_RISCV:
      return "RISC-V";
    default:
      return fmt::format("machine {}", machine);
  }
}

Error refuse(std::string sentence) { return {ENOEXEC, std::move(sentence)}; }
Error damaged(std::string_view what) { return refuse(fmt::format("is damaged: {}", what)); }

// Is [offset, offset + length) within `size`? Without the addition that could wrap.
bool within(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  return offset <= size && length <= size - offset;
}

template <class T>
Result<T> read_struct(ByteSource& file, std::uint64_t offset, std::string_view what) {
  if (!within(offset, sizeof(T), file.size())) return damaged(fmt::format("its {} lies beyond its end", what));
  T value;
  if (Status status = file.read(offset, std::as_writable_bytes(std::span(&value, 1))); !status) return status.error();
  return value;
}

std::uint32_t gnu_hash(std::string_view name) {
  std::uint32_t hash = 5381;
  for (char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

std::uint32_t sysv_hash(std::string_view name) {
  std::uint32_t hash = 0;
  for (char c : name) {
    hash = (hash << 4) + static_cast<unsigned char>(c);
    const std::uint32_t high = hash & 0xf0000000u;
    hash = (hash ^ (high >> 24)) & ~high;
  }
  return hash;
}

Status check_ident(const Elf64_Ehdr& header) {
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return refuse("is not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64)
    return refuse(fmt::format("is a {} library, this process has 64 bits",
                              header.e_ident[EI_CLASS] == ELFCLASS32 ? "32-bit" : "(class unknown)"));
  constexpr unsigned char kOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (header.e_ident[EI_DATA] != kOrder) return refuse("has the other byte order");
  if (header.e_machine != kMachine)
    return refuse(fmt::format("is built for {}, this is {}", machine_name(header.e_machine), machine_name(kMachine)));
  if (header.e_type != ET_DYN)
    return refuse(header.e_type == ET_REL    ? "is an object file, not a shared library"
                  : header.e_type == ET_EXEC ? "is a program, not a shared library"
                                             : "is not a shared library");
  return {};
}

// The segments of the file, and reading by address through them.
class Image {
 public:
  explicit Image(ByteSource& file) : file_(file) {}

  Status open(const Elf64_Ehdr& header) {
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kSegmentsBound)
      return damaged(fmt::format("it says it has {} segments of {} bytes", header.e_phnum, header.e_phentsize));
    for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
      if (!within(header.e_phoff, (i + 1) * sizeof(Elf64_Phdr), file_.size()))
        return refuse("is cut short: the list of its segments lies beyond its end");
      auto segment = read_struct<Elf64_Phdr>(file_, header.e_phoff + i * sizeof(Elf64_Phdr), "list of segments");
      if (!segment) return std::move(segment).error();
      if (Status status = add(*segment, i); !status) return status;
    }
    if (loads_.empty()) return damaged("it has nothing to load");
    return {};
  }

  [[nodiscard]] const std::optional<Elf64_Phdr>& dynamic() const { return dynamic_; }
  [[nodiscard]] ByteSource& file() const { return file_; }

  // A T at an address of the loaded image.
  template <class T>
  Result<T> at(std::uint64_t address, std::string_view what) const {
    for (const Elf64_Phdr& load : loads_)
      if (address >= load.p_vaddr && within(address - load.p_vaddr, sizeof(T), load.p_filesz))
        return read_struct<T>(file_, load.p_offset + (address - load.p_vaddr), what);
    return damaged(fmt::format("its {} lies in no segment", what));
  }

  // at(base + index * sizeof(T)), refusing an address that wraps.
  template <class T>
  Result<T> element(std::uint64_t base, std::uint64_t index, std::string_view what) const {
    if (index > UINT32_MAX || base > UINT64_MAX - index * sizeof(T))
      return damaged(fmt::format("its {} lies in no segment", what));
    return at<T>(base + index * sizeof(T), what);
  }

 private:
  Status add(const Elf64_Phdr& segment, std::uint64_t index) {
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) return {};
    if (!within(segment.p_offset, segment.p_filesz, file_.size()))
      return refuse(fmt::format("is cut short: segment {} has {} bytes at {}, the file ends at {}", index,
                                segment.p_filesz, segment.p_offset, file_.size()));
    if (segment.p_type == PT_DYNAMIC) {
      dynamic_ = segment;
      return {};
    }
    if (segment.p_filesz > segment.p_memsz || segment.p_vaddr > UINT64_MAX - segment.p_memsz)
      return damaged(fmt::format("segment {} is larger in the file than in memory", index));
    loads_.push_back(segment);
    return {};
  }

  ByteSource& file_;
  std::vector<Elf64_Phdr> loads_;
  std::optional<Elf64_Phdr> dynamic_;
};

// The dynamic symbols, found as dlsym finds them: through the hash table that the dynamic section names.
class Symbols {
 public:
  explicit Symbols(const Image& image) : image_(image) {}

  Status open() {
    const std::optional<Elf64_Phdr>& dynamic = image_.dynamic();
    if (!dynamic) return refuse("is not a shared library: it has no dynamic section");
    const std::uint64_t entries = std::min(dynamic->p_filesz / sizeof(Elf64_Dyn), kDynamicBound);
    for (std::uint64_t i = 0; i < entries; ++i) {
      auto entry = read_struct<Elf64_Dyn>(image_.file(), dynamic->p_offset + i * sizeof(Elf64_Dyn), "dynamic section");
      if (!entry) return std::move(entry).error();
      if (entry->d_tag == DT_NULL) break;
      take(*entry);
    }
    if (!symbols_ || !strings_ || (!gnu_hash_ && !sysv_hash_)) return damaged("it has no table of dynamic symbols");
    return {};
  }

  Result<bool> defines(std::string_view name) const {
    return gnu_hash_ ? find_by_gnu_hash(*gnu_hash_, name) : find_by_sysv_hash(*sysv_hash_, name);
  }

 private:
  void take(const Elf64_Dyn& entry) {
    switch (entry.d_tag) {
      case DT_GNU_HASH:
        gnu_hash_ = entry.d_un.d_ptr;
        break;
      case DT_HASH:
        sysv_hash_ = entry.d_un.d_ptr;
        break;
      case DT_SYMTAB:
        symbols_ = entry.d_un.d_ptr;
        break;
      case DT_STRTAB:
        strings_ = entry.d_un.d_ptr;
        break;
      case DT_STRSZ:
        strings_size_ = entry.d_un.d_val;
        break;
      default:
        break;
    }
  }

  Result<bool> is_defined_as(std::uint64_t index, std::string_view name) const {
    auto symbol = image_.element<Elf64_Sym>(*symbols_, index, "table of symbols");
    if (!symbol) return std::move(symbol).error();
    if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC) return false;
    if (!within(symbol->st_name, name.size() + 1, strings_size_)) return false;
    for (std::uint64_t i = 0; i <= name.size(); ++i) {
      auto c = image_.element<char>(*strings_, symbol->st_name + i, "table of names");
      if (!c) return std::move(c).error();
      if (*c != (i < name.size() ? name[i] : '\0')) return false;
    }
    return true;
  }

  // nbuckets, first symbol, words in the filter, shift; the filter; the buckets; a hash for each symbol, odd: last.
  Result<bool> find_by_gnu_hash(std::uint64_t table, std::string_view name) const {
    auto head = image_.at<std::array<std::uint32_t, 4>>(table, "hash table");
    if (!head) return std::move(head).error();
    const auto [bucket_count, first, filter_words, shift] = *head;
    if (bucket_count == 0) return false;
    const std::uint64_t in_words = 4 + std::uint64_t{filter_words} * 2;  // from here on counted in 32-bit words
    const std::uint32_t wanted = gnu_hash(name);
    auto index = image_.element<std::uint32_t>(table, in_words + wanted % bucket_count, "hash table");
    if (!index) return std::move(index).error();
    if (*index < first) return false;
    for (std::uint64_t at = *index; at - *index < kChainBound; ++at) {
      auto hash = image_.element<std::uint32_t>(table, in_words + bucket_count + (at - first), "hash table");
      if (!hash) return std::move(hash).error();
      if ((*hash | 1) == (wanted | 1)) {
        Result<bool> found = is_defined_as(at, name);
        if (!found || *found) return found;
      }
      if ((*hash & 1) != 0) return false;
    }
    return damaged("a chain of its hash table does not end");
  }

  // nbuckets, nchain; the buckets; the chains.
  Result<bool> find_by_sysv_hash(std::uint64_t table, std::string_view name) const {
    auto head = image_.at<std::array<std::uint32_t, 2>>(table, "hash table");
    if (!head) return std::move(head).error();
    const std::uint64_t bucket_count = (*head)[0];
    if (bucket_count == 0) return false;
    auto index = image_.element<std::uint32_t>(table, 2 + sysv_hash(name) % bucket_count, "hash table");
    for (std::uint32_t steps = 0; steps < kChainBound; ++steps) {
      if (!index) return std::move(index).error();
      if (*index == STN_UNDEF) return false;
      Result<bool> found = is_defined_as(*index, name);
      if (!found || *found) return found;
      index = image_.element<std::uint32_t>(table, 2 + bucket_count + *index, "hash table");
    }
    return damaged("a chain of its hash table does not end");
  }

  const Image& image_;
  std::optional<std::uint64_t> gnu_hash_, sysv_hash_, symbols_, strings_;
  std::uint64_t strings_size_ = 0;
};

Status check_entry(const Symbols& symbols) {
  Result<bool> entry = symbols.defines(WEFT_ENTRY_SYMBOL);
  if (!entry) return std::move(entry).error();
  if (*entry) return {};
  for (unsigned major = 0; major < kMajorsLookedFor; ++major) {
    Result<bool> other = symbols.defines(fmt::format("weft_transport_v{}", major));
    if (!other) return std::move(other).error();
    if (*other) return refuse(fmt::format("is built for ABI {}, this is {}", major, WEFT_ABI_MAJOR));
  }
  return refuse(fmt::format("is no transport: it does not export {}", WEFT_ENTRY_SYMBOL));
}

}  // namespace

Status FileBytes::read(std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error(errno, fmt::format("cannot be read: {}", std::generic_category().message(errno)));
    if (got == 0) return refuse("became shorter while it was read");
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

Status MemoryBytes::read(std::uint64_t offset, std::span<std::byte> out) {
  if (!within(offset, out.size(), bytes_.size())) return refuse("became shorter while it was read");
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return {};
}

Status check_elf(ByteSource& file) {
  if (file.size() < sizeof(Elf64_Ehdr)) return refuse(fmt::format("is not an ELF file: it has {} bytes", file.size()));
  auto header = read_struct<Elf64_Ehdr>(file, 0, "header");
  if (!header) return std::move(header).error();
  if (Status status = check_ident(*header); !status) return status;
  Image image(file);
  if (Status status = image.open(*header); !status) return status;
  Symbols symbols(image);
  if (Status status = symbols.open(); !status) return status;
  return check_entry(symbols);
}

}  // namespace weft

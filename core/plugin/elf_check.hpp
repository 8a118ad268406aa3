// elf_check.hpp - judges whether a file may be given to the dynamic loader as a plugin, without running any of it.
//
// A file that is cut short kills the process inside dlopen, and a file's constructors run before a missing symbol is
// noticed; so this small reader looks first: ELF class, byte order, machine and type; that every segment lies within the
// file; and, through the file's own hash table as dlsym would, that the entry symbol is there.
// It trusts nothing that it reads: 64-bit arithmetic, bounded counts, each read checked against the size.
// Pure but for the ByteSource; any thread. Errors: a sentence to follow the file's name.
#ifndef WEFT_CORE_PLUGIN_ELF_CHECK_HPP
#define WEFT_CORE_PLUGIN_ELF_CHECK_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "weft/status.hpp"

namespace weft {

// The bytes of a file, read by offset.
class ByteSource {
 public:
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Fills `out` from `offset`. Asked only for ranges within size().
  [[nodiscard]] virtual Status read(std::uint64_t offset, std::span<std::byte> out) = 0;

 protected:
  ~ByteSource() = default;
};

// A file by its descriptor, which is borrowed. The size is what fstat said.
class FileBytes final : public ByteSource {
 public:
  FileBytes(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Status read(std::uint64_t offset, std::span<std::byte> out) override;

 private:
  int fd_;
  std::uint64_t size_;
};

// Bytes in memory, borrowed: tests and fuzzers.
class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] Status read(std::uint64_t offset, std::span<std::byte> out) override;

 private:
  std::span<const std::byte> bytes_;
};

// ok: a shared library for this machine, whole, that defines WEFT_ENTRY_SYMBOL.
[[nodiscard]] Status check_elf(ByteSource& file);

}  // namespace weft

#endif

// memory.hpp - memory for data that a transport reaches without a copy.
//
//   Result<Memory> memory = allocate_memory(host.transport(), 1 << 20);
//   const weft_iov iov = memory->iov(0, 4096);   // for the requests of any host over that transport
//
// Some transports copy data that lies elsewhere, through memory of their own (WEFT_CAP_NEEDS_REGION): I/O works the same,
// and slower. Others reach all memory: there this is an allocation like any other.
// Thread rule: any thread; a Memory may be used by queue pairs of any reactor at once. Ownership: a Memory owns its
// registration, and the pages if allocate_memory() made them; it outlives every operation on it, and dies before the
// Transport does. Registering takes time and locks the pages in memory (RLIMIT_MEMLOCK): not for the data path.
// Errors: a sentence of the transport, with sizes.
#ifndef WEFT_MEMORY_HPP
#define WEFT_MEMORY_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "weft/status.hpp"
#include "weft/transport.hpp"
#include "weft/transport_abi.h"

namespace weft {

class Memory {
 public:
  Memory() = default;
  Memory(Memory&& other) noexcept { swap(other); }
  Memory& operator=(Memory&& other) noexcept {
    Memory(std::move(other)).swap(*this);
    return *this;
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  // A part of it, for a request of a host over its transport. The range is the caller's to check.
  [[nodiscard]] weft_iov iov(std::size_t offset, std::size_t length) const {
    return {bytes_.data() + offset, length, region_};
  }
  // Why data in it is copied all the same; "": it is not. Only of allocate_memory().
  [[nodiscard]] const std::string& why_copied() const { return why_copied_; }

 private:
  friend Result<Memory> register_memory(Transport&, std::span<std::byte>);
  friend Result<Memory> allocate_memory(Transport&, std::size_t);
  void swap(Memory& other) noexcept;

  std::span<std::byte> bytes_;
  bool owned_ = false;
  void (*release_)(weft_region*) = nullptr;
  weft_region* region_ = nullptr;
  std::string why_copied_;
};

// Memory of the caller's, which outlives the Memory. The peer may be made to read and to write it, command by command.
[[nodiscard]] Result<Memory> register_memory(Transport& transport, std::span<std::byte> bytes);

// Whole pages, zeroed, registered where that is of use and possible (why_copied()).
[[nodiscard]] Result<Memory> allocate_memory(Transport& transport, std::size_t bytes);

}  // namespace weft

#endif

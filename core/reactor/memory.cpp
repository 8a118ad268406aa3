#include "weft/memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>

#include "core/reactor/transport_services.hpp"

namespace weft {

Memory::~Memory() {
  if (region_ != nullptr) release_(region_);
  if (owned_) munmap(bytes_.data(), bytes_.size());
}

void Memory::swap(Memory& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(owned_, other.owned_);
  std::swap(release_, other.release_);
  std::swap(region_, other.region_);
  why_copied_.swap(other.why_copied_);
}

Result<Memory> register_memory(Transport& transport, std::span<std::byte> bytes) {
  Memory memory;
  memory.bytes_ = bytes;
  if (!transport.has_regions()) return memory;
  const Result<weft_domain*> domain = TransportServices::open_domain(transport);
  if (!domain) return domain.error();
  constexpr std::uint32_t kAccess = WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE;
  weft_error error = empty_error();
  const int rc =
      transport.table().region_register(*domain, bytes.data(), bytes.size(), kAccess, &memory.region_, &error);
  if (rc != 0) {
    memory.region_ = nullptr;
    return to_error(rc, error,
                    fmt::format("transport '{}' registers no {} bytes of memory", transport.name(), bytes.size()));
  }
  memory.release_ = transport.table().region_release;
  return memory;
}

Result<Memory> allocate_memory(Transport& transport, std::size_t bytes) {
  if (bytes == 0) return Error(EINVAL, "memory for data has at least one byte");
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return Error(ENOMEM, fmt::format("there is no memory for {} bytes of data", bytes));
  Memory memory;
  memory.bytes_ = {static_cast<std::byte*>(pages), bytes};
  memory.owned_ = true;
  if (Result<Memory> registered = register_memory(transport, memory.bytes_)) {
    std::swap(memory.region_, registered->region_);
    memory.release_ = registered->release_;
  } else {
    memory.why_copied_ = std::move(registered.error().text);
  }
  return memory;
}

}  // namespace weft

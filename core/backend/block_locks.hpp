// Keeps file I/O on overlapping blocks apart, so that one block is never read half old and half new: the kernel does not
// promise that for files. Striped over 4 KiB units; try-lock only: who does not get them tries again on a later turn.
// Held for the I/O to storage alone, never while a peer is waited for. Any thread, no locks that wait.
#ifndef WEFT_CORE_BACKEND_BLOCK_LOCKS_HPP
#define WEFT_CORE_BACKEND_BLOCK_LOCKS_HPP

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace weft {

class BlockLocks {
 public:
  // Mapped, not allocated: stripes that are never used have no memory, and a file that rests costs little.
  BlockLocks() : memory_(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~BlockLocks() { munmap(memory_, kBytes); }
  BlockLocks(const BlockLocks&) = delete;
  BlockLocks& operator=(const BlockLocks&) = delete;

  [[nodiscard]] bool try_lock(std::uint64_t offset, std::uint64_t size, bool write) {
    const Range range = units(offset, size);
    for (std::uint64_t i = 0; i < range.count; ++i) {
      if (take(stripe(range.first + i), write)) continue;
      while (i > 0) give(stripe(range.first + --i), write);
      return false;
    }
    return true;
  }
  void unlock(std::uint64_t offset, std::uint64_t size, bool write) {
    const Range range = units(offset, size);
    for (std::uint64_t i = 0; i < range.count; ++i) give(stripe(range.first + i), write);
  }

 private:
  static constexpr std::uint64_t kUnit = 4096;
  static constexpr std::uint64_t kStripes = 8192;
  static constexpr std::size_t kBytes = kStripes * sizeof(std::atomic<std::int32_t>);
  static constexpr std::int32_t kWriter = -1;
  struct Range {
    std::uint64_t first, count;
  };
  // More units than stripes: every stripe once.
  static Range units(std::uint64_t offset, std::uint64_t size) {
    const std::uint64_t first = offset / kUnit;
    return {first, std::min(kStripes, (offset + size - 1) / kUnit - first + 1)};
  }
  std::atomic<std::int32_t>& stripe(std::uint64_t unit) {
    return static_cast<std::atomic<std::int32_t>*>(memory_)[unit % kStripes];
  }
  static bool take(std::atomic<std::int32_t>& stripe, bool write) {
    std::int32_t seen = stripe.load(std::memory_order_relaxed);
    while (write ? seen == 0 : seen != kWriter) {
      if (stripe.compare_exchange_weak(seen, write ? kWriter : seen + 1, std::memory_order_acquire)) return true;
    }
    return false;
  }
  static void give(std::atomic<std::int32_t>& stripe, bool write) {
    stripe.fetch_add(write ? 1 : -1, std::memory_order_release);
  }

  void* const memory_;  // zeroed by the kernel: nobody holds anything
};

}  // namespace weft

#endif

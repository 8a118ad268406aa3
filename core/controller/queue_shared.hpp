// queue_shared.hpp - what a queue pair's worker counts and the control thread reads: traffic, and errors for the error log.
//
// Thread rule: the worker writes, the control thread reads; no locks. Owned by both (shared_ptr), so that what a queue pair
// counted outlives it.
#ifndef WEFT_CORE_CONTROLLER_QUEUE_SHARED_HPP
#define WEFT_CORE_CONTROLLER_QUEUE_SHARED_HPP

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "weft/status.hpp"

namespace weft::controller {

// A counter with one writer: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t more) { value_.store(get() + more, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct ErrorRecord {
  std::uint16_t sqid = 0, cid = 0;
  std::uint16_t status_field = 0;
  std::uint16_t location = 0;
  std::uint64_t lba = 0;
  std::uint32_t nsid = 0;
};

// Not what a host brings about on purpose: aborts, and compares that find a difference.
[[nodiscard]] inline bool belongs_in_error_log(NvmeStatus status) {
  const std::uint16_t code = status.code();
  return code != 0 && (code < 0x07 || code > 0x0A) && code != 0x285;
}

// One writer, one reader. What finds it full is not recorded.
class ErrorRing {
 public:
  static constexpr std::uint32_t kSize = 16;

  [[nodiscard]] bool push(const ErrorRecord& record) {
    const std::uint32_t end = end_.load(std::memory_order_relaxed);
    if (end - begin_.load(std::memory_order_acquire) == kSize) return false;
    records_[end % kSize] = record;
    end_.store(end + 1, std::memory_order_release);
    return true;
  }
  // Writer: is it time to have it read? Once until the reader has been there.
  [[nodiscard]] bool wants_reader() {
    const std::uint32_t count = end_.load(std::memory_order_relaxed) - begin_.load(std::memory_order_relaxed);
    return count >= kSize / 2 && !called_.exchange(true, std::memory_order_acq_rel);
  }
  void reader_came() { called_.store(false, std::memory_order_release); }
  [[nodiscard]] std::optional<ErrorRecord> pop() {
    const std::uint32_t begin = begin_.load(std::memory_order_relaxed);
    if (begin == end_.load(std::memory_order_acquire)) return std::nullopt;
    const ErrorRecord record = records_[begin % kSize];
    begin_.store(begin + 1, std::memory_order_release);
    return record;
  }

 private:
  std::array<ErrorRecord, kSize> records_{};
  std::atomic<std::uint32_t> begin_{0}, end_{0};
  std::atomic<bool> called_{false};
};

struct QueueShared {
  Counter commands;
  Counter reads, writes;  // commands
  Counter bytes_read, bytes_written;
  Counter media_errors;
  ErrorRing errors;
};

}  // namespace weft::controller

#endif

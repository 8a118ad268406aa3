// storage_faults.hpp - failures of a namespace's storage, counted for the operator: by what was tried and why it failed.
//
// The first of each kind is reported at once, the others are counted and summed up at intervals, until none comes any more.
// Thread rule: add() from any worker, without locks and without memory; the rest on the control thread.
#ifndef WEFT_CORE_CONTROLLER_STORAGE_FAULTS_HPP
#define WEFT_CORE_CONTROLLER_STORAGE_FAULTS_HPP

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "weft/status.hpp"

namespace weft::controller {

class StorageFaults {
 public:
  enum class Step : std::uint8_t { kRead, kWrite, kFlush, kZero };
  using Say = std::function<void(std::string_view)>;

  explicit StorageFaults(std::string title) : title_(std::move(title)) {}
  StorageFaults(const StorageFaults&) = delete;
  StorageFaults& operator=(const StorageFaults&) = delete;

  // `error`: the errno behind it, or 0. True: the control thread is to be told, which calls report().
  [[nodiscard]] bool add(Step step, NvmeStatus status, std::int32_t error, std::uint64_t lba);
  // Says what is new of its kind.
  void report(const Say& say);
  // Says how many came since; false: none did, and the next one is a first one again.
  [[nodiscard]] bool sum_up(const Say& say);

 private:
  enum Reason : std::uint8_t { kOther, kIo, kNoSpace, kCutShort };
  static constexpr std::size_t kSteps = 4, kReasons = 4;
  struct Kind {
    std::atomic<std::uint64_t> count{0}, lba{0};
    std::atomic<std::int32_t> error{0};
    std::atomic<std::uint16_t> status{0};
    std::atomic<bool> watched{false};
    std::uint64_t told = 0;  // the control thread's
    bool reported = false;
  };
  [[nodiscard]] static Reason reason(std::int32_t error);
  [[nodiscard]] static std::string why(const Kind& kind);
  template <class F>
  void each(F f);

  const std::string title_;
  std::array<Kind, kSteps * kReasons> kinds_;
};

}  // namespace weft::controller

#endif

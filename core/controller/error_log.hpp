// error_log.hpp - a controller's Error Information log: the newest entries, counted. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_ERROR_LOG_HPP
#define WEFT_CORE_CONTROLLER_ERROR_LOG_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/controller/queue_shared.hpp"

namespace weft::controller {

inline constexpr std::uint32_t kErrorLogEntries = 64;  // ELPE + 1

class ErrorLog {
 public:
  void add(const ErrorRecord& record, std::uint8_t trtype);
  // Everything that lies in the ring.
  void collect(ErrorRing& ring, std::uint8_t trtype);
  [[nodiscard]] std::uint64_t count() const { return count_; }  // ever
  [[nodiscard]] std::vector<std::byte> page() const;            // newest first

 private:
  struct Entry {
    ErrorRecord record;
    std::uint8_t trtype = 0;
  };
  std::array<Entry, kErrorLogEntries> entries_{};
  std::uint64_t count_ = 0;
};

}  // namespace weft::controller

#endif

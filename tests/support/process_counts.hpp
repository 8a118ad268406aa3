// process_counts.hpp - what a process holds that a leak would show: descriptors and threads, from /proc.
#ifndef WEFT_TESTS_SUPPORT_PROCESS_COUNTS_HPP
#define WEFT_TESTS_SUPPORT_PROCESS_COUNTS_HPP

#include <sys/types.h>

#include <cstdint>
#include <iosfwd>

namespace weft {

struct ProcessCounts {
  std::uint64_t descriptors = 0;
  std::uint64_t threads = 0;
  friend bool operator==(const ProcessCounts&, const ProcessCounts&) = default;
};
std::ostream& operator<<(std::ostream& out, const ProcessCounts& counts);

[[nodiscard]] ProcessCounts process_counts(pid_t pid);
// Voluntary context switches of all its threads: how often it went to sleep.
[[nodiscard]] std::uint64_t voluntary_switches(pid_t pid);
// Resident memory in bytes.
[[nodiscard]] std::uint64_t resident_bytes(pid_t pid);

}  // namespace weft

#endif

#include "tests/support/process_counts.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

namespace weft {
namespace {

std::uint64_t entries(const std::string& folder) {
  std::uint64_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

std::uint64_t field(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    std::uint64_t value = 0;
    if (word == name && in >> value) return value;
  }
  return 0;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ProcessCounts& counts) {
  return out << counts.descriptors << " descriptors, " << counts.threads << " threads";
}

ProcessCounts process_counts(pid_t pid) {
  return {entries(fmt::format("/proc/{}/fd", pid)), entries(fmt::format("/proc/{}/task", pid))};
}

std::uint64_t voluntary_switches(pid_t pid) {
  std::uint64_t total = 0;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    total += field(task.path() / "status", "voluntary_ctxt_switches:");
  }
  return total;
}

std::uint64_t resident_bytes(pid_t pid) { return field(fmt::format("/proc/{}/status", pid), "VmRSS:") * 1024; }

}  // namespace weft

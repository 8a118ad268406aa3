#include "core/controller/smart.hpp"

namespace weft::controller {
namespace {

constexpr std::uint64_t kDataUnit = 512'000;  // a thousand of 512 bytes
constexpr std::uint8_t kPercent = 100;
constexpr std::uint8_t kSpareThreshold = 10;

std::uint64_t data_units(std::uint64_t bytes) { return bytes / kDataUnit + (bytes % kDataUnit != 0 ? 1 : 0); }

}  // namespace

void Totals::add(const QueueShared& queue) {
  commands += queue.commands.get();
  reads += queue.reads.get();
  writes += queue.writes.get();
  bytes_read += queue.bytes_read.get();
  bytes_written += queue.bytes_written.get();
  media_errors += queue.media_errors.get();
}

// There is nothing that gets warm or wears: temperature stays 0, not reported, and the spare is whole.
nvme::SmartLog smart_log(const Totals& totals, std::uint64_t error_entries, std::uint64_t uptime_seconds) {
  nvme::SmartLog log;
  log.available_spare = kPercent;
  log.spare_threshold = kSpareThreshold;
  log.data_units_read.low = data_units(totals.bytes_read);
  log.data_units_written.low = data_units(totals.bytes_written);
  log.host_reads.low = totals.reads;
  log.host_writes.low = totals.writes;
  log.power_cycles.low = 1;
  log.power_on_hours.low = uptime_seconds / 3600;
  log.media_errors.low = totals.media_errors;
  log.error_log_entries.low = error_entries;
  return log;
}

}  // namespace weft::controller

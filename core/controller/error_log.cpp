#include "core/controller/error_log.hpp"

#include <algorithm>

#include "weft/nvme.hpp"

namespace weft::controller {

void ErrorLog::add(const ErrorRecord& record, std::uint8_t trtype) {
  entries_[count_++ % kErrorLogEntries] = {record, trtype};
}

void ErrorLog::collect(ErrorRing& ring, std::uint8_t trtype) {
  ring.reader_came();
  while (const auto record = ring.pop()) add(*record, trtype);
}

std::vector<std::byte> ErrorLog::page() const {
  std::vector<std::byte> page(kErrorLogEntries * sizeof(nvme::ErrorLogEntry));
  const std::uint64_t shown = std::min<std::uint64_t>(count_, kErrorLogEntries);
  for (std::uint64_t i = 0; i < shown; ++i) {
    const auto& [record, trtype] = entries_[(count_ - 1 - i) % kErrorLogEntries];
    nvme::ErrorLogEntry entry;
    entry.error_count = count_ - i;
    entry.sqid = record.sqid;
    entry.cid = record.cid;
    entry.status_field = record.status_field;
    entry.location = record.location;
    entry.lba = record.lba;
    entry.nsid = record.nsid;
    entry.trtype = trtype;
    store(page.data() + i * sizeof entry, entry);
  }
  return page;
}

}  // namespace weft::controller

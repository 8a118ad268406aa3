// smart.hpp - what a controller has done so far, for the SMART / Health log. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_SMART_HPP
#define WEFT_CORE_CONTROLLER_SMART_HPP

#include <cstdint>

#include "core/controller/queue_shared.hpp"
#include "weft/nvme.hpp"

namespace weft::controller {

struct Totals {
  std::uint64_t commands = 0, reads = 0, writes = 0, bytes_read = 0, bytes_written = 0, media_errors = 0;
  void add(const QueueShared& queue);
};

[[nodiscard]] nvme::SmartLog smart_log(const Totals& totals, std::uint64_t error_entries, std::uint64_t uptime_seconds);

}  // namespace weft::controller

#endif

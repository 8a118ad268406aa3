// log.hpp - how much Weft says on standard error. Messages are for people; results and errors are returned, not logged.
// Thread rule: any thread.
#ifndef WEFT_LOG_HPP
#define WEFT_LOG_HPP

#include <cstdint>

namespace weft {

// In the order of transport_abi.h's levels: each includes the ones before it.
enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

void set_log_level(LogLevel level);  // from the start: kInfo
[[nodiscard]] LogLevel log_level();

}  // namespace weft

#endif

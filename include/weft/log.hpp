// log.hpp - what Weft says on standard error, and how much. Messages are for people; results and errors are returned, not logged.
//
// Nobody who serves waits for whoever reads standard error: what does not fit there now is dropped and counted, and the next
// message that fits comes after "weft: 3 notices were lost". (Another process that fills the same pipe in the very moment
// between the look and the write can still make a message wait.)
// Thread rule: any thread.
#ifndef WEFT_LOG_HPP
#define WEFT_LOG_HPP

#include <cstdint>
#include <string_view>

namespace weft {

// In the order of transport_abi.h's levels: each includes the ones before it.
enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

void set_log_level(LogLevel level);  // from the start: kInfo
[[nodiscard]] LogLevel log_level();

// Says this, and ends the line, whatever the level is.
void notice(std::string_view text);

}  // namespace weft

#endif

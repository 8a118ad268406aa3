// log.hpp - what Weft says on standard error, and how much. Messages are for people; results and errors are returned, not logged.
//
// Nobody who serves waits for whoever reads standard error: what does not fit there now is dropped and counted, and the next
// message that fits comes after "weft: 3 notices were lost". (Another process that fills the same pipe in the very moment
// between the look and the write can still make a message wait.)
// Thread rule: any thread.
#ifndef WEFT_LOG_HPP
#define WEFT_LOG_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

// In the order of transport_abi.h's levels: each includes the ones before it.
enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

void set_log_level(LogLevel level);  // from the start: kInfo
[[nodiscard]] LogLevel log_level();

// Says this, and ends the line, whatever the level is.
void notice(std::string_view text);
// Several lines as one message, through terminal_lines(): what others wrote in them the caller has escaped.
void notice_lines(std::string_view text);

// Text that a peer, a plugin or a file name may have a part in, as it may reach a terminal or a log: characters that
// terminals show stay, every other byte (control characters, new lines too; marks that turn letters round; what is not UTF-8)
// becomes \xNN. Messages and notices pass through it on their last step; errors (Error::text) do not, whoever prints them
// calls it. terminal_lines() leaves the line feeds, for text of several lines.
[[nodiscard]] std::string terminal_text(std::string_view text);
[[nodiscard]] std::string terminal_lines(std::string_view text);

}  // namespace weft

#endif

// standard_error.hpp - text on standard error for which nobody waits. Thread rule: any thread.
#ifndef WEFT_CORE_UTIL_STANDARD_ERROR_HPP
#define WEFT_CORE_UTIL_STANDARD_ERROR_HPP

#include <string_view>

namespace weft {

// One message, with its newline: drops it where a write would wait or fails, and counts it. The first message afterwards that
// fits comes after a line that says how many were lost.
void write_or_drop(std::string_view text);

}  // namespace weft

#endif

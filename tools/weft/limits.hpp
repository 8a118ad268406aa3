// limits.hpp - the process's limit of open files: raised as far as it goes, and a sentence where that is too little.
#ifndef WEFT_TOOLS_LIMITS_HPP
#define WEFT_TOOLS_LIMITS_HPP

#include <cstdint>
#include <string_view>

#include "weft/status.hpp"

namespace weft::tools {

// The soft limit becomes the hard one.
void raise_open_files();
// Are there this many descriptors to be had? `purpose` begins the sentence: "serving".
[[nodiscard]] Status require_open_files(std::uint64_t needed, std::string_view purpose);

}  // namespace weft::tools

#endif

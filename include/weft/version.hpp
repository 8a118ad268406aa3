// The version of the library: of the headers a program was compiled with, and of the library it was linked with.
// Any thread.
#ifndef WEFT_VERSION_HPP
#define WEFT_VERSION_HPP

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

namespace weft {

// "0.1.0", as compiled into the library.
[[nodiscard]] const char* version() noexcept;

}  // namespace weft

#endif  // WEFT_VERSION_HPP

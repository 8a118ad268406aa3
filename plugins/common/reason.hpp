// reason.hpp - why a queue pair ended. Value type; any thread.
#ifndef WEFT_PLUGIN_REASON_HPP
#define WEFT_PLUGIN_REASON_HPP

#include <cerrno>
#include <cstdint>
#include <string>

#include "weft/plugin.hpp"

namespace weft::plugin {

struct Reason {
  int code = 0;  // errno, positive; 0: cleanly
  std::uint32_t origin = WEFT_ORIGIN_LOCAL;
  std::uint32_t detail = 0;
  const char* stage = "";
  std::string text;

  [[nodiscard]] weft_error error() const { return make_error(code, origin, detail, stage, text); }  // for on_closed
  // For the operations that end with it: the peer's clean end is a reset for them.
  [[nodiscard]] std::int32_t operation_error() const {
    if (code != 0) return -code;
    return origin == WEFT_ORIGIN_LOCAL ? -ECANCELED : -ECONNRESET;
  }
};

}  // namespace weft::plugin

#endif

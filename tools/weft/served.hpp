// served.hpp - a running target made from a ServeConfig.
//
// One thread, not the target's. Errors say which line or option is to blame.
#ifndef WEFT_TOOLS_SERVED_HPP
#define WEFT_TOOLS_SERVED_HPP

#include <memory>
#include <vector>

#include "program.hpp"
#include "serve_config.hpp"

namespace weft::tools {

// Checks that need nothing opened: names, addresses, options of the transports, access rules.
[[nodiscard]] Outcome<void> check_serve_config(Program& program, const ServeConfig& config);

struct Served {
  std::unique_ptr<Target> target;
  struct Listener {
    Address bound;
    bool discovery_only = false;
  };
  std::vector<Listener> listeners;
};
[[nodiscard]] Outcome<Served> start_serving(Program& program, const ServeConfig& config);

}  // namespace weft::tools

#endif

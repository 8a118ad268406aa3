// described.hpp - controllers and namespaces as names and values, in the order in which they are shown.
#ifndef WEFT_TOOLS_DESCRIBED_HPP
#define WEFT_TOOLS_DESCRIBED_HPP

#include "output.hpp"
#include "weft/host.hpp"

namespace weft::tools {

// Reads what the host keeps since it connected; asks the controller nothing.
[[nodiscard]] Json describe_controller(const Host& host);
[[nodiscard]] Json describe_namespace(const Namespace& found);

}  // namespace weft::tools

#endif

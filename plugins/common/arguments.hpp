// arguments.hpp - what the core passes to a transport, judged before anything is done with it: the same for all of ours.
//
// Pure; any thread. Errors: a sentence with the value in it.
#ifndef WEFT_PLUGIN_ARGUMENTS_HPP
#define WEFT_PLUGIN_ARGUMENTS_HPP

#include <cstdint>
#include <span>
#include <string>

#include "weft/plugin.hpp"

namespace weft::plugin {

// Of connect() and accept(), for a transport that does not encrypt.
[[nodiscard]] Made<void> check_params(const weft_qpair_params& params);
// Its reserved field.
[[nodiscard]] Made<void> check_address(const weft_address& address);
// A text of the core's that may be missing.
[[nodiscard]] inline std::string text_of(const char* given) { return given != nullptr ? given : ""; }
// Total length of a list, UINT64_MAX when it overflows.
[[nodiscard]] std::uint64_t total_length(std::span<const weft_iov> iov);

}  // namespace weft::plugin

#endif

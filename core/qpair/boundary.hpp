// boundary.hpp - structs that came over the plugin boundary, as this side's version knows them.
// Pure; any thread.
#ifndef WEFT_CORE_QPAIR_BOUNDARY_HPP
#define WEFT_CORE_QPAIR_BOUNDARY_HPP

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "weft/status.hpp"
#include "weft/transport.hpp"
#include "weft/transport_abi.h"

namespace weft {

// A copy of a struct that starts with its size: what the sender does not know is 0.
template <class Struct>
[[nodiscard]] Struct known_part(const Struct* given) {
  Struct copy{};
  if (given != nullptr) std::memcpy(&copy, given, std::min<std::size_t>(given->size, sizeof copy));
  copy.size = sizeof copy;
  return copy;
}

// Of a queue: what both sides ask of weft_qpair_params.depth.
[[nodiscard]] inline Status check_entries(std::uint32_t entries) {
  constexpr std::uint32_t kMin = 2, kMax = 65536;
  if (entries >= kMin && entries <= kMax) return {};
  return Error(EINVAL, fmt::format("a queue has {} to {} entries, not {}", kMin, kMax, entries));
}

// Why a queue pair closed; code 0: cleanly.
[[nodiscard]] inline Error closing_error(const weft_error* given, std::string_view otherwise) {
  const weft_error error = known_part(given);
  return error.code == 0 ? Error{} : to_error(error.code, error, otherwise);
}

}  // namespace weft

#endif

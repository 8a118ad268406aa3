// shares.hpp - how much of a thing a machine, and a host name on it, may hold (docs/decisions/0106). Pure; any thread.
//
// After a claim is admitted its machine holds at most `machines` times what is left free, and its name at most `names` times
// what the machine may still take. Nothing is kept back for those who are not there, and a newcomer finds some.
#ifndef WEFT_CORE_CONTROLLER_SHARES_HPP
#define WEFT_CORE_CONTROLLER_SHARES_HPP

#include <algorithm>
#include <cstdint>

namespace weft::controller {

struct Division {
  std::uint32_t machines, names;
};
inline constexpr Division kOfMemory{3, 2};  // a machine alone: 3/4; a name alone: 1/2
inline constexpr Division kOfPlaces{7, 7};  // controllers and connections: limits below 8 can be used up by one

// What is reserved for hosts that an access list names.
[[nodiscard]] constexpr std::uint64_t reserve_of_memory(std::uint64_t total) { return total / 4; }
[[nodiscard]] constexpr std::uint64_t reserve_of_places(std::uint64_t total) { return total / 8; }
[[nodiscard]] constexpr std::uint64_t free_beside_reserve(std::uint64_t free, std::uint64_t total,
                                                          std::uint64_t reserve, std::uint64_t held_by_unlisted) {
  const std::uint64_t theirs = total - reserve;
  return std::min(free, theirs - std::min(theirs, held_by_unlisted));
}

// The most that a machine that holds `held` may take of `free`.
[[nodiscard]] constexpr std::uint64_t machine_room(Division d, std::uint64_t free, std::uint64_t held) {
  const std::uint64_t most = d.machines * (free + 1) - 1;
  return most <= held ? 0 : std::min(free, (most - held) / (d.machines + 1));
}

[[nodiscard]] constexpr bool machine_may_take(Division d, std::uint64_t wanted, std::uint64_t free,
                                              std::uint64_t held) {
  return wanted <= (held == 0 ? free : machine_room(d, free, held));
}

[[nodiscard]] constexpr bool name_may_take(Division d, std::uint64_t wanted, std::uint64_t free,
                                           std::uint64_t by_machine, std::uint64_t by_name) {
  if (!machine_may_take(d, wanted, free, by_machine)) return false;
  return by_name == 0 || by_name + wanted < d.names * (machine_room(d, free, by_machine) - wanted + 1);
}

// The shares when `machines` machines, and `names` names on one of them, hold or want some: beyond that a machine or name is
// over its share.
[[nodiscard]] constexpr std::uint64_t machine_share(Division d, std::uint64_t total, std::uint64_t machines) {
  return d.machines * total / (d.machines * machines + 1);
}
[[nodiscard]] constexpr std::uint64_t name_share(Division d, std::uint64_t of_machine, std::uint64_t names) {
  return d.names * of_machine / (d.names * names + 1);
}

}  // namespace weft::controller

#endif

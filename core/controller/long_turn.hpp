// long_turn.hpp - one host's long commands on one worker (long_commands.hpp). Thread rule: the worker's thread.
#ifndef WEFT_CORE_CONTROLLER_LONG_TURN_HPP
#define WEFT_CORE_CONTROLLER_LONG_TURN_HPP

#include <cstdint>

#include "core/util/intrusive_list.hpp"

namespace weft::controller {

struct Claim;

struct LongTurn : IntrusiveHook {
  IntrusiveList<Claim> waiting;  // for the turn of their next piece
  std::uint32_t in_backend = 0;  // pieces that are pending there
};

}  // namespace weft::controller

#endif

// arrivals.hpp - the commands of a worker that have come and have not begun.
//
// A backend finds a command's blocks by tables that are in no cache, and commands that begin as they come wait for memory one
// after the other. So what comes is checked at once, its backend is told (BackendContext::prefetch), and it begins when kAhead
// more have come, or at the end of the reactor's turn: by then what it looks up is there.
// Thread rule: the worker's thread. A slot is in here in state kArrived; nothing allocates.
#ifndef WEFT_CORE_CONTROLLER_ARRIVALS_HPP
#define WEFT_CORE_CONTROLLER_ARRIVALS_HPP

#include <cstdint>

#include "core/controller/io_slot.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class Arrivals final : public Poller {
 public:
  void add(IoSlot& slot);     // begins the one that came kAhead before it
  void remove(IoSlot& slot);  // it will not begin
  std::uint32_t poll() override;

 private:
  static constexpr std::uint32_t kAhead = 4;
  void begin_first();

  IntrusiveList<Claim> slots_;  // in the order in which they came
  std::uint32_t count_ = 0;
};

}  // namespace weft::controller

#endif

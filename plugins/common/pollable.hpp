// pollable.hpp - what a group keeps (keeper.hpp): something with a deadline, a turn to go on in, or an end to tell.
// Thread: the group's. The group deletes it (Keeper::bury).
#ifndef WEFT_PLUGIN_POLLABLE_HPP
#define WEFT_PLUGIN_POLLABLE_HPP

#include <cstdint>

#include "list.hpp"
#include "weft/transport_abi.h"

namespace weft::plugin {

class Pollable {
 public:
  Pollable() = default;
  virtual ~Pollable() = default;
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;

  virtual void on_deadline() {}
  virtual void on_resume() {}
  virtual void tell_end() {}  // the place for events about its end
  virtual void add_stats(weft_stats&) const {}

  std::uint64_t deadline = 0;
  Hook ending_hook, resume_hook, deadline_hook, object_hook, grave_hook;
};

}  // namespace weft::plugin

#endif

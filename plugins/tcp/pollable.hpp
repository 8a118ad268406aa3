// pollable.hpp - what a group keeps: something with a descriptor in epoll, a deadline, or an end to tell.
// Thread: the group's. The group deletes it (Group::bury).
#ifndef WEFT_TCP_POLLABLE_HPP
#define WEFT_TCP_POLLABLE_HPP

#include <cstdint>

#include "list.hpp"
#include "weft/transport_abi.h"

namespace weft::tcp {

class Pollable {
 public:
  Pollable() = default;
  virtual ~Pollable() = default;
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;

  virtual void on_events(std::uint32_t events) = 0;  // EPOLL*
  virtual void on_deadline() {}
  virtual void on_resume() {}
  virtual void tell_end() {}  // the place for events about its end
  virtual void add_stats(weft_stats&) const {}

  std::uint64_t deadline = 0;
  Hook ending_hook, resume_hook, deadline_hook, object_hook, grave_hook;
};

// Adds each counter of `more` to `sum`.
void add_up(weft_stats& sum, const weft_stats& more);

}  // namespace weft::tcp

#endif

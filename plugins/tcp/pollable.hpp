// pollable.hpp - what a group keeps, here with a descriptor in epoll. Thread: the group's.
#ifndef WEFT_TCP_POLLABLE_HPP
#define WEFT_TCP_POLLABLE_HPP

#include <cstdint>

#include "../common/pollable.hpp"

namespace weft::tcp {

class Pollable : public plugin::Pollable {
 public:
  virtual void on_events(std::uint32_t events) = 0;  // EPOLL*
};

}  // namespace weft::tcp

#endif

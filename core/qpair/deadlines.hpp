// deadlines.hpp - a deadline for each command of a queue, with one timer.
//
// The timer is set to the earliest deadline that was seen; commands that end leave it alone, and when it goes off too
// early it looks for the next one. It is armed only while a command has a deadline: an idle queue wakes nobody.
// Thread rule: the reactor's thread. All memory is made by the constructor.
#ifndef WEFT_CORE_QPAIR_DEADLINES_HPP
#define WEFT_CORE_QPAIR_DEADLINES_HPP

#include <cstdint>
#include <vector>

#include "weft/reactor.hpp"

namespace weft {

class Deadlines {
 public:
  // Calls passed(ctx, cid) once for each deadline that passed, from a turn. It may set, clear and stop.
  using Passed = void (*)(void* ctx, std::uint16_t cid);
  Deadlines(Reactor& reactor, std::uint32_t cids, Passed passed, void* ctx)
      : reactor_(reactor), passed_(passed), ctx_(ctx), deadlines_(cids), timer_(reactor, &Deadlines::fire, this) {}

  void set(std::uint16_t cid, Nanoseconds deadline) {
    if (deadline == 0) return;
    deadlines_[cid] = deadline;
    ++count_;
    if (deadline < earliest_) {
      earliest_ = deadline;
      timer_.set(deadline);
    }
  }
  void clear(std::uint16_t cid) {
    if (deadlines_[cid] == 0) return;
    deadlines_[cid] = 0;
    if (--count_ == 0) rest();
  }
  // No call any more.
  void stop() {
    stopped_ = true;
    rest();
  }

 private:
  static void fire(void* self) { static_cast<Deadlines*>(self)->look(); }
  void look();
  void rest() {
    earliest_ = kForever;
    timer_.cancel();
  }

  Reactor& reactor_;
  const Passed passed_;
  void* const ctx_;
  std::vector<Nanoseconds> deadlines_;  // by CID; 0: none, or passed
  std::uint32_t count_ = 0;             // of those that are not 0
  Nanoseconds earliest_ = kForever;     // no deadline is before it
  bool stopped_ = false;
  Timer timer_;
};

}  // namespace weft

#endif

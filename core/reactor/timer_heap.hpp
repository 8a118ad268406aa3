// timer_heap.hpp - the armed timers of a reactor: a binary heap by deadline whose elements know their place.
//
// Room for every timer that exists is made when the timer is made: add() and move() do not allocate.
// Thread rule: the reactor's thread. Ownership: timers are borrowed while armed.
#ifndef WEFT_CORE_REACTOR_TIMER_HEAP_HPP
#define WEFT_CORE_REACTOR_TIMER_HEAP_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weft/reactor.hpp"

namespace weft {

class TimerHeap {
 public:
  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;
  ~TimerHeap() { assert(made_ == 0 && "a timer outlives its reactor"); }

  void timer_made();
  void timer_gone() { --made_; }

  void set(Timer& timer, Nanoseconds deadline);
  void cancel(Timer& timer);
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Nanoseconds earliest() const { return heap_.empty() ? kForever : heap_.front()->deadline_; }
  // Calls what is due at `now`, in order of deadlines. A timer that a call sets anew waits for the next fire().
  std::uint32_t fire(Nanoseconds now);

 private:
  void put(std::size_t at, Timer* timer);
  void sift_up(std::size_t at, Timer* timer);
  void sift_down(std::size_t at, Timer* timer);

  std::vector<Timer*> heap_;
  std::size_t made_ = 0;
};

}  // namespace weft

#endif

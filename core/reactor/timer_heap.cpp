#include "core/reactor/timer_heap.hpp"

#include <algorithm>
#include <cassert>

namespace weft {

void TimerHeap::timer_made() {
  ++made_;
  if (heap_.capacity() < made_) heap_.reserve(std::max<std::size_t>(16, 2 * made_));
}

void TimerHeap::set(Timer& timer, Nanoseconds deadline) {
  const Nanoseconds before = timer.deadline_;
  timer.deadline_ = deadline;
  if (!timer.armed()) {
    assert(heap_.size() < heap_.capacity());
    heap_.push_back(&timer);
    sift_up(heap_.size() - 1, &timer);
  } else if (deadline < before) {
    sift_up(timer.index_, &timer);
  } else {
    sift_down(timer.index_, &timer);
  }
}

void TimerHeap::cancel(Timer& timer) {
  if (!timer.armed()) return;
  const std::size_t at = timer.index_;
  timer.index_ = Timer::kUnarmed;
  timer.deadline_ = 0;
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  if (at > 0 && last->deadline_ < heap_[(at - 1) / 2]->deadline_) {
    sift_up(at, last);
  } else {
    sift_down(at, last);
  }
}

std::uint32_t TimerHeap::fire(Nanoseconds now) {
  std::uint32_t fired = 0;
  // No more calls than timers are armed now: one that sets itself to `now` must not keep the turn.
  for (std::size_t left = heap_.size(); left > 0 && earliest() <= now; --left) {
    Timer& due = *heap_.front();
    const Timer::Function function = due.function_;
    void* const ctx = due.ctx_;
    cancel(due);
    function(ctx);  // may destroy `due`
    ++fired;
  }
  return fired;
}

void TimerHeap::put(std::size_t at, Timer* timer) {
  heap_[at] = timer;
  timer->index_ = static_cast<std::uint32_t>(at);
}

void TimerHeap::sift_up(std::size_t at, Timer* timer) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent]->deadline_ <= timer->deadline_) break;
    put(at, heap_[parent]);
    at = parent;
  }
  put(at, timer);
}

void TimerHeap::sift_down(std::size_t at, Timer* timer) {
  const std::size_t size = heap_.size();
  for (std::size_t child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (timer->deadline_ <= heap_[child]->deadline_) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, timer);
}

}  // namespace weft

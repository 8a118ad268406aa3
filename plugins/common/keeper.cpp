#include "keeper.hpp"

#include <algorithm>

#include "stats.hpp"

namespace weft::plugin {

void Keeper::resume_all() {
  std::uint32_t count = resumed_.size();
  while (count-- != 0) {
    Pollable* object = resumed_.pop_front();
    if (object == nullptr) return;
    object->on_resume();
  }
}

void Keeper::set_deadline(Pollable& object, std::uint64_t deadline) {
  object.deadline = deadline;
  if (deadline == 0) {
    timed_.remove(object);
  } else {
    earliest_ = std::min(earliest_, deadline);
    timed_.push_back(object);
  }
}

// Most turns look at none of them: a flood of connections, each with its deadline, costs the others nothing here.
void Keeper::judge_deadlines(std::uint64_t now) {
  if (now < earliest_) return;
  earliest_ = UINT64_MAX;
  timed_.for_each([this, now](Pollable& object) {
    if (object.deadline > now) {
      earliest_ = std::min(earliest_, object.deadline);
      return;
    }
    set_deadline(object, 0);
    object.on_deadline();
  });
}

bool Keeper::tell_one_end() {
  Pollable* object = ending_.pop_front();
  if (object == nullptr) return false;
  object->tell_end();
  return true;
}

void Keeper::bury(Pollable& object) {
  graves_.push_back(object);
  if (depth_of_calls_ == 0) empty_graves();
}

void Keeper::empty_graves() {
  while (Pollable* object = graves_.pop_front()) delete object;
}

void Keeper::delete_all() {
  empty_graves();
  while (Pollable* object = objects_.pop_front()) {
    bury(*object);
    empty_graves();
  }
}

void Keeper::retire(const weft_stats& stats) { add_up(retired_, stats); }

void Keeper::sum_stats(weft_stats& out) const {
  add_up(out, retired_);
  objects_.for_each([&](Pollable& object) { object.add_stats(out); });
}

}  // namespace weft::plugin

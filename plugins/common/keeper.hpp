// keeper.hpp - the objects of a group, and which of them have a deadline, a turn to go on in, an end to tell, or are to
// die. What a transport's group is built on.
//
// Calls of the core only put an object on a list; the group's turn takes it off and lets it act, because events come only
// from inside a turn. Objects die only when no call of the group is on the stack (InCall): see bury().
// Thread: the group's. After add() nothing allocates.
#ifndef WEFT_PLUGIN_KEEPER_HPP
#define WEFT_PLUGIN_KEEPER_HPP

#include <cstdint>

#include "list.hpp"
#include "pollable.hpp"
#include "weft/transport_abi.h"

namespace weft::plugin {

class Keeper {
 public:
  Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void add(Pollable& object) { objects_.push_back(object); }
  void mark_ending(Pollable& object) { ending_.push_back(object); }  // its tell_end() comes from this turn or the next
  void resume(Pollable& object) { resumed_.push_back(object); }      // its on_resume() comes in the next turn
  void set_deadline(Pollable& object, std::uint64_t deadline);       // 0: none
  void bury(Pollable& object);                                       // it dies when no call is on the stack
  void count_event() { ++events_; }
  void retire(const weft_stats& stats);  // of an object that dies

 protected:
  // While one is on the stack nothing is deleted.
  struct InCall {
    explicit InCall(Keeper& on) : keeper(on) { ++keeper.depth_of_calls_; }
    ~InCall() { --keeper.depth_of_calls_; }
    Keeper& keeper;
  };

  ~Keeper() = default;  // after delete_all()

  void resume_all();  // those that are on the list now: who asks again goes on in the next turn
  void judge_deadlines(std::uint64_t now);
  bool tell_one_end();  // false: nobody has one to tell
  void empty_graves();
  void delete_all();  // while everything that objects use in their destructors is still there

  // Nobody is to go on and nobody has an end to tell: the group may sleep until next_deadline().
  [[nodiscard]] bool quiet() const { return resumed_.empty() && ending_.empty(); }
  [[nodiscard]] std::uint64_t next_deadline() const { return timed_.empty() ? 0 : earliest_; }  // 0: none
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] weft_stats& counters() { return retired_; }
  void sum_stats(weft_stats& out) const;

 private:
  HookList<Pollable, &Pollable::ending_hook> ending_;
  HookList<Pollable, &Pollable::resume_hook> resumed_;
  HookList<Pollable, &Pollable::deadline_hook> timed_;
  std::uint64_t earliest_ = UINT64_MAX;  // no deadline of timed_ is before
  HookList<Pollable, &Pollable::object_hook> objects_;
  HookList<Pollable, &Pollable::grave_hook> graves_;
  std::uint32_t depth_of_calls_ = 0;
  std::uint64_t events_ = 0;
  weft_stats retired_{};
};

}  // namespace weft::plugin

#endif

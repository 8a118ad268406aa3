// spinning.hpp - whether an idle reactor goes on polling or sleeps at once: what the adaptive WaitPolicy has learnt.
//
// An idle stretch is the time from a turn with events to the next one. Spinning through it pays when the next event comes
// within the limit, and costs the whole limit when it does not. Each stretch that an event ended in time earns a little credit,
// each that did not costs more of it; without credit the reactor sleeps at once. Then, now and again, it spins through a few
// stretches in a row: when all of them end in time, there is credit again. A few and not one, because stretches often alternate
// (a short one until the answer, a long one until the next request).
//
// Pure but for what it remembers. Thread: the reactor's.
#ifndef WEFT_CORE_REACTOR_SPINNING_HPP
#define WEFT_CORE_REACTOR_SPINNING_HPP

#include "weft/reactor.hpp"

namespace weft {

class Spinning {
 public:
  static constexpr int kFullCredit = 32;
  static constexpr int kPrice = 4;      // of a stretch that was too long
  static constexpr int kProbes = 4;     // stretches in a row
  static constexpr int kBetween = 124;  // stretches that are slept through before those

  Spinning(Nanoseconds limit, Nanoseconds now) : limit_(limit), last_event_(now) {}

  void event(Nanoseconds now);                  // a turn had events
  [[nodiscard]] bool goes_on(Nanoseconds now);  // a turn had none: poll again, rather than sleep?

 private:
  [[nodiscard]] bool worth_it();
  void paid();
  void in_vain();

  const Nanoseconds limit_;
  Nanoseconds last_event_;
  bool idle_ = false;      // inside a stretch,
  bool spinning_ = false;  // and polling through it
  int credit_ = kFullCredit;
  int slept_ = 0;   // stretches without credit, since the last probe
  int probed_ = 0;  // of the probe under way: stretches that ended in time
};

}  // namespace weft

#endif

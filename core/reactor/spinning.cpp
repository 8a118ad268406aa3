#include "core/reactor/spinning.hpp"

#include <algorithm>

namespace weft {

void Spinning::event(Nanoseconds now) {
  if (idle_ && spinning_) paid();
  idle_ = false;
  last_event_ = now;
}

bool Spinning::goes_on(Nanoseconds now) {
  if (!idle_) {
    idle_ = true;
    spinning_ = worth_it();
  }
  if (spinning_ && now - last_event_ >= limit_) {
    spinning_ = false;
    in_vain();
  }
  return spinning_;
}

bool Spinning::worth_it() {
  if (credit_ > 0 || probed_ > 0) return true;
  if (++slept_ <= kBetween) return false;
  slept_ = 0;
  return true;
}

void Spinning::paid() {
  if (credit_ > 0) {
    credit_ = std::min(credit_ + 1, kFullCredit);
  } else if (++probed_ == kProbes) {
    credit_ = kFullCredit;
    probed_ = 0;
  }
}

void Spinning::in_vain() {
  credit_ = std::max(credit_ - kPrice, 0);
  probed_ = 0;
}

}  // namespace weft

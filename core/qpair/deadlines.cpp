#include "core/qpair/deadlines.hpp"

#include <algorithm>

namespace weft {

void Deadlines::look() {
  const Nanoseconds now = reactor_.now();
  earliest_ = kForever;
  // What `passed_` submits meanwhile lowers earliest_ by itself.
  for (std::size_t cid = 0; cid < deadlines_.size() && !stopped_; ++cid) {
    const Nanoseconds deadline = deadlines_[cid];
    if (deadline == 0) continue;
    if (deadline > now) {
      earliest_ = std::min(earliest_, deadline);
      continue;
    }
    deadlines_[cid] = 0;
    --count_;
    passed_(ctx_, static_cast<std::uint16_t>(cid));
  }
  if (!stopped_ && count_ != 0) timer_.set(earliest_);
}

}  // namespace weft

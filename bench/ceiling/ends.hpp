// ends.hpp - the two ends of the ceiling: what a controller and a host would move, and nothing else. Each end is a
// call that never sleeps, on a thread of its own.
#ifndef WEFT_BENCH_CEILING_ENDS_HPP
#define WEFT_BENCH_CEILING_ENDS_HPP

#include <cstdint>
#include <vector>

#include "../../tools/weft/histogram.hpp"
#include "bytes.hpp"
#include "stream.hpp"

namespace weft::bench {

// Serves `connections` from and to `array` until one of them is closed.
void serve(const Plan& plan, const Pages& array, const std::vector<int>& connections);

struct Measured {
  std::uint64_t ios = 0;
  double seconds = 0;
  tools::Histogram latency;  // nanoseconds
};
// Keeps plan.depth I/Os under way for half a second of warm-up and plan.seconds.
Measured drive(const Plan& plan, const std::vector<int>& connections);

}  // namespace weft::bench

#endif

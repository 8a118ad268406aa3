// distance.hpp - how far apart two processors are: a cache line's way there and back, in nanoseconds.
//
// A hypervisor may move a virtual processor to where its caches are shared no more. Then every figure of two threads that hand
// each other data is another one, until it is moved back: bench/harness/distance.py takes such samples again.
#ifndef WEFT_BENCH_CEILING_DISTANCE_HPP
#define WEFT_BENCH_CEILING_DISTANCE_HPP

namespace weft::bench {

// Between the thread that calls, which stays where it is, and one on processor `other`. The best of a few milliseconds.
double distance_ns(unsigned other);

}  // namespace weft::bench

#endif

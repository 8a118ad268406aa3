// pin.hpp - a thread on a processor of its own.
#ifndef WEFT_BENCH_CEILING_PIN_HPP
#define WEFT_BENCH_CEILING_PIN_HPP

#include <pthread.h>
#include <sched.h>

namespace weft::bench {

// The calling thread. Where there is one processor only, all run there.
inline void pin(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace weft::bench

#endif

// fake_clock.hpp - a clock that tests move: ReactorOptions{.clock = &FakeClock::now}.
// One per process, for a clock is a plain function. Thread rule: any thread.
#ifndef WEFT_TESTS_SUPPORT_FAKE_CLOCK_HPP
#define WEFT_TESTS_SUPPORT_FAKE_CLOCK_HPP

#include <atomic>

#include "weft/reactor.hpp"

namespace weft::test {

class FakeClock {
 public:
  static Nanoseconds now() { return value(); }
  static void set(Nanoseconds to) { value() = to; }
  static void advance(Nanoseconds by) { value() += by; }

 private:
  static std::atomic<Nanoseconds>& value() {
    static std::atomic<Nanoseconds> at{1'000'000};
    return at;
  }
};

}  // namespace weft::test

#endif

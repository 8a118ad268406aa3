// When an adaptive reactor spins, and when it has learnt not to.
#include "core/reactor/spinning.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

constexpr Nanoseconds kLimit = 50'000, kShort = 10'000, kLong = 90'000;

// A reactor that polls each microsecond while it may, and sleeps until the event when it may not.
class Idler {
 public:
  // One stretch of so long; returns how much of it was spun through.
  Nanoseconds stretch(Nanoseconds length) {
    const Nanoseconds end = now_ + length;
    Nanoseconds spun = 0;
    for (; now_ < end && spinning_.goes_on(now_); now_ += 1000) spun += 1000;
    now_ = end;
    spinning_.event(now_);
    return spun;
  }
  Nanoseconds many(int count, Nanoseconds length, Nanoseconds other) {
    Nanoseconds spun = 0;
    for (int i = 0; i < count; ++i) spun += stretch(i % 2 == 0 ? length : other);
    return spun;
  }

 private:
  Nanoseconds now_ = 1'000'000;
  Spinning spinning_{kLimit, now_};
};

TEST(Spinning, GoesThroughShortStretchesToTheirEnd) {
  Idler idler;
  EXPECT_EQ(idler.many(1000, kShort, kShort), 1000 * kShort);
}

TEST(Spinning, EndsAtTheLimit) {
  Idler idler;
  EXPECT_EQ(idler.stretch(kLong), kLimit);
}

TEST(Spinning, NowAndThenALongStretchChangesNothing) {
  Idler idler;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(idler.stretch(kLong), kLimit);
    EXPECT_EQ(idler.many(Spinning::kPrice, kShort, kShort), Spinning::kPrice * kShort);
  }
}

TEST(Spinning, IsGivenUpWhenStretchesAreLong) {
  Idler idler;
  idler.many(20, kLong, kLong);
  EXPECT_LE(idler.many(1000, kLong, kLong), 1000 / Spinning::kBetween * kLimit + kLimit);
}

// A response soon, the next request late: half of the stretches are short.
TEST(Spinning, IsGivenUpWhenEveryOtherStretchIsLong) {
  Idler idler;
  idler.many(40, kShort, kLong);
  EXPECT_LE(idler.many(1000, kShort, kLong), 1000 / Spinning::kBetween * (kShort + kLimit) + kLimit);
}

TEST(Spinning, ComesBackWhenStretchesAreShortAgain) {
  Idler idler;
  idler.many(100, kLong, kLong);
  idler.many(Spinning::kBetween + Spinning::kProbes + 1, kShort, kShort);
  EXPECT_EQ(idler.many(1000, kShort, kShort), 1000 * kShort);
}

}  // namespace
}  // namespace weft

#include "distance.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

#include "pin.hpp"

namespace weft::bench {
namespace {

constexpr unsigned kRounds = 20, kTrips = 5000;

// Odd: there; even: back.
struct alignas(64) Ball {
  std::atomic<unsigned> at{0};
  void pass(unsigned from) { at.store(from + 1, std::memory_order_release); }
  bool is_at(unsigned place) const { return at.load(std::memory_order_acquire) == place; }
};

}  // namespace

double distance_ns(unsigned other) {
  Ball ball;
  std::jthread player([&](const std::stop_token& stop) {
    pin(other);
    for (unsigned next = 1; !stop.stop_requested();) {
      if (!ball.is_at(next)) continue;
      ball.pass(next);
      next += 2;
    }
  });
  double best = std::numeric_limits<double>::max();
  unsigned place = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    const auto begun = std::chrono::steady_clock::now();
    for (unsigned trip = 0; trip < kTrips; ++trip) {
      ball.pass(place);
      place += 2;
      while (!ball.is_at(place)) {
      }
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begun;
    best = std::min(best, took.count() / kTrips);
  }
  return best;
}

}  // namespace weft::bench

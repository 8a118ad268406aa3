#include "core/controller/keep_alive.hpp"

#include <algorithm>

namespace weft::controller {
namespace {

constexpr std::uint64_t kGranularityMs = kKeepAliveGranularity * 100ull;
constexpr std::uint64_t kNanosecondsPerMs = 1'000'000;

}  // namespace

KeepAlive::KeepAlive(Reactor& reactor, Owner& owner, Nanoseconds without)
    : reactor_(reactor),
      owner_(owner),
      without_(without),
      timer_(reactor, [](void* ctx) { static_cast<KeepAlive*>(ctx)->fired(); }, this) {}

Nanoseconds KeepAlive::period() const { return kato_ == 0 ? without_ : kato_ * kNanosecondsPerMs; }

void KeepAlive::set(std::uint32_t milliseconds) {
  const std::uint64_t rounded = (milliseconds + kGranularityMs - 1) / kGranularityMs * kGranularityMs;
  const std::uint64_t most = UINT32_MAX / kGranularityMs * kGranularityMs;
  kato_ = static_cast<std::uint32_t>(std::min(rounded, most));
  restart();
}

void KeepAlive::restart() {
  if (period() == 0) return timer_.cancel();
  seen_ = owner_.traffic();
  timer_.set(reactor_.now() + period());
}

void KeepAlive::stop() { timer_.cancel(); }

void KeepAlive::fired() {
  if (owner_.traffic() != seen_) return restart();
  owner_.keep_alive_expired();
}

}  // namespace weft::controller

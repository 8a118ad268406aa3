#include "core/controller/storage_watch.hpp"

#include <algorithm>

#include "core/controller/namespace.hpp"

namespace weft::controller {
namespace {

constexpr Nanoseconds kInterval = 10'000'000'000;
constexpr Nanoseconds kSoonest = 1'000'000'000;  // hosts may come and go as fast as they like
constexpr Nanoseconds kBetweenSlices = 1'000'000;
constexpr std::uint32_t kSlice = 256;  // of a microsecond each

}  // namespace

StorageWatch::StorageWatch(Reactor& control, Hooks hooks)
    : control_(control),
      hooks_(std::move(hooks)),
      timer_(control, [](void* ctx) { static_cast<StorageWatch*>(ctx)->measure_some(); }, this) {}

void StorageWatch::add(Subsystem& subsystem, Namespace& ns) {
  const std::uint64_t blocks = ns.backend().measure();
  if (blocks == 0) return;
  watched_.insert_or_assign(Key{&subsystem, ns.nsid()}, Watched{&ns, ns.blocks()});
  set_timer();
}

void StorageWatch::remove(Subsystem& subsystem, std::uint32_t nsid) {
  watched_.erase(Key{&subsystem, nsid});
  if (watched_.empty()) timer_.cancel();
}

void StorageWatch::set_timer() {
  if (timer_.armed() || watched_.empty() || !hooks_.has_hosts()) return;
  timer_.set(std::max(due_, control_.now() + 1));
}

void StorageWatch::host_came() {
  if (next_ == Key{} && control_.now() >= soonest_) return measure_some();
  set_timer();
}

void StorageWatch::measure_some() {
  auto at = watched_.lower_bound(next_);
  for (std::uint32_t left = kSlice; left > 0 && at != watched_.end(); --left, ++at) {
    const std::uint64_t blocks = at->second.ns->backend().measure();
    if (blocks == at->second.blocks) continue;
    at->second.blocks = blocks;
    hooks_.changed(*at->first.first, *at->second.ns, blocks);
  }
  if (at != watched_.end()) {
    next_ = at->first;
    return timer_.set(control_.now() + kBetweenSlices);
  }
  next_ = {};
  due_ = control_.now() + kInterval;
  soonest_ = control_.now() + kSoonest;
  set_timer();
}

}  // namespace weft::controller

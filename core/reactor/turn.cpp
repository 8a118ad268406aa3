// One turn of a reactor: poll everything, run what is due, then flush once.
#include <cassert>
#include <cerrno>
#include <cstring>

#include "core/reactor/reactor_impl.hpp"
#include "core/util/log.hpp"

namespace weft {
namespace {

constexpr std::uint32_t kGroupBudget = 128;    // events of one group before the next one has its turn
constexpr Nanoseconds kLookInterval = 50'000;  // a busy reactor looks at watched descriptors this often

}  // namespace

std::uint32_t Reactor::Impl::turn() {
  in_turn = true;
  ++stats.turns;
  now = options.clock();
  std::uint32_t events = poll_groups();
  if (!pollers.empty()) events += poll_pollers();
  if (mailbox->pending()) events += mailbox->run();
  if (!timers.empty()) events += timers.fire(now);
  if (!watches.empty() && now >= next_look) {
    next_look = now + kLookInterval;
    events += collect(0);
  }
  flush();
  if (pollers_removed) drop_removed_pollers();
  if (events != 0) {
    spinning.event(now);
    stats.events += events;
  } else {
    ++stats.idle_turns;
  }
  in_turn = false;
  return events;
}

// By index: an event may open a group, which moves the array.
std::uint32_t Reactor::Impl::poll_groups() {
  std::uint32_t events = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const int polled = groups[i].poll(groups[i].handle, kGroupBudget);
    if (polled >= 0) {
      events += static_cast<std::uint32_t>(polled);
    } else {
      group_failed(groups[i], "poll", polled);
    }
  }
  return events;
}

std::uint32_t Reactor::Impl::poll_pollers() {
  std::uint32_t events = 0;
  for (std::size_t i = 0; i < pollers.size(); ++i) {
    if (pollers[i].poller != nullptr) events += pollers[i].poller->poll();
  }
  return events;
}

void Reactor::Impl::flush() {
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i].flush(groups[i].handle);
  for (std::size_t i = 0; i < pollers.size(); ++i) {
    if (pollers[i].poller != nullptr) pollers[i].poller->submit();
  }
}

void Reactor::Impl::drop_removed_pollers() {
  std::erase_if(pollers, [](const PollerEntry& entry) { return entry.poller == nullptr; });
  pollers_removed = false;
}

void Reactor::Impl::group_failed(Group& group, const char* call, int code) {
  if (group.failed) return;
  group.failed = true;
  log::error("transport '{}' cannot {} its group: {}", group.transport->name(), call, std::strerror(-code));
}

}  // namespace weft

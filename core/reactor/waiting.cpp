// The sleep of a reactor: everything is armed, then one epoll_wait until a descriptor, a deadline or the mailbox ends it.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "core/reactor/reactor_impl.hpp"
#include "core/util/log.hpp"

namespace weft {
namespace {

constexpr int kBatch = 32;

// epoll_pwait2 takes nanoseconds; a kernel (or a sandbox) without it gets milliseconds, rounded up.
int wait_for_events(int epoll, epoll_event* events, Nanoseconds wait_ns) {
  static std::atomic<bool> lacks_pwait2{false};
  if (wait_ns == 0) return ::epoll_wait(epoll, events, kBatch, 0);
  if (wait_ns == kForever) return ::epoll_wait(epoll, events, kBatch, -1);
  if (!lacks_pwait2.load(std::memory_order_relaxed)) {
    timespec timeout{};
    timeout.tv_sec = static_cast<std::time_t>(wait_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(wait_ns % 1'000'000'000);
    const int n = ::epoll_pwait2(epoll, events, kBatch, &timeout, nullptr);
    if (n >= 0 || errno != ENOSYS) return n;
    lacks_pwait2.store(true, std::memory_order_relaxed);
  }
  const Nanoseconds wait_ms = std::min<Nanoseconds>((wait_ns + 999'999) / 1'000'000, INT32_MAX);
  return ::epoll_wait(epoll, events, kBatch, static_cast<int>(wait_ms));
}

}  // namespace

bool Reactor::Impl::may_sleep() {
  switch (options.wait) {
    case WaitPolicy::kPoll:
      return false;
    case WaitPolicy::kSleep:
      return true;
    case WaitPolicy::kAdaptive:
      break;
  }
  return !spinning.goes_on(now);
}

// Returns what watched descriptors had. The caller polls again, whatever ended the sleep.
std::uint32_t Reactor::Impl::sleep(Nanoseconds until) {
  Nanoseconds deadline = std::min(until, timers.earliest());
  if (!arm(deadline) || !mailbox->prepare_sleep()) return 0;
  Nanoseconds wait_ns = kForever;
  if (deadline != kForever) {
    const Nanoseconds current = options.clock();
    wait_ns = deadline > current ? deadline - current : 0;
  }
  if (wait_ns != 0) ++stats.sleeps;
  in_turn = true;
  const std::uint32_t events = collect(wait_ns);
  in_turn = false;
  if (events != 0) spinning.event(now);
  return events;
}

// False: something has work already. `deadline` comes down to the earliest of theirs.
bool Reactor::Impl::arm(Nanoseconds& deadline) {
  for (Group& group : groups) {
    if (!arm_group(group, deadline)) return false;
  }
  return std::ranges::all_of(pollers, [this](PollerEntry& entry) { return arm_poller(entry); });
}

bool Reactor::Impl::arm_group(Group& group, Nanoseconds& deadline) {
  int fd = -1;
  std::uint64_t group_deadline = 0;
  const int rc = group.arm(group.handle, &fd, &group_deadline);
  if (rc == -EAGAIN) return false;
  if (rc != 0) {
    group_failed(group, "arm", rc);
    return false;
  }
  if (group_deadline != 0) deadline = std::min<Nanoseconds>(deadline, group_deadline);
  return register_fd(group.fd, fd);
}

bool Reactor::Impl::arm_poller(PollerEntry& entry) {
  if (entry.poller == nullptr) return true;
  const int fd = entry.poller->arm();
  return fd != -2 && register_fd(entry.fd, fd);
}

// `fd` into the epoll in place of `registered`, which is most often the same; -1: none.
bool Reactor::Impl::register_fd(int& registered, int fd) {
  if (fd == registered) return true;
  if (registered >= 0) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, registered, nullptr);
  registered = -1;
  if (fd < 0) return true;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeOnlyId;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    log::error("a reactor cannot sleep: descriptor {} of a group or backend is refused: {}", fd, std::strerror(errno));
    return false;
  }
  registered = fd;
  return true;
}

// Waits for events, then calls what watches them: a part of the turn before or after, with a time of its own.
std::uint32_t Reactor::Impl::collect(Nanoseconds wait_ns) {
  std::array<epoll_event, kBatch> events;
  const int n = wait_for_events(epoll.get(), events.data(), wait_ns);
  mailbox->awake();
  if (wait_ns != 0) now = options.clock();
  std::uint32_t dispatched = 0;
  for (int i = 0; i < n; ++i) dispatched += dispatch(events[static_cast<std::size_t>(i)].data.u64);
  return dispatched;
}

// A watch that an earlier call of the same batch removed is not found any more: its id is never used again.
std::uint32_t Reactor::Impl::dispatch(std::uint64_t id) {
  if (id == kMailboxId) mailbox->drain();
  if (id < kFirstWatchId) return 0;
  const auto found = std::ranges::find(watches, id, &Watch::id);
  if (found == watches.end()) return 0;
  const Watch watch = *found;
  watch.ready(watch.ctx);
  return 1;
}

}  // namespace weft

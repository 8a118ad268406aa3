// reactor_impl.hpp - what a Reactor is made of; only core/reactor includes it.
// turn.cpp has one turn, waiting.cpp the sleep between turns, reactor.cpp the rest. Thread rule: as Reactor.
#ifndef WEFT_CORE_REACTOR_REACTOR_IMPL_HPP
#define WEFT_CORE_REACTOR_REACTOR_IMPL_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/reactor/mailbox.hpp"
#include "core/reactor/resolver.hpp"
#include "core/reactor/spinning.hpp"
#include "core/reactor/timer_heap.hpp"
#include "core/util/unique_fd.hpp"
#include "weft/reactor.hpp"
#include "weft/transport.hpp"

namespace weft {

struct Reactor::Impl {
  // One transport's group, with the calls of a turn beside it.
  struct Group {
    Transport* transport = nullptr;
    weft_group* handle = nullptr;
    decltype(weft_transport::group_poll) poll = nullptr;
    decltype(weft_transport::group_flush) flush = nullptr;
    decltype(weft_transport::group_arm) arm = nullptr;
    int fd = -1;          // as it stands in `epoll`
    bool failed = false;  // poll or arm said so, and it was logged
  };
  struct PollerEntry {
    Poller* poller = nullptr;  // null: removed during this turn
    int fd = -1;
  };
  struct Watch {
    std::uint64_t id = 0;
    int fd = -1;
    void (*ready)(void* ctx) = nullptr;
    void* ctx = nullptr;
  };
  // What epoll gives back: these, or the id of a Watch.
  static constexpr std::uint64_t kMailboxId = 0, kWakeOnlyId = 1, kFirstWatchId = 2;

  Impl(const ReactorOptions& given, UniqueFd epoll_fd, std::shared_ptr<Mailbox> box);

  // turn.cpp
  std::uint32_t turn();
  [[nodiscard]] std::uint32_t poll_groups();
  [[nodiscard]] std::uint32_t poll_pollers();
  void flush();
  void drop_removed_pollers();
  void group_failed(Group& group, const char* call, int code);

  // waiting.cpp
  [[nodiscard]] bool may_sleep();
  std::uint32_t sleep(Nanoseconds until);
  [[nodiscard]] bool arm(Nanoseconds& deadline);
  [[nodiscard]] bool arm_group(Group& group, Nanoseconds& deadline);
  [[nodiscard]] bool arm_poller(PollerEntry& entry);
  [[nodiscard]] bool register_fd(int& registered, int fd);
  std::uint32_t collect(Nanoseconds wait_ns);
  std::uint32_t dispatch(std::uint64_t id);

  // reactor.cpp
  void adopt_thread();
  [[nodiscard]] bool on_thread() const;
  void shut_down();

  // Constant.
  const ReactorOptions options;
  const UniqueFd epoll;
  const std::shared_ptr<Mailbox> mailbox;
  // Shared.
  std::atomic<const void*> owner;  // the address of something that each thread has its own of
  // Owner's thread.
  Nanoseconds now = 0;
  Spinning spinning;
  Nanoseconds next_look = 0;  // at watched descriptors, while there is no sleep
  bool stopping = false;
  bool in_turn = false;
  bool pollers_removed = false;
  std::uint64_t next_watch_id = kFirstWatchId;
  std::vector<Group> groups;
  std::vector<PollerEntry> pollers;
  std::vector<Watch> watches;
  TimerHeap timers;
  ReactorStats stats;
  Resolver resolver;
};

}  // namespace weft

#endif

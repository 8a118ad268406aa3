// reactor.hpp - one thread that runs poll groups, timers, a mailbox and watched descriptors.
//
// Thread rule: everything but post(), stop() and on_thread() belongs to the thread that runs the reactor (before run(): the
// thread that made it). Callbacks come only from inside run_once()/run(). Reactors share nothing with each other on the
// I/O path; post() is the only way in from another thread.
// Waiting is a policy (WaitPolicy): adaptive spins for up to spin_ns after the last event where that has paid lately, then
// arms every group and sleeps in the kernel until a descriptor, a timer or the mailbox wakes it.
#ifndef WEFT_REACTOR_HPP
#define WEFT_REACTOR_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "weft/address.hpp"
#include "weft/status.hpp"
#include "weft/transport_abi.h"

namespace weft {

class Transport;
class TimerHeap;

// Nanoseconds of CLOCK_MONOTONIC; deadlines are absolute on it, 0 means none.
using Nanoseconds = std::uint64_t;
inline constexpr Nanoseconds kForever = UINT64_MAX;
[[nodiscard]] Nanoseconds monotonic_now();

// What a reactor polls besides transport groups: a storage backend's completions, for one. Owner: whoever made it; it must be
// removed before it dies.
class Poller {
 public:
  virtual ~Poller() = default;
  virtual std::uint32_t poll() = 0;  // work done this turn: events; 0 when idle
  virtual void submit() {}           // end of a turn: pass on what was queued
  // A descriptor that becomes readable when poll() has work; -1: none, -2: there is work now, poll again first.
  virtual int arm() { return -1; }
};

class Reactor;

// One-shot timer. Belongs to the reactor's thread; destruction cancels. Setting an armed timer moves it. Room for it is made
// by its constructor: set() does not allocate. Its function may set or destroy any timer, this one too.
class Timer {
 public:
  using Function = void (*)(void* ctx);
  Timer(Reactor& reactor, Function function, void* ctx);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void set(Nanoseconds deadline);  // 0: as cancel()
  void cancel();
  [[nodiscard]] bool armed() const { return index_ != kUnarmed; }
  [[nodiscard]] Nanoseconds deadline() const { return deadline_; }

 private:
  friend class TimerHeap;
  static constexpr std::uint32_t kUnarmed = UINT32_MAX;
  Reactor& reactor_;
  Function function_;
  void* ctx_;
  Nanoseconds deadline_ = 0;
  std::uint32_t index_ = kUnarmed;  // place in the reactor's heap
};

struct ReactorOptions {
  WaitPolicy wait = WaitPolicy::kAdaptive;
  Nanoseconds spin_ns = 50'000;             // adaptive: how long to spin at most after the last event
  int cpu = -1;                             // pin the running thread
  Nanoseconds (*clock)() = &monotonic_now;  // tests give a fake one
};

struct ReactorStats {
  std::uint64_t turns = 0, idle_turns = 0, sleeps = 0, events = 0;
};

class Reactor {
 public:
  using Task = std::move_only_function<void()>;

  [[nodiscard]] static Result<std::unique_ptr<Reactor>> create(const ReactorOptions& options = {});
  ~Reactor();  // groups must be empty: all queue pairs and listeners closed
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Runs until stop(). Tasks posted before stop() run.
  void run();
  // One turn; sleeps (by the policy) at most until `until` (kForever: no bound), 0: does not sleep. Returns events handled.
  std::uint32_t run_once(Nanoseconds until = 0);
  // Turns until done() or the deadline; false when the deadline came first. Not from inside a callback.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, Nanoseconds deadline);
  void stop();                           // any thread, and signal handlers' threads (not handlers)
  void post(Task task);                  // any thread; runs in order, from inside a turn
  [[nodiscard]] bool on_thread() const;  // any thread: is the caller the reactor's thread?

  [[nodiscard]] Nanoseconds now() const;        // of this turn: read once a turn; outside one: clock_now()
  [[nodiscard]] Nanoseconds clock_now() const;  // read now
  // The group of a transport on this reactor; opened on first use, closed with the reactor.
  [[nodiscard]] Result<weft_group*> group(Transport& transport);

  void add(Poller& poller);
  void remove(Poller& poller);
  // Calls `ready` from a turn while fd is readable (level triggered). fd is borrowed until unwatch().
  [[nodiscard]] Status watch(int fd, void (*ready)(void* ctx), void* ctx);
  void unwatch(int fd);

  // Looks a name up without blocking: numeric at once, names on a helper thread. `done` from inside a turn, never from
  // inside this call, exactly once unless cancelled by its key. error: 0, or a negative errno: -ENOENT (no such host or service), -EAGAIN (no answer now), ...
  // `sockaddr`: one or more socket addresses, each as long as its family says, best first; `len` is that of all: at
  // most 64 addresses are given. An empty host gives the wildcard addresses.
  void resolve(const char* host, const char* service, void* key,
               void (*done)(void* key, std::int32_t error, const void* sockaddr, std::uint32_t len));
  void resolve_cancel(void* key);

  [[nodiscard]] ReactorStats stats() const;
  [[nodiscard]] const ReactorOptions& options() const;

 private:
  friend class Timer;
  friend class ReactorThread;
  void shut_down();
  struct Impl;
  explicit Reactor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A reactor and the thread that runs it. start() returns when the thread runs; the destructor stops and joins it.
class ReactorThread {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ReactorThread>> start(const ReactorOptions& options = {},
                                                                    const char* name = "weft");
  ~ReactorThread();
  ReactorThread(const ReactorThread&) = delete;
  ReactorThread& operator=(const ReactorThread&) = delete;
  [[nodiscard]] Reactor& reactor();
  // Runs `task` on the reactor and waits for its end. Not from the reactor's own thread.
  void call(const std::function<void()>& task);

 private:
  struct Impl;
  explicit ReactorThread(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether the transport can be used on this machine, and if not, why: it is opened, unless it is open, and nothing is
// connected. Any thread.
[[nodiscard]] Status check_usable(Transport& transport);

}  // namespace weft

#endif

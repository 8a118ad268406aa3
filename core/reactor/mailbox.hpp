// mailbox.hpp - the way into a reactor from other threads: tasks in order, and the wake-up of a reactor that sleeps.
//
// A post writes the descriptor only when the owner sleeps or is about to: prepare_sleep() announces it and then looks once
// more, post() adds and then looks for the announcement, so one of the two sees the other. Between posts a turn pays one
// load.
// Thread rule: post() from any thread, the rest from the owner. Ownership: shared, so that a helper thread may outlive the
// reactor; what is posted then is dropped with the mailbox.
#ifndef WEFT_CORE_REACTOR_MAILBOX_HPP
#define WEFT_CORE_REACTOR_MAILBOX_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/util/unique_fd.hpp"
#include "weft/reactor.hpp"
#include "weft/status.hpp"

namespace weft {

class Mailbox {
 public:
  using Task = Reactor::Task;

  [[nodiscard]] static Result<std::shared_ptr<Mailbox>> create();
  explicit Mailbox(UniqueFd wake) : wake_(std::move(wake)) {}

  void post(Task task);

  [[nodiscard]] bool pending() const { return pending_.load(std::memory_order_acquire); }
  // Runs what was posted before the call; what the tasks post waits for the next call. Returns how many ran.
  std::uint32_t run();

  // Destroys what was posted, unrun, and what that posts; while all that the tasks may hold on to is still there.
  void discard();

  // False: there is something to run, do not sleep. True: every post from now on makes fd() readable.
  [[nodiscard]] bool prepare_sleep();
  void awake() { sleeping_.store(false, std::memory_order_relaxed); }
  void drain();  // after fd() was readable
  [[nodiscard]] int fd() const { return wake_.get(); }

 private:
  const UniqueFd wake_;  // an eventfd
  // Shared.
  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
  std::atomic<bool> pending_{false};
  std::atomic<bool> sleeping_{false};
  // Owner's thread.
  std::vector<Task> running_;
};

}  // namespace weft

#endif

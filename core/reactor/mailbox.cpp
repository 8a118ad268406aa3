#include "core/reactor/mailbox.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weft {

Result<std::shared_ptr<Mailbox>> Mailbox::create() {
  UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return Error(errno, fmt::format("cannot make an event descriptor: {}", std::strerror(errno)));
  return std::make_shared<Mailbox>(std::move(wake));
}

void Mailbox::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    pending_.store(true, std::memory_order_seq_cst);
  }
  // Sequentially consistent with prepare_sleep(): either this sees `sleeping_`, or that sees `pending_`.
  if (!sleeping_.load(std::memory_order_seq_cst)) return;
  if (!sleeping_.exchange(false, std::memory_order_seq_cst)) return;  // another post wakes it
  const std::uint64_t one = 1;
  while (::write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

std::uint32_t Mailbox::run() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(posted_);
    pending_.store(false, std::memory_order_relaxed);
  }
  const auto count = static_cast<std::uint32_t>(running_.size());
  for (Task& task : running_) task();
  running_.clear();
  return count;
}

void Mailbox::discard() {
  while (pending()) {
    std::vector<Task> dropped;  // dies after the lock is given back: a task's end may post
    const std::lock_guard lock(mutex_);
    dropped.swap(posted_);
    pending_.store(false, std::memory_order_relaxed);
  }
}

bool Mailbox::prepare_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (!pending_.load(std::memory_order_seq_cst)) return true;
  awake();
  return false;
}

void Mailbox::drain() {
  std::uint64_t count = 0;
  while (::read(wake_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace weft

// handover.hpp - what one thread waits for and another gives, once.
#ifndef WEFT_CORE_UTIL_HANDOVER_HPP
#define WEFT_CORE_UTIL_HANDOVER_HPP

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace weft {

template <class T>
class Handover {
 public:
  void give(T value) {
    // Under the lock: the waiter may destroy this as soon as it has the value.
    const std::lock_guard lock(mutex_);
    value_.emplace(std::move(value));
    given_.notify_one();
  }
  [[nodiscard]] T wait() {
    std::unique_lock lock(mutex_);
    given_.wait(lock, [this] { return value_.has_value(); });
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  std::optional<T> value_;
};

}  // namespace weft

#endif

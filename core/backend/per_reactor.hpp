// per_reactor.hpp - one object for each reactor, shared by all that ask for it there, and gone with the last of them.
//
// A map from reactor and `key` to what is alive. Thread rule: any thread; what get() makes belongs to the reactor's thread,
// and so do those who hold it.
#ifndef WEFT_CORE_BACKEND_PER_REACTOR_HPP
#define WEFT_CORE_BACKEND_PER_REACTOR_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "weft/reactor.hpp"
#include "weft/status.hpp"

namespace weft {

template <class T>
class PerReactor {
 public:
  // `make`: Result<std::unique_ptr<T>>().
  template <class Make>
  [[nodiscard]] Result<std::shared_ptr<T>> get(Reactor& reactor, std::uint64_t key, Make make) {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<T>& known = all_[{&reactor, key}];
    if (std::shared_ptr<T> there = known.lock()) return there;
    Result<std::unique_ptr<T>> made = make();
    if (!made) return std::move(made).error();
    std::shared_ptr<T> shared(std::move(*made));
    known = shared;
    return shared;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<const Reactor*, std::uint64_t>, std::weak_ptr<T>> all_;  // guarded by mutex_
};

}  // namespace weft

#endif

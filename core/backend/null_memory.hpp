// null_memory.hpp - what all null backends share: the zeroes that their reads give, and where their writes go, one place for each
// reactor. Neither is made before it is needed.
//
// Thread rule: NullMemory from any thread; a window of writes belongs to its reactor's thread.
#ifndef WEFT_CORE_BACKEND_NULL_MEMORY_HPP
#define WEFT_CORE_BACKEND_NULL_MEMORY_HPP

#include <memory>
#include <mutex>

#include "core/backend/per_reactor.hpp"
#include "core/backend/ram_pages.hpp"

namespace weft {

// Memory of the largest transfer that one segment holds, in a huge page where there are such.
class Window {
 public:
  static constexpr std::uint64_t kBytes = 2u << 20;
  [[nodiscard]] static Result<std::unique_ptr<Window>> make(const char* what);
  [[nodiscard]] void* memory() const { return memory_.base(); }

 private:
  Reservation memory_;
};

class NullMemory {
 public:
  [[nodiscard]] Result<std::shared_ptr<Window>> zeroes();
  [[nodiscard]] Result<std::shared_ptr<Window>> sink(Reactor& reactor);

 private:
  std::mutex mutex_;
  std::weak_ptr<Window> zeroes_;  // guarded by mutex_
  PerReactor<Window> sinks_;
};

}  // namespace weft

#endif

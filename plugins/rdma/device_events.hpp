// device_events.hpp - what devices tell by themselves, from the thread that reads it to every group of the process.
//
// A device has one descriptor for its events, which all groups watch; whichever reads an event gives it to all, since it does
// not know whose queue pair it is about. Thread: add() from any, the rest from the group's. The flag is all that a turn looks at.
#ifndef WEFT_RDMA_DEVICE_EVENTS_HPP
#define WEFT_RDMA_DEVICE_EVENTS_HPP

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "../common/unique_fd.hpp"
#include "verbs.hpp"

namespace weft::rdma {

class DeviceEvents {
 public:
  struct Event {
    verbs::Device* device = nullptr;
    verbs::AsyncEvent told;
    std::uint64_t number = 0;  // of all events in this process
  };
  DeviceEvents();

  [[nodiscard]] int fd() const {
    return wake_.get();
  }  // readable: there is something; -1: there is no descriptor for it
  [[nodiscard]] bool any() const { return any_.load(std::memory_order_acquire); }
  void add(const Event& event);
  [[nodiscard]] std::vector<Event> take();

 private:
  const plugin::UniqueFd wake_;
  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::vector<Event> events_;  // under mutex_
};

}  // namespace weft::rdma

#endif

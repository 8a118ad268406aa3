#include "device_events.hpp"

#include <utility>

#include <sys/eventfd.h>

namespace weft::rdma {

DeviceEvents::DeviceEvents() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void DeviceEvents::add(const Event& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
  any_.store(true, std::memory_order_release);
  if (wake_) static_cast<void>(::eventfd_write(wake_.get(), 1));
}

std::vector<DeviceEvents::Event> DeviceEvents::take() {
  const std::lock_guard lock(mutex_);
  any_.store(false, std::memory_order_relaxed);
  eventfd_t value = 0;
  if (wake_) static_cast<void>(::eventfd_read(wake_.get(), &value));
  return std::exchange(events_, {});
}

}  // namespace weft::rdma

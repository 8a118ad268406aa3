// device.cpp - what is found out about a device by trying.
#include <cerrno>

#include "verbs.hpp"

namespace weft::rdma::verbs {

bool Device::makes_windows() {
  if (!attributes().windows) return false;
  if (const Probe known = windows_.load(std::memory_order_relaxed); known != Probe::kUnknown)
    return known == Probe::kMakes;
  const Made<std::unique_ptr<Window>> window = make_window();
  // For want of something now: the next to ask may have more luck, and a queue that needs windows says why it has none.
  if (!window && (window.error().code == ENOMEM || window.error().code == EAGAIN)) return true;
  windows_.store(window ? Probe::kMakes : Probe::kMakesNone, std::memory_order_relaxed);
  return window.has_value();
}

}  // namespace weft::rdma::verbs

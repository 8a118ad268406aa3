// domain.hpp - the transport in this process: the library with its devices, the options that groups start from, and
// memory registered with every device.
//
// A device that goes away is let go when no group has anything on it: its removal waits for that. Thread: any.
#ifndef WEFT_RDMA_DOMAIN_HPP
#define WEFT_RDMA_DOMAIN_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "../common/services.hpp"
#include "block.hpp"
#include "device_events.hpp"
#include "options.hpp"
#include "region.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Group;

class Domain {
 public:
  static plugin::Made<std::unique_ptr<Domain>> open(const weft_services& services, std::span<const weft_option> given);
  // What open() ends in, and what tests call with a library of their own.
  Domain(const weft_services& services, const Options& options, std::unique_ptr<verbs::Library> library,
         std::uint64_t lockable = lockable_bytes())
      : services_(services), options_(options), lockable_(lockable), library_(std::move(library)) {}
  ~Domain();

  plugin::Made<std::unique_ptr<Group>> open_group();
  plugin::Made<Region*> register_region(void* base, std::uint64_t length, std::uint32_t access);

  [[nodiscard]] const plugin::Services& services() const { return services_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] verbs::Library& library() { return *library_; }

  // A group that is to hear of events of devices, from its first turn to its end.
  void listen(DeviceEvents& events);
  void unlisten(DeviceEvents& events);
  // Gives what the device has to tell to every group.
  void read_events(verbs::Device& device);
  // Events that were read, in all. A number of a queue pair may be used again: what was read before it was made is about
  // another one.
  [[nodiscard]] std::uint64_t events_read();
  // Of each group another one, so that their completions do not all interrupt the same processor.
  [[nodiscard]] std::uint32_t next_vector() { return vectors_.fetch_add(1, std::memory_order_relaxed); }

  // Bytes that this process may lock, and bytes of receives that queue pairs of controllers have of their own.
  [[nodiscard]] std::uint64_t lockable() const { return lockable_; }
  [[nodiscard]] std::uint64_t own_receives() const { return own_receives_.load(std::memory_order_relaxed); }
  void add_own_receives(std::uint64_t bytes) { own_receives_.fetch_add(bytes, std::memory_order_relaxed); }
  void take_own_receives(std::uint64_t bytes) { own_receives_.fetch_sub(bytes, std::memory_order_relaxed); }

  // A group has something on the device, or no longer; each as often as the other. False: the device is going away.
  [[nodiscard]] bool entered(verbs::Device& device);
  void left(verbs::Device& device);
  void goes_away(verbs::Device& device);
  // It claimed SEND with invalidate and could not: no group is to try that again.
  void invalidate_failed(verbs::Device& device);
  [[nodiscard]] bool may_invalidate(verbs::Device& device);

 private:
  const plugin::Services services_;
  const Options options_;
  const std::uint64_t lockable_;
  std::atomic<std::uint64_t> own_receives_ = 0;
  std::atomic<std::uint32_t> vectors_ = 0;
  const std::unique_ptr<verbs::Library> library_;
  Regions regions_;

  struct Use {
    verbs::Device* device = nullptr;
    std::uint32_t groups = 0;
    bool leaving = false;
    bool was_used = false;  // when it began to leave
    bool let_go = false;
    bool may_invalidate = true;
  };
  Use& use_of(verbs::Device& device);
  void let_go_if_unused(Use& use);
  void log_event(const verbs::Device& device, const verbs::AsyncEvent& event) const;
  std::mutex mutex_;
  std::uint64_t events_read_ = 0;              // under mutex_, as is their reading
  std::vector<Use> uses_;                      // under mutex_
  std::vector<DeviceEvents*> listeners_ = {};  // likewise
};

// "no RDMA device has 192.0.2.7; devices: rxe0 192.0.2.1"
std::string no_device_has(verbs::Library& library, const std::string& address);

}  // namespace weft::rdma

#endif

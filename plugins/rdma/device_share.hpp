// device_share.hpp - what the queue pairs of one group share on one device: the completion channel, completion queues,
// staged memory, rings of receives.
//
// A completion queue serves many queue pairs. Each reserves what it may have outstanding, so that none can overrun; when
// no queue has room, another one is made. Of a shared ring a queue pair may take any number, so its completion queue
// reserves the whole ring, once. Thread: the group's. It outlives the queue pairs.
#ifndef WEFT_RDMA_DEVICE_SHARE_HPP
#define WEFT_RDMA_DEVICE_SHARE_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "memory.hpp"
#include "options.hpp"
#include "pair_numbers.hpp"
#include "shared_rings.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class DeviceShare {
 public:
  // `vector`: of its completion queues.
  static plugin::Made<std::unique_ptr<DeviceShare>> make(verbs::Device& device, const Options& options,
                                                         std::uint32_t vector);
  DeviceShare(const DeviceShare&) = delete;
  DeviceShare& operator=(const DeviceShare&) = delete;

  [[nodiscard]] verbs::Device& device() { return device_; }
  std::uint32_t users = 0;  // connections; without any its group lets it go
  [[nodiscard]] int fd() const { return channel_->fd(); }
  // Of queue pairs in the host's role, whose staged data peers reach, or the controller's.
  plugin::Made<Memory*> memory(bool host);
  [[nodiscard]] bool may_invalidate() const {
    return controller_memory_ == nullptr || controller_memory_->may_invalidate();
  }

  // Room for the completions of one queue pair.
  struct Room {
    std::size_t queue = 0;
    std::uint32_t entries = 0;
  };
  // `ring`: which it takes its receives from; nullptr: `entries` are all.
  plugin::Made<Room> reserve(std::uint32_t entries, const SharedRing* ring = nullptr);
  [[nodiscard]] verbs::CompletionQueue& queue(const Room& room) { return *queues_[room.queue].queue; }
  // `drained`: its last completion was seen. Otherwise the room comes back when the queue has been empty once.
  void release(const Room& room, bool drained);

  plugin::Made<SharedRing*> join_ring(std::uint32_t slot_bytes, std::uint64_t lockable) {
    return rings_.join(device_, slot_bytes, lockable);
  }
  // After release(). `lost_none`: the device said that the queue pair had filled its last receive.
  void leave_ring(SharedRing& ring, bool lost_none);
  [[nodiscard]] SharedRing* ring(std::uint32_t number) const { return rings_.find(number); }
  // Slots that were given back. False: a ring takes none, and its queue pairs are to be ended.
  [[nodiscard]] bool post_receives() { return rings_.post(); }
  // Queue pairs on rings, by their numbers.
  [[nodiscard]] bool enter(const Room& room, std::uint32_t number, std::uint32_t place) {
    return numbers_.enter(number, place, room.queue);
  }
  void leave(const Room& room, std::uint32_t number);
  [[nodiscard]] bool find(std::uint32_t number, std::uint32_t& place) const { return numbers_.find(number, place); }

  // The next completions, empty when there are none. They are good until the next call.
  [[nodiscard]] std::span<const ibv_wc> poll();
  // The channel hears of the next completion. False: there are some already, poll() has them.
  [[nodiscard]] bool arm();
  // An event says that one of its completion queues, or a ring, is of no more use.
  void queue_failed(const verbs::CompletionQueue* queue);
  void ring_failed(const verbs::SharedReceives* queue) { rings_.failed(queue); }
  [[nodiscard]] int error() const { return error_; }  // -errno of a queue that cannot be polled or armed; 0: none

 private:
  struct Queue {
    std::unique_ptr<verbs::CompletionQueue> queue;
    std::uint32_t entries = 0;
    std::uint32_t reserved = 0;
    std::uint32_t lingering = 0;            // of reserved: of queue pairs that are gone, until the queue is empty
    bool numbers_linger = false;            // of queue pairs that are gone, likewise
    std::vector<std::uint32_t> rings = {};  // numbers of those of which all receives are reserved
  };
  static constexpr std::uint32_t kBatch = 32;
  static constexpr std::uint32_t kQueueEntries = 4096;

  DeviceShare(verbs::Device& device, const Options& options, std::uint32_t vector,
              std::unique_ptr<verbs::CompletionChannel> channel)
      : device_(device), options_(options), vector_(vector), channel_(std::move(channel)) {}
  std::uint32_t fetch(Queue& queue);

  verbs::Device& device_;
  const Options options_;
  const std::uint32_t vector_;
  const std::unique_ptr<verbs::CompletionChannel> channel_;
  std::unique_ptr<Memory> host_memory_, controller_memory_;
  std::vector<Queue> queues_;
  SharedRings rings_;
  PairNumbers numbers_;
  std::size_t turn_ = 0;  // the queue that is polled next
  std::array<ibv_wc, kBatch> batch_{};
  std::uint32_t kept_ = 0;  // completions in batch_ that arm() found
  int error_ = 0;
};

}  // namespace weft::rdma

#endif

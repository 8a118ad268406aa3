#include "device_share.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

Made<std::unique_ptr<DeviceShare>> DeviceShare::make(verbs::Device& device, const Options& options,
                                                     std::uint32_t vector) {
  Made<std::unique_ptr<verbs::CompletionChannel>> channel = device.make_completion_channel();
  if (!channel) return std::unexpected(channel.error());
  return std::unique_ptr<DeviceShare>(new DeviceShare(device, options, vector, std::move(*channel)));
}

Made<Memory*> DeviceShare::memory(bool host) {
  std::unique_ptr<Memory>& mine = host ? host_memory_ : controller_memory_;
  if (mine == nullptr) {
    Made<std::unique_ptr<Memory>> made = Memory::make(device_, {.staging = options_.staging,
                                                                .remote = host,
                                                                .windows = options_.windows != WindowUse::kOff,
                                                                .invalidate = options_.invalidate});
    if (!made) return std::unexpected(made.error());
    mine = std::move(*made);
  }
  return mine.get();
}

Made<DeviceShare::Room> DeviceShare::reserve(std::uint32_t own, const SharedRing* ring) {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[i];
    const bool known = ring == nullptr || std::ranges::find(queue.rings, ring->number()) != queue.rings.end();
    const std::uint32_t more = own + (known ? 0 : ring->slots());
    if (queue.entries - queue.reserved < more) continue;
    queue.reserved += more;
    if (!known) queue.rings.push_back(ring->number());
    return Room{i, own};
  }
  const std::uint32_t entries = own + (ring != nullptr ? ring->slots() : 0);
  const std::uint32_t most = device_.attributes().max_completions;
  if (entries > most)
    return std::unexpected(
        Failure{.code = EINVAL,
                .text = fmt::format("the device {} has room for {} completions, a queue of this size needs {}",
                                    device_.attributes().name, most, entries),
                .stage = "connect"});
  const std::uint32_t size = std::max(entries, std::min(kQueueEntries, most));
  Made<std::unique_ptr<verbs::CompletionQueue>> queue = device_.make_completion_queue(size, *channel_, vector_);
  if (!queue) return std::unexpected(queue.error());
  queues_.push_back({.queue = std::move(*queue), .entries = size, .reserved = entries});
  if (ring != nullptr) queues_.back().rings.push_back(ring->number());
  return Room{queues_.size() - 1, own};
}

void DeviceShare::release(const Room& room, bool drained) {
  Queue& queue = queues_[room.queue];
  if (drained) {
    queue.reserved -= room.entries;
  } else {
    queue.lingering += room.entries;
  }
}

void DeviceShare::leave(const Room& room, std::uint32_t number) {
  numbers_.leave(number);
  queues_[room.queue].numbers_linger = true;
}

void DeviceShare::queue_failed(const verbs::CompletionQueue* failed) {
  for (const Queue& queue : queues_)
    if (queue.queue.get() == failed) error_ = -EIO;
}

void DeviceShare::leave_ring(SharedRing& ring, bool lost_none) {
  const std::uint32_t number = ring.number(), slots = ring.slots();
  if (!rings_.leave(ring, lost_none)) return;
  for (Queue& queue : queues_)
    if (std::erase(queue.rings, number) != 0) queue.lingering += slots;
}

std::uint32_t DeviceShare::fetch(Queue& queue) {
  const int count = queue.queue->poll(batch_);  // here the sign tells an error from a number
  if (count < 0) {
    error_ = count;
    return 0;
  }
  if (static_cast<std::uint32_t>(count) < kBatch && queue.lingering != 0) {
    queue.reserved -= queue.lingering;
    queue.lingering = 0;
  }
  // What was taken is yet to be looked at, so here only none will do.
  if (count == 0 && std::exchange(queue.numbers_linger, false))
    numbers_.purge(static_cast<std::size_t>(&queue - queues_.data()));
  return static_cast<std::uint32_t>(count);
}

std::span<const ibv_wc> DeviceShare::poll() {
  if (kept_ != 0) return {batch_.data(), std::exchange(kept_, 0)};
  for (std::size_t tries = queues_.size(); tries != 0; --tries) {
    Queue& queue = queues_[turn_ < queues_.size() ? turn_ : 0];
    turn_ = turn_ + 1 < queues_.size() ? turn_ + 1 : 0;
    if (const std::uint32_t count = fetch(queue); count != 0) return {batch_.data(), count};
  }
  return {};
}

// What came before a queue was armed is not told: so each is looked at once more.
bool DeviceShare::arm() {
  if (kept_ != 0) return false;
  const int before = error_;
  channel_->drain();
  for (Queue& queue : queues_) {
    if (const int error = queue.queue->arm(); error != 0) error_ = verbs::minus_errno(error);
    kept_ = fetch(queue);
    if (kept_ != 0) return false;
  }
  return error_ == before;  // else the next turn ends whom nothing would wake any more
}

}  // namespace weft::rdma

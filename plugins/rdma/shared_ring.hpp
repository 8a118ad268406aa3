// shared_ring.hpp - one ring of receives that queue pairs of a group share: the slots, and the shared receive queue in
// which they are posted.
//
// A slot is the device's, or of the queue pair whose capsule lies in it, or given back and posted by the next post().
// A queue pair that fails may leave one slot in the device that is never told of: so the ring counts who has left.
// Thread: the group's. It outlives its queue pairs; it goes with the last of them.
#ifndef WEFT_RDMA_SHARED_RING_HPP
#define WEFT_RDMA_SHARED_RING_HPP

#include <cerrno>
#include <cstdint>
#include <memory>

#include "capsule_ring.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class SharedRing {
 public:
  // Every slot is posted. `number`: what completions of its receives name it by.
  static plugin::Made<std::unique_ptr<SharedRing>> make(verbs::Device& device, std::uint32_t slots,
                                                        std::uint32_t slot_bytes, std::uint32_t number);

  [[nodiscard]] CapsuleRing& capsules() { return *capsules_; }
  [[nodiscard]] verbs::SharedReceives& queue() { return *queue_; }
  [[nodiscard]] std::uint32_t slots() const { return capsules_->slots(); }
  [[nodiscard]] std::uint32_t slot_bytes() const { return capsules_->slot_bytes(); }
  [[nodiscard]] std::uint32_t number() const { return number_; }

  // Posts what was given back. 0 or -errno, also of an earlier call: then its queue pairs are to be ended.
  int post();
  [[nodiscard]] int error() const { return error_; }

  void join() { ++users_; }
  // True: that was the last one.
  [[nodiscard]] bool leave(bool lost_none) {
    if (!lost_none) ++left_;
    return --users_ == 0;
  }
  void fail() { error_ = -EIO; }
  [[nodiscard]] std::uint32_t may_have_lost() const { return left_; }

 private:
  SharedRing(std::unique_ptr<CapsuleRing> capsules, std::unique_ptr<verbs::SharedReceives> queue, std::uint32_t number)
      : capsules_(std::move(capsules)), queue_(std::move(queue)), number_(number) {}

  const std::unique_ptr<CapsuleRing> capsules_;
  const std::unique_ptr<verbs::SharedReceives> queue_;  // goes before the memory of its receives
  const std::uint32_t number_;
  std::uint32_t users_ = 0, left_ = 0;
  int error_ = 0;
};

}  // namespace weft::rdma

#endif

// capsule_ring.hpp - receive buffers of one queue pair, or of several (shared_ring.hpp): equal slots in one registered
// block, each posted, or held by whoever reads the capsule in it.
//
// Memory is made by make(), with the queue pair; repost() only chains, post() posts what was chained in one call.
// Thread: the group's.
#ifndef WEFT_RDMA_CAPSULE_RING_HPP
#define WEFT_RDMA_CAPSULE_RING_HPP

#include <cstddef>
#include <cstdint>
#include <memory>

#include "block.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"
#include "work.hpp"

namespace weft::rdma {

class CapsuleRing {
 public:
  // `whose`: what completions say; their index is that of `whose` and the slot's number. All slots are chained.
  static plugin::Made<std::unique_ptr<CapsuleRing>> make(verbs::Device& device, std::uint32_t slots,
                                                         std::uint32_t slot_bytes, WorkId whose);

  [[nodiscard]] std::uint32_t slots() const { return slots_; }
  [[nodiscard]] std::uint32_t slot_bytes() const { return slot_bytes_; }
  [[nodiscard]] const std::byte* at(std::uint32_t slot) const {
    return block_->base() + std::size_t{slot} * slot_bytes_;
  }

  void repost(std::uint32_t slot);
  // 0 or -errno: then who takes from it is to be ended.
  int post(verbs::QueuePair& pair);
  int post(verbs::SharedReceives& shared);

 private:
  CapsuleRing(std::unique_ptr<Block> block, std::uint32_t slots, std::uint32_t slot_bytes, WorkId whose);
  ibv_recv_wr* take_chain();

  const std::unique_ptr<Block> block_;
  const std::uint32_t slots_, slot_bytes_;
  std::unique_ptr<ibv_recv_wr[]> requests_;  // one a slot, made once
  std::unique_ptr<ibv_sge[]> elements_;
  ibv_recv_wr* first_ = nullptr;
  ibv_recv_wr* last_ = nullptr;
};

}  // namespace weft::rdma

#endif

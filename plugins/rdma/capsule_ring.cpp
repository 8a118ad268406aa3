#include "capsule_ring.hpp"

#include <utility>

namespace weft::rdma {

plugin::Made<std::unique_ptr<CapsuleRing>> CapsuleRing::make(verbs::Device& device, std::uint32_t slots,
                                                             std::uint32_t slot_bytes, WorkId whose) {
  plugin::Made<std::unique_ptr<Block>> block =
      Block::make(device, std::uint64_t{slots} * slot_bytes, IBV_ACCESS_LOCAL_WRITE, "received capsules");
  if (!block) return std::unexpected(block.error());
  return std::unique_ptr<CapsuleRing>(new CapsuleRing(std::move(*block), slots, slot_bytes, whose));
}

CapsuleRing::CapsuleRing(std::unique_ptr<Block> block, std::uint32_t slots, std::uint32_t slot_bytes, WorkId whose)
    : block_(std::move(block)),
      slots_(slots),
      slot_bytes_(slot_bytes),
      requests_(std::make_unique<ibv_recv_wr[]>(slots)),
      elements_(std::make_unique<ibv_sge[]>(slots)) {
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    elements_[slot] = {
        .addr = reinterpret_cast<std::uintptr_t>(at(slot)), .length = slot_bytes, .lkey = block_->lkey()};
    requests_[slot] = {
        .wr_id = WorkId{.queue_pair = whose.queue_pair, .work = whose.work, .index = whose.index + slot}.pack(),
        .next = nullptr,
        .sg_list = &elements_[slot],
        .num_sge = 1};
    repost(slot);
  }
}

void CapsuleRing::repost(std::uint32_t slot) {
  ibv_recv_wr& request = requests_[slot];
  request.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &request;
  last_ = &request;
}

ibv_recv_wr* CapsuleRing::take_chain() {
  last_ = nullptr;
  return std::exchange(first_, nullptr);
}

int CapsuleRing::post(verbs::QueuePair& pair) {
  ibv_recv_wr* const chain = take_chain();
  ibv_recv_wr* failed = nullptr;
  return chain != nullptr ? verbs::minus_errno(pair.post_receives(*chain, failed)) : 0;
}

int CapsuleRing::post(verbs::SharedReceives& shared) {
  ibv_recv_wr* const chain = take_chain();
  return chain != nullptr ? verbs::minus_errno(shared.post(*chain)) : 0;
}

}  // namespace weft::rdma

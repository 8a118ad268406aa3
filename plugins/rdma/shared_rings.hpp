// shared_rings.hpp - the shared rings of one group on one device: one for each size of capsule, and a few more where a
// ring may have lost slots.
//
// A ring that may have lost a quarter of its slots takes no more queue pairs; another one is made beside it. When none
// can be made, or there are kMostOfASize, the one that lost least goes on up to half of its slots. Thread: the group's.
#ifndef WEFT_RDMA_SHARED_RINGS_HPP
#define WEFT_RDMA_SHARED_RINGS_HPP

#include <cstdint>
#include <memory>
#include <vector>

#include "shared_ring.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class SharedRings {
 public:
  static constexpr std::uint32_t kMostOfASize = 4;

  // For one more queue pair. `lockable`: bytes that this process may lock. Fails with a sentence.
  plugin::Made<SharedRing*> join(verbs::Device& device, std::uint32_t slot_bytes, std::uint64_t lockable);
  // Its queue pair is deleted, and holds no slot. True: that was the last one, and the ring is gone.
  bool leave(SharedRing& ring, bool lost_none);
  void failed(const verbs::SharedReceives* queue);  // post() says so

  [[nodiscard]] SharedRing* find(std::uint32_t number) const;  // nullptr: it is gone
  // Posts what was given back. False: a ring is of no more use.
  [[nodiscard]] bool post();

 private:
  plugin::Made<SharedRing*> make(verbs::Device& device, std::uint32_t slot_bytes, std::uint64_t lockable);

  std::vector<std::unique_ptr<SharedRing>> rings_;
  std::uint32_t numbers_ = 0;
};

}  // namespace weft::rdma

#endif

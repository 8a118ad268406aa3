#include "shared_rings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "agree.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint32_t kWorn = 4, kUseless = 2;  // a quarter, a half of the slots may be lost

bool may_have_lost_one_in(std::uint32_t part, const SharedRing& ring) {
  return std::uint64_t{ring.may_have_lost()} * part >= ring.slots();
}

}  // namespace

Made<SharedRing*> SharedRings::join(verbs::Device& device, std::uint32_t slot_bytes, std::uint64_t lockable) {
  SharedRing* best = nullptr;
  std::uint32_t of_this_size = 0;
  for (const auto& ring : rings_) {
    if (ring->slot_bytes() != slot_bytes) continue;
    ++of_this_size;
    if (ring->error() != 0 || (best != nullptr && best->may_have_lost() <= ring->may_have_lost())) continue;
    best = ring.get();
  }
  Made<SharedRing*> chosen = best;
  if (best == nullptr || may_have_lost_one_in(kWorn, *best)) {
    if (of_this_size < kMostOfASize)
      chosen = make(device, slot_bytes, lockable);
    else
      chosen = std::unexpected(Failure{.code = ENOMEM,
                                       .text = fmt::format("{} shared rings of receives are in use on {}, and may "
                                                           "have lost slots",
                                                           of_this_size, device.attributes().name),
                                       .stage = "memory"});
    if (!chosen && best != nullptr && !may_have_lost_one_in(kUseless, *best)) chosen = best;
  }
  if (chosen) (*chosen)->join();
  return chosen;
}

// Less will do, as long as anything can be had.
Made<SharedRing*> SharedRings::make(verbs::Device& device, std::uint32_t slot_bytes, std::uint64_t lockable) {
  std::uint32_t slots = shared_slots(slot_bytes, device.attributes(), lockable);
  if (slots == 0)
    return std::unexpected(
        Failure{.code = ENOTSUP,
                .text = fmt::format("the device {} has no shared receive queues", device.attributes().name),
                .stage = "connect"});
  Made<std::unique_ptr<SharedRing>> made = SharedRing::make(device, slots, slot_bytes, ++numbers_);
  while (!made && made.error().code == ENOMEM && slots / 2 >= kLeastSharedSlots)
    made = SharedRing::make(device, slots /= 2, slot_bytes, numbers_);
  if (!made) return std::unexpected(made.error());
  rings_.push_back(std::move(*made));
  return rings_.back().get();
}

void SharedRings::failed(const verbs::SharedReceives* queue) {
  for (const auto& ring : rings_)
    if (&ring->queue() == queue) ring->fail();
}

bool SharedRings::leave(SharedRing& ring, bool lost_none) {
  if (!ring.leave(lost_none)) return false;
  std::erase_if(rings_, [&](const auto& one) { return one.get() == &ring; });
  return true;
}

SharedRing* SharedRings::find(std::uint32_t number) const {
  for (const auto& ring : rings_)
    if (ring->number() == number) return ring.get();
  return nullptr;
}

bool SharedRings::post() {
  bool well = true;
  for (const auto& ring : rings_) well = ring->post() == 0 && well;
  return well;
}

}  // namespace weft::rdma

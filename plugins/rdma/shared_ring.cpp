#include "shared_ring.hpp"

#include <fmt/format.h>

#include <cstring>

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

Made<std::unique_ptr<SharedRing>> SharedRing::make(verbs::Device& device, std::uint32_t slots, std::uint32_t slot_bytes,
                                                   std::uint32_t number) {
  Made<std::unique_ptr<CapsuleRing>> capsules =
      CapsuleRing::make(device, slots, slot_bytes, {.queue_pair = number, .work = Work::kSharedReceive});
  if (!capsules) return std::unexpected(capsules.error());
  Made<std::unique_ptr<verbs::SharedReceives>> queue = device.make_shared_receives(slots, 1);
  if (!queue) return std::unexpected(queue.error());
  std::unique_ptr<SharedRing> ring(new SharedRing(std::move(*capsules), std::move(*queue), number));
  if (const int error = ring->post(); error != 0)
    return std::unexpected(Failure{.code = -error,
                                   .text = fmt::format("cannot post shared receives: {}", std::strerror(-error)),
                                   .origin = WEFT_ORIGIN_NETWORK});
  return ring;
}

int SharedRing::post() {
  if (error_ == 0) error_ = capsules_->post(*queue_);
  return error_;
}

}  // namespace weft::rdma

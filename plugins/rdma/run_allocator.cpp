#include "run_allocator.hpp"

#include <bit>
#include <cassert>

namespace weft::rdma {

RunAllocator::RunAllocator(std::uint64_t bytes, std::uint32_t longest)
    : top_(order_of(longest)), granules_(bytes / kGranule) {
  assert(std::has_single_bit(longest) && top_ < kOrders && bytes % longest == 0);
  first_.fill(kNone);
  for (std::uint64_t at = granules_.size(); at != 0;) {
    at -= std::uint64_t{1} << top_;
    push(static_cast<std::uint32_t>(at), top_);
  }
}

std::uint32_t RunAllocator::order_of(std::uint64_t bytes) {
  const std::uint64_t granules = (bytes + kGranule - 1) / kGranule;
  return granules <= 1 ? 0 : static_cast<std::uint32_t>(std::bit_width(granules - 1));
}

void RunAllocator::push(std::uint32_t at, std::uint32_t order) {
  granules_[at] = {.next = first_[order], .previous = kNone, .order = static_cast<std::uint8_t>(order)};
  if (first_[order] != kNone) granules_[first_[order]].previous = at;
  first_[order] = at;
}

void RunAllocator::unlink(std::uint32_t at) {
  const Granule run = granules_[at];
  (run.previous != kNone ? granules_[run.previous].next : first_[run.order]) = run.next;
  if (run.next != kNone) granules_[run.next].previous = run.previous;
  granules_[at].order = kTaken;
}

std::optional<std::uint64_t> RunAllocator::take(std::uint64_t bytes) {
  const std::uint32_t wanted = order_of(bytes);
  std::uint32_t order = wanted;
  while (order <= top_ && first_[order] == kNone) ++order;
  if (order > top_) return std::nullopt;
  const std::uint32_t at = first_[order];
  unlink(at);
  while (order > wanted) {
    --order;
    push(at + (1U << order), order);
  }
  ++taken_;
  return std::uint64_t{at} * kGranule;
}

void RunAllocator::give_back(std::uint64_t offset, std::uint64_t bytes) {
  assert(taken_ != 0);
  --taken_;
  auto at = static_cast<std::uint32_t>(offset / kGranule);
  std::uint32_t order = order_of(bytes);
  for (; order < top_; ++order) {
    const std::uint32_t other = at ^ (1U << order);
    if (granules_[other].order != order) break;
    unlink(other);
    at &= ~(1U << order);
  }
  push(at, order);
}

}  // namespace weft::rdma

#include "staging.hpp"

#include <cassert>
#include <cstring>

namespace weft::rdma {

bool Staging::take(StagingClaim& claim) {
  assert(claim.bytes <= longest() && !claim.run);
  const std::optional<std::uint64_t> offset = runs_.take(claim.bytes);
  if (!offset) return false;
  claim.run = {base_ + *offset, claim.bytes};
  if (claim.owner != 0) change_hands(claim);
  return true;
}

void Staging::change_hands(const StagingClaim& claim) {
  const auto first = static_cast<std::uint64_t>(claim.run.base - base_) / RunAllocator::kGranule;
  const std::uint64_t granules = (claim.bytes + RunAllocator::kGranule - 1) / RunAllocator::kGranule;
  for (std::uint64_t at = first; at != first + granules; ++at) {
    if (owners_[at] != 0 && owners_[at] != claim.owner)
      std::memset(base_ + at * RunAllocator::kGranule, 0, RunAllocator::kGranule);
    owners_[at] = claim.owner;
  }
}

bool Staging::claim(StagingClaim& claim) {
  if (waiting_.empty() && take(claim)) return true;
  waiting_.push_back(claim);
  return false;
}

void Staging::serve() {
  while (StagingClaim* first = waiting_.front()) {
    if (!take(*first)) return;
    waiting_.remove(*first);
    first->user->staged(*first);
  }
}

void Staging::withdraw(StagingClaim& claim) {
  if (!claim.hook.linked()) return;
  waiting_.remove(claim);
  serve();
}

void Staging::release(Run& run) {
  if (!run) return;
  runs_.give_back(static_cast<std::uint64_t>(run.base - base_), run.bytes);
  run = {};
  serve();
}

}  // namespace weft::rdma

#include "staging.hpp"

#include <cassert>

namespace weft::rdma {

bool Staging::take(StagingClaim& claim) {
  assert(claim.bytes <= longest() && !claim.run);
  const std::optional<std::uint64_t> offset = runs_.take(claim.bytes);
  if (!offset) return false;
  claim.run = {base_ + *offset, claim.bytes};
  return true;
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

#include "staging.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace weft::rdma {

namespace {

constexpr std::uint64_t kPartInReserve = 4;

// A quarter, and at least one of the longest runs.
std::uint64_t reserve_of(std::uint64_t bytes, std::uint32_t longest) {
  return std::max<std::uint64_t>(bytes / kPartInReserve / longest, 1) * longest;
}

}  // namespace

Staging::Staging(std::byte* base, std::uint64_t bytes, std::uint32_t longest, Reserve reserve)
    : base_(base),
      reserve_bytes_(reserve_of(bytes, longest)),
      keeps_(reserve),
      reserve_(reserve_bytes_, longest),
      rest_(bytes - reserve_bytes_, longest),
      owners_(bytes / RunAllocator::kGranule) {
  assert(bytes >= 2 * std::uint64_t{longest});
}

// The reserve first where it may be used, so that a single queue pair can have all of the memory.
std::optional<std::uint64_t> Staging::find_run(const StagingClaim& claim) {
  if (!is_late(*claim.share)) {
    if (const std::optional<std::uint64_t> offset = reserve_.take(claim.bytes); offset) return offset;
  }
  const std::optional<std::uint64_t> offset = rest_.take(claim.bytes);
  return offset ? std::optional(reserve_bytes_ + *offset) : std::nullopt;
}

bool Staging::take(StagingClaim& claim) {
  assert(claim.bytes <= longest() && !claim.run);
  const std::optional<std::uint64_t> offset = find_run(claim);
  if (!offset) return false;
  claim.run = {base_ + *offset, claim.bytes, claim.share};
  ++claim.share->runs;
  if (claim.share->owner != 0) change_hands(claim);
  return true;
}

void Staging::change_hands(const StagingClaim& claim) {
  const std::uint32_t owner = claim.share->owner;
  const auto first = static_cast<std::uint64_t>(claim.run.base - base_) / RunAllocator::kGranule;
  const std::uint64_t granules = (claim.bytes + RunAllocator::kGranule - 1) / RunAllocator::kGranule;
  for (std::uint64_t at = first; at != first + granules; ++at) {
    if (owners_[at] != 0 && owners_[at] != owner)
      std::memset(base_ + at * RunAllocator::kGranule, 0, RunAllocator::kGranule);
    owners_[at] = owner;
  }
}

bool Staging::claim(StagingClaim& claim) {
  if (waiting_.empty()) [[likely]] {
    if (take(claim)) return true;
  }
  claim.since = served_;
  claim.share->waiting.push_back(claim);
  waiting_.push_back(*claim.share);  // does nothing when it is there already
  if (claim.share->waiting.front() != &claim) return false;
  claiming_ = &claim;
  serve();
  claiming_ = nullptr;
  return static_cast<bool>(claim.run);
}

// The first claim of each share, in the order in which the shares began to wait. A share that was served goes to the end.
void Staging::serve() {
  bool blocked = false, late_blocked = false;
  waiting_.for_each([&](StagingShare& share) {
    StagingClaim& first = *share.waiting.front();
    const bool late = is_late(share);
    if (blocked || (late && late_blocked)) return;
    if (take(first)) return served(first);
    if (urgent(first)) (late ? late_blocked : blocked) = true;
  });
}

void Staging::served(StagingClaim& claim) {
  StagingShare& share = *claim.share;
  ++served_;
  share.waiting.remove(claim);
  waiting_.remove(share);
  if (!share.waiting.empty()) waiting_.push_back(share);
  if (&claim != claiming_) claim.user->staged(claim);
}

void Staging::withdraw(StagingClaim& claim) {
  if (!claim.hook.linked()) return;
  claim.share->waiting.remove(claim);
  if (claim.share->waiting.empty()) waiting_.remove(*claim.share);
  serve();
}

void Staging::release(Run& run) {
  if (!run) return;
  const auto offset = static_cast<std::uint64_t>(run.base - base_);
  if (offset < reserve_bytes_) {
    reserve_.give_back(offset, run.bytes);
  } else {
    rest_.give_back(offset - reserve_bytes_, run.bytes);
  }
  --run.share->runs;
  run = {};
  serve();
}

void Staging::settled(StagingShare& share) {
  if (!share.waiting.empty()) serve();
}

}  // namespace weft::rdma

#include "core/controller/resources.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "core/controller/shares.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kShortEntries = 36;  // 128 KiB in pages that lie apart
constexpr std::uint32_t kShortCount = 256;
constexpr std::uint32_t kLongCount = 64;

constexpr std::uint32_t kOvertakes = 64;  // of a claim, by those whose hosts hold something already
constexpr std::uint32_t kMostOvertakes = 65'536;
constexpr std::uint32_t kLook = 64;  // shares looked at when something is released
constexpr std::uint32_t kLookAtTick = 4096;
constexpr std::uint32_t kSmall = 16u << 10, kMiddle = 128u << 10;

// Summed on purpose: separate compares are merged into one wide load, which defeats store-to-load forwarding.
bool needs_nothing(const Claim& claim) {
  return std::uint64_t{claim.budget} + claim.chunks == 0 && claim.iov_entries <= kOwnIov;
}

}  // namespace

void Resources::FreeMemory::operator()(std::byte* memory) const {
  ::operator delete[](memory, std::align_val_t{kChunkSize});
}

Resources::Resources(std::uint64_t budget, std::uint32_t chunks, std::uint32_t max_entries)
    :  // Not touched here: pages that are never used stay without memory.
      chunks_(
          static_cast<std::byte*>(::operator new[](std::size_t{chunks} * kChunkSize, std::align_val_t{kChunkSize}))),
      next_(chunks, kNoChunk),
      free_chunks_(chunks) {
  for (std::uint32_t i = 0; i < chunks; ++i) free_chunks_[i] = chunks - 1 - i;
  fill(iov_[0], kShortEntries, max_entries == 0 ? 0 : kShortCount);
  fill(iov_[1], std::max(max_entries, kShortEntries), max_entries == 0 ? 0 : kLongCount);
  total_ = {budget, chunks, iov_[0].free.size(), iov_[1].free.size()};
  free_ = total_;
}

void Resources::fill(IovClass& pool, std::uint32_t entries, std::uint32_t count) {
  pool.entries = entries;
  pool.memory = std::make_unique_for_overwrite<weft_iov[]>(std::size_t{entries} * count);
  pool.free.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) pool.free.push_back(pool.memory.get() + std::size_t{i} * entries);
}

std::uint64_t Resources::wanted(const Claim& claim, MemoryKind kind, const Resources& of) {
  if (kind == kBudget) return claim.budget;
  if (kind == kChunks) return claim.chunks;
  return claim.iov_entries > kOwnIov && of.iov_kind(claim.iov_entries) == kind ? 1 : 0;
}

// So much is left that no share has to be looked at.
bool Resources::is_easy(const Claim& claim) const {
  if (claim.chunks != 0 || claim.iov_entries > kOwnIov) return false;
  return free_[kBudget] >= total_[kBudget] - total_[kBudget] / 4 + claim.budget;
}

std::uint64_t Resources::free_for(MemoryKind kind, const MachineShare& machine) const {
  if (!reserve_ || machine.listed) return free_[kind];
  return free_beside_reserve(free_[kind], total_[kind], reserve_of_memory(total_[kind]), held_by_unlisted_[kind]);
}

std::uint64_t Resources::total_for(MemoryKind kind, const MachineShare& machine) const {
  return total_[kind] - (reserve_ && !machine.listed ? reserve_of_memory(total_[kind]) : 0);
}

// The first claim of a machine leaves as much as it takes, so that many machines with large claims leave room for small ones.
bool Resources::admits(MemoryKind kind, std::uint64_t wanted, const Share& share, bool urgent) const {
  if (wanted == 0 || free_[kind] == total_[kind]) return true;  // nobody holds any
  const std::uint64_t free = free_for(kind, share.machine);
  const std::uint64_t by_machine = share.machine.held[kind];
  if (by_machine == 0 && !urgent) return 2 * wanted <= free;
  if (urgent) return machine_may_take(kOfMemory, wanted, free, by_machine);
  return name_may_take(kOfMemory, wanted, free, by_machine, share.held[kind]);
}

bool Resources::admits(const Claim& claim, const Share& share, bool urgent) const {
  return admits(kBudget, claim.budget, share, urgent) && admits(kChunks, claim.chunks, share, urgent) &&
         (claim.iov_entries <= kOwnIov || admits(iov_kind(claim.iov_entries), 1, share, urgent));
}

// Another share's claim has been overtaken too often: it may be held up by its own machine, or by all.
bool Resources::gives_way(const Share& share) const {
  if (urgent_ == nullptr || urgent_ == &share) return false;
  if (share.claims == 0 && grants_ - urgent_->urgent->since_grant < kMostOvertakes) return false;
  return &urgent_->machine == &share.machine || urgent_->machine.claims == 0;
}

Share::Lane& Resources::lane_of(const Claim& claim, Share& share) {
  const std::size_t size = claim.budget <= kSmall ? 0 : claim.budget <= kMiddle ? 1 : 2;
  return share.lanes[size + (claim.chunks != 0 ? Share::kLanes / 2 : 0)];
}

// `amount` may be negative, modulo 2^64.
void Resources::move(MemoryKind kind, std::uint64_t amount, Share& share) {
  free_[kind] -= amount;
  share.held[kind] += amount;
  share.machine.held[kind] += amount;
  if (!share.machine.listed) held_by_unlisted_[kind] += amount;
}

void Resources::take(Claim& claim, Share& share) {
  move(kBudget, claim.budget, share);
  if (claim.chunks != 0) {
    move(kChunks, claim.chunks, share);
    for (std::uint32_t i = 0; i < claim.chunks; ++i) {
      const std::uint32_t chunk = free_chunks_.back();
      free_chunks_.pop_back();
      next_[chunk] = claim.chunk;
      claim.chunk = chunk;
    }
  }
  if (claim.iov_entries > kOwnIov) {
    move(iov_kind(claim.iov_entries), 1, share);
    const std::size_t iov = iov_class(claim.iov_entries);
    claim.long_iov = iov_[iov].free.back();
    iov_[iov].free.pop_back();
  }
  ++share.claims;
  ++share.machine.claims;
  claim.held = true;
  ++held_;
}

bool Resources::acquire(Claim& claim, Share& share) {
  assert(!claim.held && !claim.linked());
  assert(claim.budget <= total_[kBudget] && claim.chunks <= total_[kChunks]);
  if (needs_nothing(claim)) {
    claim.held = true;
    ++held_;
    return true;
  }
  if (waiting_.empty() && is_easy(claim)) [[likely]] {
    take(claim, share);
    return true;
  }
  assert(claim.iov_entries <= kOwnIov || claim.iov_entries <= max_entries());
  Share::Lane& lane = lane_of(claim, share);
  if (lane.claims.empty() && !holds_back(share) && !gives_way(share) && admits(claim, share, false) && spend()) {
    take(claim, share);
    admitted(share, &lane);
    return true;
  }
  wait(claim, share, lane);
  return false;
}

void Resources::stamp(Share::Lane& lane) const {
  lane.passed = 0;
  lane.since_grant = grants_;
  lane.since_tick = tick_;
}

void Resources::wait(Claim& claim, Share& share, Share::Lane& lane) {
  if (lane.claims.empty()) stamp(lane);
  lane.claims.push_back(claim);
  if (share.linked()) return;
  const bool first = waiting_.empty();
  waiting_.push_back(share);
  ++waiting_count_;
  ++share.machine.waiting;
  looked(1);
  if (first && on_wait) on_wait();
}

// Counts how often those that wait were overtaken, by their own share's other lanes and by all shares.
void Resources::admitted(Share& share, const Share::Lane* by) {
  if (waiting_.empty()) return;
  ++grants_;
  if (share.linked()) {
    for (Share::Lane& lane : share.lanes) {
      if (&lane == by || lane.claims.empty() || ++lane.passed < kOvertakes) continue;
      if (share.urgent == nullptr) share.urgent = &lane;
    }
  }
  if (urgent_ == nullptr && grants_ >= look_at_) find_urgent();
}

void Resources::find_urgent() {
  look_at_ = grants_ + kOvertakes / 2;
  std::uint32_t left = std::min(waiting_count_, kLook);
  waiting_.for_each([&](Share& share) {
    if (left == 0 || urgent_ != nullptr) return;
    --left;
    if (share.claims != 0) return;
    for (Share::Lane& lane : share.lanes) {
      if (lane.claims.empty() || grants_ - lane.since_grant < kOvertakes) continue;
      if (share.urgent == nullptr) share.urgent = &lane;
      urgent_ = &share;
      looked_ = 0;
      return;
    }
  });
}

// A lane of the share itself was overtaken too often. One claim at a time may still pass it.
bool Resources::holds_back(const Share& share) {
  return share.urgent != nullptr && (share.claims != 0 || share.urgent->passed >= kMostOvertakes);
}

// The lane whose first claim may be served now.
Share::Lane* Resources::servable(Share& share) const {
  if (gives_way(share)) return nullptr;
  if (share.urgent != nullptr && admits(share.urgent->claims.front(), share, urgent_ == &share)) return share.urgent;
  if (holds_back(share)) return nullptr;
  for (Share::Lane& lane : share.lanes) {
    if (!lane.claims.empty() && admits(lane.claims.front(), share, false)) return &lane;
  }
  return nullptr;
}

// One claim less waits in this lane.
void Resources::leave(Share& share, Share::Lane& lane) {
  if (share.urgent == &lane) {
    share.urgent = nullptr;
    if (urgent_ == &share) urgent_ = nullptr;
  }
  share.unlink();
  const bool waits =
      std::any_of(share.lanes.begin(), share.lanes.end(), [](Share::Lane& l) { return !l.claims.empty(); });
  looked_ = 0;
  if (waits) return waiting_.push_back(share);
  --waiting_count_;
  --share.machine.waiting;
}

// Its turn is over: the others that wait come first.
void Resources::serve(Share& share, Share::Lane& lane) {
  Claim& claim = lane.claims.pop_front();
  take(claim, share);
  admitted(share, &lane);
  leave(share, lane);
  stamp(lane);
  claim.resume(claim);
}

bool Resources::serve_next(std::uint32_t look) {
  if (urgent_ != nullptr) {
    if (Share::Lane* const lane = servable(*urgent_)) {
      serve(*urgent_, *lane);
      return true;
    }
  }
  if (more_is_free()) looked_ = 0;
  for (std::uint32_t left = std::min(waiting_count_, look); left != 0; --left) {
    Share& share = waiting_.front();
    if (Share::Lane* const lane = servable(share)) {
      serve(share, *lane);
      return true;
    }
    share.unlink();
    waiting_.push_back(share);
  }
  looked(std::min(waiting_count_, look));
  return false;
}

bool Resources::more_is_free() const {
  for (std::size_t kind = 0; kind < kMemoryKinds; ++kind) {
    if (free_[kind] > free_then_[kind] || held_by_unlisted_[kind] < unlisted_then_[kind]) return true;
  }
  return false;
}

void Resources::looked(std::uint32_t shares) {
  for (std::size_t kind = 0; kind < kMemoryKinds; ++kind) {
    free_then_[kind] = looked_ == 0 ? free_[kind] : std::min(free_then_[kind], free_[kind]);
    unlisted_then_[kind] =
        looked_ == 0 ? held_by_unlisted_[kind] : std::max(unlisted_then_[kind], held_by_unlisted_[kind]);
  }
  looked_ = std::min(looked_ + shares, waiting_count_);
}

// Who is resumed may release at once: one loop, not a recursion.
void Resources::wake(std::uint32_t look) {
  if (most_a_turn_ != 0) {
    due_ = true;
    return;
  }
  if (waking_) return;
  waking_ = true;
  while (serve_next(look)) {
  }
  waking_ = false;
}

bool Resources::spend() {
  if (most_a_turn_ == 0) return true;
  due_ = due_ || left_ == 0;
  if (left_ == 0) return false;
  --left_;
  return true;
}

std::uint32_t Resources::begin_turn() {
  left_ = most_a_turn_;
  if (!std::exchange(due_, false)) return 0;
  std::uint32_t served = 0;
  for (; left_ != 0 && serve_next(kLook); ++served) --left_;
  due_ = due_ || left_ == 0 || looked_ < waiting_count_;
  return served;
}

void Resources::tick() {
  ++tick_;
  if (!waiting_.empty()) wake(kLookAtTick);
}

void Resources::split(Claim& from, Claim& to, std::uint16_t count, Share& share) {
  assert(from.held && !to.held && count < from.chunks);
  from.chunks = static_cast<std::uint16_t>(from.chunks - count);
  std::uint32_t last = from.chunk;
  for (std::uint32_t i = 1; i < from.chunks; ++i) last = next_[last];
  to.chunk = next_[last];
  to.chunks = count;
  next_[last] = kNoChunk;
  to.held = true;
  ++held_;
  ++share.claims;
  ++share.machine.claims;
}

void Resources::withdraw(Claim& claim, Share& share) {
  Share::Lane& lane = lane_of(claim, share);
  const bool was_first = &lane.claims.front() == &claim;
  claim.unlink();
  if (was_first) {
    leave(share, lane);
    stamp(lane);
  }
  wake(kLook);
}

void Resources::release(Claim& claim, Share& share) {
  if (!claim.held) return;
  claim.held = false;
  --held_;
  if (needs_nothing(claim)) return;
  move(kBudget, -std::uint64_t{claim.budget}, share);
  if (claim.chunks != 0) move(kChunks, -std::uint64_t{claim.chunks}, share);
  while (claim.chunk != kNoChunk) {
    const std::uint32_t chunk = claim.chunk;
    claim.chunk = next_[chunk];
    free_chunks_.push_back(chunk);
  }
  if (claim.long_iov != nullptr) {
    move(iov_kind(claim.iov_entries), -std::uint64_t{1}, share);
    iov_[iov_class(claim.iov_entries)].free.push_back(claim.long_iov);
    claim.long_iov = nullptr;
  }
  --share.claims;
  --share.machine.claims;
  if (waiting_.empty()) [[likely]]
    return;
  // What came back had been taken since all were looked at: a host at depth 1 does not pay for those that wait.
  if (looked_ == waiting_count_ && share.machine.waiting == 0 && !more_is_free()) return;
  wake(kLook);
  if (most_a_turn_ != 0) return;
  // It may be far back among those that wait, and may wait only for what it held itself.
  while (!waking_ && share.linked()) {
    Share::Lane* const lane = servable(share);
    if (lane == nullptr) return;
    waking_ = true;
    serve(share, *lane);
    waking_ = false;
  }
}

template <class F>
void Resources::each_piece(const Claim& claim, std::uint64_t offset, std::uint64_t length, F f) const {
  std::uint32_t chunk = claim.chunk;
  for (; offset >= kChunkSize && chunk != kNoChunk; offset -= kChunkSize) chunk = next_[chunk];
  for (; length > 0 && chunk != kNoChunk; chunk = next_[chunk]) {
    const std::uint64_t size = std::min<std::uint64_t>(length, kChunkSize - offset);
    f(memory(chunk) + offset, size);
    length -= size;
    offset = 0;
  }
  assert(length == 0);
}

std::uint32_t Resources::describe(const Claim& claim, std::uint64_t offset, std::uint64_t length,
                                  std::span<weft_iov> into) const {
  const std::uint64_t room = into.size() * std::uint64_t{kChunkSize} - offset % kChunkSize;
  std::uint32_t count = 0;
  each_piece(claim, offset, std::min(length, room),
             [&](std::byte* at, std::uint64_t size) { into[count++] = weft_iov{at, size, nullptr}; });
  return count;
}

void Resources::write(const Claim& claim, std::uint64_t offset, std::span<const std::byte> from) {
  each_piece(claim, offset, from.size(), [&](std::byte* at, std::uint64_t size) {
    std::memcpy(at, from.data(), size);
    from = from.subspan(size);
  });
}

void Resources::read(const Claim& claim, std::uint64_t offset, std::span<std::byte> into) const {
  each_piece(claim, offset, into.size(), [&](const std::byte* at, std::uint64_t size) {
    std::memcpy(into.data(), at, size);
    into = into.subspan(size);
  });
}

void Resources::zero(const Claim& claim, std::uint64_t offset, std::uint64_t length) {
  each_piece(claim, offset, length, [](std::byte* at, std::uint64_t size) { std::memset(at, 0, size); });
}

template <class F>
void Resources::each_pair(const Claim& claim, std::span<const weft_iov> iov, std::uint64_t offset, std::uint64_t length,
                          F f) const {
  auto entry = iov.begin();
  std::uint64_t at = offset;  // in the entry
  for (; entry != iov.end() && at >= entry->len; ++entry) at -= entry->len;
  each_piece(claim, offset, length, [&](std::byte* memory, std::uint64_t size) {
    while (size > 0 && entry != iov.end()) {
      const std::uint64_t both = std::min(size, entry->len - at);
      f(memory, static_cast<std::byte*>(entry->base) + at, both);
      memory += both;
      size -= both;
      at += both;
      if (at == entry->len) {
        ++entry;
        at = 0;
      }
    }
  });
}

bool Resources::equal(const Claim& claim, std::span<const weft_iov> iov, std::uint64_t offset,
                      std::uint64_t length) const {
  bool same = true;
  each_pair(claim, iov, offset, length, [&](const std::byte* memory, const std::byte* other, std::uint64_t size) {
    same = same && std::memcmp(memory, other, size) == 0;
  });
  return same;
}

void Resources::copy_to(const Claim& claim, std::span<const weft_iov> iov, std::uint64_t offset,
                        std::uint64_t length) const {
  each_pair(claim, iov, offset, length,
            [](const std::byte* memory, std::byte* to, std::uint64_t size) { std::memcpy(to, memory, size); });
}

}  // namespace weft::controller

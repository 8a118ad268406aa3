#include "core/controller/resources.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

namespace weft::controller {
namespace {

constexpr std::uint32_t kShortEntries = 36;  // 128 KiB in pages that lie apart
constexpr std::uint32_t kShortCount = 256;
constexpr std::uint32_t kLongCount = 64;

// A sum: two comparisons of neighbours become one wide read of what was written in parts just now, and wait for it.
bool needs_nothing(const Claim& claim) {
  return std::uint64_t{claim.budget} + claim.chunks == 0 && claim.iov_entries <= kOwnIov;
}

// Afterwards as much is to be left as the share holds; the first of a share goes in any case.
bool leaves_enough(std::uint64_t held, std::uint64_t wanted, std::uint64_t free) {
  return wanted == 0 || held == 0 || held + 2 * wanted <= free;
}

}  // namespace

void Resources::FreeMemory::operator()(std::byte* memory) const {
  ::operator delete[](memory, std::align_val_t{kChunkSize});
}

Resources::Resources(std::uint64_t budget, std::uint32_t chunks, std::uint32_t max_entries)
    : budget_(budget),
      // Not touched here: pages that are never used stay without memory.
      chunks_(
          static_cast<std::byte*>(::operator new[](std::size_t{chunks} * kChunkSize, std::align_val_t{kChunkSize}))),
      next_(chunks, kNoChunk),
      free_chunks_(chunks) {
  for (std::uint32_t i = 0; i < chunks; ++i) free_chunks_[i] = chunks - 1 - i;
  fill(iov_[0], kShortEntries, kShortCount);
  fill(iov_[1], std::max(max_entries, kShortEntries), kLongCount);
}

void Resources::fill(IovClass& pool, std::uint32_t entries, std::uint32_t count) {
  pool.entries = entries;
  pool.memory = std::make_unique_for_overwrite<weft_iov[]>(std::size_t{entries} * count);
  pool.free.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) pool.free.push_back(pool.memory.get() + std::size_t{i} * entries);
}

bool Resources::fits(const Claim& claim) const {
  if (claim.budget > budget_ || claim.chunks > free_chunks_.size()) return false;
  return claim.iov_entries <= kOwnIov || !iov_[iov_class(claim.iov_entries)].free.empty();
}

bool Resources::is_fair(const Claim& claim, const Share& share) const {
  if (!leaves_enough(share.budget, claim.budget, budget_)) return false;
  if (!leaves_enough(share.chunks, claim.chunks, free_chunks_.size())) return false;
  if (claim.iov_entries <= kOwnIov) return true;
  const std::size_t iov = iov_class(claim.iov_entries);
  return leaves_enough(share.iov[iov], 1, iov_[iov].free.size());
}

void Resources::take(Claim& claim, Share& share) {
  budget_ -= claim.budget;
  share.budget += claim.budget;
  share.chunks += claim.chunks;
  for (std::uint32_t i = 0; i < claim.chunks; ++i) {
    const std::uint32_t chunk = free_chunks_.back();
    free_chunks_.pop_back();
    next_[chunk] = claim.chunk;
    claim.chunk = chunk;
  }
  if (claim.iov_entries > kOwnIov) {
    const std::size_t iov = iov_class(claim.iov_entries);
    claim.long_iov = iov_[iov].free.back();
    iov_[iov].free.pop_back();
    ++share.iov[iov];
  }
  claim.held = true;
  ++held_;
}

bool Resources::acquire(Claim& claim, Share& share) {
  assert(!claim.held && !claim.linked());
  assert(claim.iov_entries <= max_entries() && claim.chunks <= next_.size());
  if (needs_nothing(claim) || (waiting_.empty() && fits(claim) && is_fair(claim, share))) [[likely]] {
    take(claim, share);
    return true;
  }
  share.waiting.push_back(claim);
  if (!share.linked()) waiting_.push_back(share);
  // Those who wait for their own share are no obstacle.
  if (waking_ || next_served() != &share || &share.waiting.front() != &claim) return false;
  take_waiting(share);
  return true;
}

// The share whose first claim may go now.
Share* Resources::next_served() {
  Share* first = nullptr;
  waiting_.for_each([&](Share& share) {
    if (first == nullptr && is_fair(share.waiting.front(), share)) first = &share;
  });
  return first != nullptr && fits(first->waiting.front()) ? first : nullptr;
}

// Its turn is over: the others that wait come first.
void Resources::take_waiting(Share& share) {
  take(share.waiting.pop_front(), share);
  share.unlink();
  if (!share.waiting.empty()) waiting_.push_back(share);
}

void Resources::split(Claim& from, Claim& to, std::uint16_t count) {
  assert(from.held && !to.held && count < from.chunks);
  from.chunks = static_cast<std::uint16_t>(from.chunks - count);
  std::uint32_t last = from.chunk;
  for (std::uint32_t i = 1; i < from.chunks; ++i) last = next_[last];
  to.chunk = next_[last];
  to.chunks = count;
  next_[last] = kNoChunk;
  to.held = true;
  ++held_;
}

void Resources::withdraw(Claim& claim, Share& share) {
  claim.unlink();
  if (share.waiting.empty()) share.unlink();
  wake();
}

void Resources::release(Claim& claim, Share& share) {
  if (!claim.held) return;
  budget_ += claim.budget;
  share.budget -= claim.budget;
  share.chunks -= claim.chunks;
  while (claim.chunk != kNoChunk) {
    const std::uint32_t chunk = claim.chunk;
    claim.chunk = next_[chunk];
    free_chunks_.push_back(chunk);
  }
  if (claim.long_iov != nullptr) {
    const std::size_t iov = iov_class(claim.iov_entries);
    iov_[iov].free.push_back(claim.long_iov);
    --share.iov[iov];
    claim.long_iov = nullptr;
  }
  claim.held = false;
  --held_;
  if (!waiting_.empty()) wake();
}

// Who is resumed may release at once: one loop, not a recursion.
void Resources::wake() {
  if (waking_) return;
  waking_ = true;
  while (Share* const share = next_served()) {
    Claim& claim = share->waiting.front();
    take_waiting(*share);
    claim.resume(claim);
  }
  waking_ = false;
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

bool Resources::equal(const Claim& claim, std::span<const weft_iov> iov) const {
  std::uint64_t offset = 0;
  bool same = true;
  for (const weft_iov& entry : iov) {
    const auto* other = static_cast<const std::byte*>(entry.base);
    each_piece(claim, offset, entry.len, [&](const std::byte* at, std::uint64_t size) {
      same = same && std::memcmp(at, other, size) == 0;
      other += size;
    });
    offset += entry.len;
  }
  return same;
}

void Resources::copy_to(const Claim& claim, std::span<const weft_iov> iov) const {
  std::uint64_t offset = 0;
  for (const weft_iov& entry : iov) {
    read(claim, offset, std::span(static_cast<std::byte*>(entry.base), entry.len));
    offset += entry.len;
  }
}

}  // namespace weft::controller

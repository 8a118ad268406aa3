#include "core/backend/ram_pages.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weft {
namespace {

constexpr std::uint64_t kHugePage = 2u << 20;
constexpr std::uint64_t kOnePin = std::uint64_t{1} << 32;
constexpr std::uint64_t kRoomToGrow = std::uint64_t{1} << 24;   // pages: 64 GiB
constexpr std::uint64_t kRoomToServe = std::uint64_t{1} << 16;  // 256 MiB for data under way, at the least

RamPages::Page page_of(std::uint64_t entry) { return static_cast<RamPages::Page>(entry); }
std::int32_t pins_of(std::uint64_t entry) { return static_cast<std::int32_t>(entry >> 32); }

std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + kRamPage - 1) / kRamPage * kRamPage; }

}  // namespace

Reservation::~Reservation() {
  if (base_ != nullptr) munmap(mapping_, mapped_);
}

Status Reservation::reserve(std::uint64_t bytes, const char* what) {
  reserved_ = whole_pages(bytes);
  mapped_ = reserved_ + kHugePage;
  mapping_ = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) {
    const int error = errno;
    return Error(error, fmt::format("cannot reserve {} bytes of address space for {}: {}", reserved_, what,
                                    std::strerror(error)));
  }
  std::uint64_t room = mapped_;
  void* at = mapping_;
  base_ = static_cast<std::byte*>(std::align(kHugePage, reserved_, at, room));
  return {};
}

Status Reservation::grow(std::uint64_t bytes, bool huge) {
  const std::uint64_t wanted = whole_pages(bytes);
  if (wanted <= usable_) return {};
  if (wanted > reserved_) {
    return Error(ENOSPC,
                 fmt::format("{} bytes are more than the {} that were reserved when it was made", wanted, reserved_));
  }
  if (mprotect(base_ + usable_, wanted - usable_, PROT_READ | PROT_WRITE) != 0) {
    const int error = errno;
    return Error(error, fmt::format("cannot get {} bytes of memory: {}", wanted, std::strerror(error)));
  }
  usable_ = wanted;
  // Advice: without huge pages every block touched costs a fault, and later a miss of the TLB.
  if (huge && usable_ >= kHugePage) madvise(base_, usable_, MADV_HUGEPAGE);
  return {};
}

Result<std::unique_ptr<RamPages>> RamPages::create(std::uint64_t entries) {
  const std::uint64_t most = kNoPage - 1;  // page numbers have 32 bits
  if (entries > most - kRoomToServe) {
    return Error(EFBIG, fmt::format("{} pages of 4 KiB are more than a ram backend can have ({})", entries,
                                    most - kRoomToServe));
  }
  // Room for resize() and promise(): address space costs nothing, but for those who have little of it (RLIMIT_AS).
  auto pages = create(entries, std::min(std::max(entries * 4, entries + kRoomToGrow), most));
  return pages ? std::move(pages) : create(entries, entries + kRoomToServe);
}

Result<std::unique_ptr<RamPages>> RamPages::create(std::uint64_t entries, std::uint64_t most) {
  std::unique_ptr<RamPages> pages(new RamPages);
  if (Status s = pages->arena_.reserve((most + 1) * kRamPage, "ram blocks"); !s) return s.error();
  if (Status s = pages->table_.reserve(most * sizeof(std::uint64_t), "the table of ram blocks"); !s) return s.error();
  if (Status s = pages->meta_.reserve((most + 1) * sizeof(Meta), "the table of ram pages"); !s) return s.error();
  if (Status s = pages->resize(entries); !s) return s.error();
  return pages;
}

// And the page of zeroes.
Status RamPages::make_room(std::uint64_t entries, std::uint64_t promised) {
  const std::uint64_t pages = entries + promised + 1;
  // Pages are taken from the front of the arena on, so huge ones fill up. Entries of the table lie as far apart as what the
  // namespace is used for: a huge page of them would be taken for one.
  if (Status s = arena_.grow(pages * kRamPage, true); !s) return s;
  if (Status s = meta_.grow(pages * sizeof(Meta), true); !s) return s;
  if (Status s = table_.grow(entries * sizeof(std::uint64_t), false); !s) return s;
  // Never lowered: pages beyond a smaller table may still be in use.
  limit_.store(std::max(limit_.load(std::memory_order_relaxed), pages), std::memory_order_relaxed);
  return {};
}

Status RamPages::resize(std::uint64_t entries) {
  const std::lock_guard lock(growing_);
  if (Status s = make_room(entries, promised_); !s) return s;
  PageCache cache(*this);
  FreedRun freed(*this, cache, true);
  for (std::uint64_t entry = entries; entry < entries_; ++entry) freed.add(clear(entry));
  entries_ = entries;
  return {};
}

Status RamPages::promise(std::uint64_t pages) {
  const std::lock_guard lock(growing_);
  if (Status s = make_room(entries_, promised_ + pages); !s) return s;
  promised_ += pages;
  return {};
}

void RamPages::release(std::uint64_t pages) {
  const std::lock_guard lock(growing_);
  promised_ -= pages;
}

RamPages::Page RamPages::page_at(const void* memory) const {
  return static_cast<Page>(static_cast<std::uint64_t>(static_cast<const std::byte*>(memory) - arena_.base()) /
                           kRamPage);
}

RamPages::Page RamPages::pin(std::uint64_t entry) {
  return page_of(table()[entry].fetch_add(kOnePin, std::memory_order_acquire));
}

bool RamPages::settle(Page page, std::int32_t change) {
  return meta(page).balance.fetch_add(change, std::memory_order_acq_rel) + change == 0;
}

// Without pins nobody else has it: all that were taken in its entry have been given back there, so its balance is zero
// and need not be fetched.
bool RamPages::left_alone(Page page, std::int32_t pins) { return pins == 0 || settle(page, pins); }

bool RamPages::unpin(std::uint64_t entry, Page page) {
  if (page == 0)
    return false;  // its pins are not counted: it may come back to the entry, and overflow falls off the top
  std::uint64_t seen = table()[entry].load(std::memory_order_relaxed);
  while (page_of(seen) == page) {
    if (table()[entry].compare_exchange_weak(seen, seen - kOnePin, std::memory_order_release,
                                             std::memory_order_relaxed)) {
      return false;
    }
  }
  return settle(page, -1);
}

RamPages::Page RamPages::swap(std::uint64_t entry, Page fresh) {
  const std::uint64_t old = table()[entry].exchange(fresh, std::memory_order_acq_rel);
  const Page page = page_of(old);
  return page != 0 && left_alone(page, pins_of(old)) ? page : kNoPage;
}

RamPages::Page RamPages::clear(std::uint64_t entry) {
  return page_of(table()[entry].load(std::memory_order_relaxed)) == 0 ? kNoPage : swap(entry, 0);
}

RamPages::SwapResult RamPages::swap_if(std::uint64_t entry, Page seen, Page fresh) {
  std::uint64_t now = table()[entry].load(std::memory_order_relaxed);
  while (page_of(now) == seen) {
    if (table()[entry].compare_exchange_weak(now, fresh, std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return seen != 0 && left_alone(seen, pins_of(now) - 1) ? SwapResult::kSwappedAndFree : SwapResult::kSwapped;
    }
  }
  return SwapResult::kChanged;
}

RamPages::Page RamPages::take_shared() {
  std::uint64_t head = free_head_.load(std::memory_order_acquire);
  while (page_of(head) != kNoPage) {
    const Page next = meta(page_of(head)).next_free.load(std::memory_order_relaxed);
    const std::uint64_t tagged =
        ((head >> 32) + 1) << 32 | next;  // the tag keeps a page that came back from being mistaken
    if (free_head_.compare_exchange_weak(head, tagged, std::memory_order_acquire)) return page_of(head);
  }
  std::uint64_t page = untouched_.load(std::memory_order_relaxed);
  while (page < limit_.load(std::memory_order_relaxed)) {
    if (untouched_.compare_exchange_weak(page, page + 1, std::memory_order_relaxed)) return static_cast<Page>(page);
  }
  return kNoPage;
}

void RamPages::give_shared(const Page* pages, std::size_t count) {
  if (count == 0) return;
  for (std::size_t i = 0; i + 1 < count; ++i) meta(pages[i]).next_free.store(pages[i + 1], std::memory_order_relaxed);
  std::uint64_t head = free_head_.load(std::memory_order_relaxed);
  std::uint64_t tagged = 0;
  do {
    meta(pages[count - 1]).next_free.store(page_of(head), std::memory_order_relaxed);
    tagged = ((head >> 32) + 1) << 32 | pages[0];
  } while (!free_head_.compare_exchange_weak(head, tagged, std::memory_order_release, std::memory_order_relaxed));
}

void RamPages::drop_memory(Page first, std::uint64_t count) { madvise(memory(first), count * kRamPage, MADV_DONTNEED); }

RamPages::Page PageCache::take() {
  if (stock_.empty()) return pages_.take_shared();
  const RamPages::Page page = stock_.back();
  stock_.pop_back();
  return page;
}

void PageCache::give(RamPages::Page page) {
  if (stock_.size() == kMost) {
    pages_.give_shared(stock_.data() + kMost / 2, kMost / 2);
    stock_.resize(kMost / 2);
  }
  stock_.push_back(page);
}

void FreedRun::add(RamPages::Page page) {
  if (page == RamPages::kNoPage) return;
  if (!drop_) return cache_.give(page);
  if (count_ > 0 && page != first_ + count_) end();
  if (count_ == 0) first_ = page;
  ++count_;
}

void FreedRun::end() {
  if (count_ > 0) pages_.drop_memory(first_, count_);
  for (; count_ > 0; --count_) cache_.give(first_++);
}

}  // namespace weft

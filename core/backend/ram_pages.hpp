// The pages of a ram backend: a table of 4 KiB pages whose entries are swapped, never written in place.
//
// A write fills a fresh page and swaps it in with one atomic exchange; a reader pins the page that it found and keeps it,
// however often the entry is swapped meanwhile. So a block is never seen half old and half new, a slow reader holds nobody
// up, and incoming data lands where it stays. Deallocated entries name page 0, which is all zeroes and belongs to nobody.
//
// Counting: an entry is {pins : 32, page : 32}. A pin is one fetch_add on the entry. Whoever swaps a page out moves the pins
// that the entry had to the page's own balance; who unpins a page that is no longer in its entry subtracts from that balance;
// whoever brings it to zero frees the page. A pinned page is not reused, so an entry that still names it has never changed.
//
// There are pages for all that the table can name and for what is promised to contexts (promise()): so long as each keeps to
// its promise, one that may take a page finds one.
//
// Thread rule: entries, pins and the shared free stack from any thread, without locks; changes of size under a mutex. A
// PageCache belongs to one thread.
#ifndef WEFT_CORE_BACKEND_RAM_PAGES_HPP
#define WEFT_CORE_BACKEND_RAM_PAGES_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "weft/status.hpp"

namespace weft {

inline constexpr std::uint64_t kRamPage = 4096;
inline constexpr std::size_t kCacheLine = 64;

// Address space that is reserved at once and given memory as it grows. Neither copies nor moves.
class Reservation {
 public:
  Reservation() = default;
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  [[nodiscard]] Status reserve(std::uint64_t bytes, const char* what);
  [[nodiscard]] Status grow(std::uint64_t bytes, bool huge);  // readable and writable, zeroed up to here
  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::uint64_t reserved() const { return reserved_; }

 private:
  void* mapping_ = nullptr;
  std::uint64_t mapped_ = 0;
  std::byte* base_ = nullptr;  // in it, where a huge page can begin
  std::uint64_t reserved_ = 0;
  std::uint64_t usable_ = 0;
};

class RamPages {
 public:
  using Page = std::uint32_t;  // 0: the page of zeroes
  static constexpr Page kNoPage = UINT32_MAX;

  [[nodiscard]] static Result<std::unique_ptr<RamPages>> create(std::uint64_t entries);
  // Entries beyond a smaller count become zeroes. Readers and writers may run.
  [[nodiscard]] Status resize(std::uint64_t entries);
  // Pages on top of those that the table can name, for who will hold as many; and the end of that.
  [[nodiscard]] Status promise(std::uint64_t pages);
  void release(std::uint64_t pages);

  [[nodiscard]] std::byte* memory(Page page) const { return arena_.base() + std::uint64_t{page} * kRamPage; }
  [[nodiscard]] Page page_at(const void* memory) const;

  [[nodiscard]] Page pin(std::uint64_t entry);
  // The caller's PageCache takes the page if this was its last use; the same for swap.
  [[nodiscard]] bool unpin(std::uint64_t entry, Page page);  // true: free it
  // The page that was swapped out and is free now, or kNoPage.
  [[nodiscard]] Page swap(std::uint64_t entry, Page fresh);
  // swap(entry, 0); an entry that is zeroes already stays untouched.
  [[nodiscard]] Page clear(std::uint64_t entry);
  // Swaps only if the entry still names `seen`, which the caller has pinned; drops that pin on success.
  enum class SwapResult : std::uint8_t { kChanged, kSwapped, kSwappedAndFree };
  [[nodiscard]] SwapResult swap_if(std::uint64_t entry, Page seen, Page fresh);
  void prefetch(std::uint64_t entry) const { __builtin_prefetch(&table()[entry], 1); }
  // What the entry names now, which may be another page at once: good for a guess.
  [[nodiscard]] Page peek(std::uint64_t entry) const {
    return static_cast<Page>(table()[entry].load(std::memory_order_relaxed));
  }
  // Lines of the cache [from, to) of the page are fetched to be written.
  void prefetch_lines(Page page, std::uint32_t from, std::uint32_t to) const {
    const std::byte* const at = memory(page);
#pragma GCC unroll 8
    for (std::uint32_t line = from; line < to; ++line) __builtin_prefetch(at + std::size_t{line} * kCacheLine, 1, 3);
  }

  // The shared stack of free pages, and pages never used before.
  [[nodiscard]] Page take_shared();
  void give_shared(const Page* pages, std::size_t count);
  void drop_memory(Page first, std::uint64_t count);  // gives the memory of free pages back to the kernel

 private:
  static Result<std::unique_ptr<RamPages>> create(std::uint64_t entries, std::uint64_t most);
  struct Meta {
    std::atomic<std::int32_t> balance;
    std::atomic<Page> next_free;
  };
  RamPages() = default;
  [[nodiscard]] std::atomic<std::uint64_t>* table() const {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(table_.base());
  }
  [[nodiscard]] Meta& meta(Page page) const { return reinterpret_cast<Meta*>(meta_.base())[page]; }
  [[nodiscard]] bool settle(Page page, std::int32_t change);
  [[nodiscard]] bool left_alone(Page page, std::int32_t pins);  // swapped out with so many: is it free?
  [[nodiscard]] Status make_room(std::uint64_t entries, std::uint64_t promised);

  Reservation arena_, table_, meta_;
  std::mutex growing_;
  std::uint64_t entries_ = 0, promised_ = 0;       // guarded by growing_
  std::atomic<std::uint64_t> limit_{0};            // pages that may exist
  std::atomic<std::uint64_t> untouched_{1};        // next page never used; page 0 is the zeroes
  std::atomic<std::uint64_t> free_head_{kNoPage};  // {tag : 32, page : 32}
};

// One thread's stock of free pages, so that steady writing touches nothing shared.
class PageCache {
 public:
  static constexpr std::size_t kMost = 1024;
  explicit PageCache(RamPages& pages) : pages_(pages) { stock_.reserve(kMost); }
  ~PageCache() { pages_.give_shared(stock_.data(), stock_.size()); }
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;
  [[nodiscard]] RamPages::Page take();  // kNoPage: none left anywhere
  void give(RamPages::Page page);

 private:
  RamPages& pages_;
  std::vector<RamPages::Page> stock_;
};

// Pages freed one after the other: with `drop` their memory goes back to the kernel, in runs.
class FreedRun {
 public:
  FreedRun(RamPages& pages, PageCache& cache, bool drop) : pages_(pages), cache_(cache), drop_(drop) {}
  ~FreedRun() { end(); }
  FreedRun(const FreedRun&) = delete;
  FreedRun& operator=(const FreedRun&) = delete;
  void add(RamPages::Page page);  // kNoPage: nothing

 private:
  void end();
  RamPages& pages_;
  PageCache& cache_;
  const bool drop_;
  RamPages::Page first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace weft

#endif

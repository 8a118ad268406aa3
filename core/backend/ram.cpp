// ram:// - blocks in ordinary memory. Reads and writes move no data here: they pin and swap pages (ram_pages.hpp).

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/backend/backends.hpp"
#include "core/backend/ram_pages.hpp"
#include "core/backend/wait_list.hpp"

namespace weft {
namespace {

constexpr std::uint64_t kDropBytes = 512u << 10;        // a deallocation this large gives memory back to the kernel
constexpr std::uint64_t kZeroedAtOnce = 128;            // pages
static_assert(kZeroedAtOnce * kRamPage >= kDropBytes);  // ranges that come in parts give it back, too
constexpr std::uint64_t kZeroedInATurn = 1024;          // pages, at most: what else the thread has to do comes between

// A small write is copied into its page, and waits for each line of it that is in no cache. Few lines can be on their way at
// once, so they are fetched in three parts with other work between: the page that a write frees, and that the next one takes
// therefore, up to kBegun when the write is lent its own memory, up to kHalf when it frees it, the rest when it is lent.
constexpr std::uint32_t kSmallWrite = 2;  // pages; of larger ones the parts would push each other out
constexpr std::uint32_t kBegun = 8, kHalf = 32, kLines = kRamPage / kCacheLine;

std::uint64_t pages_for(std::uint64_t blocks, std::uint64_t block_size) {
  const std::uint64_t in_a_page = kRamPage / block_size;
  return blocks / in_a_page + (blocks % in_a_page != 0 ? 1 : 0);
}

// Pages that a context may hold: what it may lend and map, a stock, and one to zero a part of a page with.
class Promise {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Promise>> make(RamPages& pages, std::uint64_t memory) {
    const std::uint64_t count = memory / kRamPage + PageCache::kMost + 1;
    if (Status s = pages.promise(count); !s) return s.error();
    return std::unique_ptr<Promise>(new Promise(pages, memory / kRamPage, count));
  }
  ~Promise() { pages_.release(count_); }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  [[nodiscard]] std::uint64_t lendable() const { return lendable_; }

 private:
  Promise(RamPages& pages, std::uint64_t lendable, std::uint64_t count)
      : pages_(pages), lendable_(lendable), count_(count) {}
  RamPages& pages_;
  const std::uint64_t lendable_, count_;
};

class RamContext final : public BackendContext {
 public:
  RamContext(RamPages& pages, std::uint32_t block_size, std::unique_ptr<Promise> promise)
      : pages_(pages), promise_(std::move(promise)), cache_(pages), block_size_(block_size) {}

  std::uint32_t segments(std::uint64_t lba, std::uint32_t blocks) const override {
    const std::uint64_t first = lba * block_size_ / kRamPage;
    const std::uint64_t last = ((lba + blocks) * block_size_ - 1) / kRamPage;
    return static_cast<std::uint32_t>(last - first + 1);
  }

  void prefetch(std::uint64_t lba, std::uint32_t blocks) const override {
    constexpr std::uint64_t kInALine = kCacheLine / sizeof(std::uint64_t);
    const std::uint64_t first = lba * block_size_ / kRamPage, end = first + segments(lba, blocks);
    for (std::uint64_t entry = first; entry < end; entry += kInALine - entry % kInALine) pages_.prefetch(entry);
  }

  Progress lend(BackendOp& op) override {
    if (for_memory_.empty() && try_lend(op)) return Progress::kDone;
    for_memory_.push(op);
    return Progress::kPending;
  }

  Progress commit(BackendOp& op) override {
    const std::uint32_t count = segments(op.lba, op.blocks);
    lent_ -= count;
    each_page(op, [this, count](std::uint64_t entry, std::byte* at, std::uint64_t offset, std::uint64_t size) {
      const RamPages::Page fresh = pages_.page_at(at);
      if (size == kRamPage) {
        keep_if_free(pages_.swap(entry, fresh), count);
      } else {
        merge(entry, fresh, offset, size);
      }
    });
    return Progress::kDone;
  }

  void discard(BackendOp& op) override {
    lent_ -= segments(op.lba, op.blocks);
    give_back(op);
  }

  Progress map(BackendOp& op) override {
    op.iov_count = 0;
    each_range(op, 0, [&](std::uint64_t entry, std::uint64_t offset, std::uint64_t size) {
      append(op, pages_.memory(pages_.pin(entry)) + offset, size);
      return true;
    });
    return Progress::kDone;
  }

  void unmap(BackendOp& op) override {
    each_page(op, [this](std::uint64_t entry, std::byte* at, std::uint64_t, std::uint64_t) {
      const RamPages::Page page = pages_.page_at(at);
      if (pages_.unpin(entry, page)) cache_.give(page);
    });
  }

  Progress flush(BackendOp&) override { return Progress::kDone; }
  Progress write_zeroes(BackendOp& op) override { return deallocate(op); }
  std::uint64_t zeroed_at_once() const override { return kZeroedAtOnce * kRamPage; }
  Progress deallocate(BackendOp& op) override {
    op.hold[0] = 0;
    std::uint64_t at_once = kZeroedAtOnce + 1;  // it may begin in the middle of a page
    if (zero_on(op, at_once)) return Progress::kDone;
    zeroing_.push(op);
    return Progress::kPending;
  }

  std::uint32_t poll() override {
    std::uint32_t events = 0;
    for (; !for_memory_.empty() && try_lend(*for_memory_.front()); ++events) {
      BackendOp& op = for_memory_.pop();
      op.done(op);
    }
    allowance_ = kZeroedInATurn;
    while (zero_waiting()) ++events;
    return events + (zeroing_.empty() ? 0 : 1);
  }
  // Pages may come free on another thread, which does not wake this one.
  int arm() override { return for_memory_.empty() && zeroing_.empty() ? -1 : -2; }

 private:
  // One of those that wait to be zeroed: in turn, so that a small one does not wait for the end of a large one. False: no more
  // in this turn.
  bool zero_waiting() {
    if (zeroing_.empty()) return false;
    BackendOp& op = zeroing_.pop();
    const bool ended = zero_on(op, allowance_);
    ended ? op.done(op) : zeroing_.push(op);
    return ended;
  }

  // Beyond its promise a context waits until something of its own comes back, so that there are pages for the others.
  bool try_lend(BackendOp& op) {
    const std::uint32_t needed = segments(op.lba, op.blocks);
    if (lent_ + needed > promise_->lendable()) return false;
    op.iov_count = 0;
    bool enough = true;
    each_range(op, 0, [&](std::uint64_t entry, std::uint64_t offset, std::uint64_t size) {
      const RamPages::Page page = cache_.take();
      enough = page != RamPages::kNoPage;  // only when more is mapped than was promised
      if (!enough) return false;
      prepare(entry, page, needed);
      append(op, pages_.memory(page) + offset, size);
      return true;
    });
    if (enough) {
      lent_ += needed;
    } else {
      give_back(op);  // what was taken: fewer bytes than the range has
    }
    return enough;
  }

  void give_back(BackendOp& op) {
    each_page(op,
              [this](std::uint64_t, std::byte* at, std::uint64_t, std::uint64_t) { cache_.give(pages_.page_at(at)); });
    op.iov_count = 0;
  }

  // As far as the allowance of pages goes; op.hold[0]: bytes zeroed so far. True: that was the end. Whole pages become the page
  // of zeroes, a part of a page needs a fresh one.
  bool zero_on(BackendOp& op, std::uint64_t& allowance) {
    FreedRun freed(pages_, cache_, std::uint64_t{op.blocks} * block_size_ >= kDropBytes);
    return each_range(op, op.hold[0], [&](std::uint64_t entry, std::uint64_t offset, std::uint64_t size) {
      if (allowance == 0) return false;
      if (size == kRamPage) {
        freed.add(pages_.clear(entry));
      } else {
        const RamPages::Page fresh = cache_.take();
        if (fresh == RamPages::kNoPage) return false;
        std::memset(pages_.memory(fresh) + offset, 0, size);
        merge(entry, fresh, offset, size);
      }
      --allowance;
      op.hold[0] += size;
      return true;
    });
  }

  // `fresh` holds `size` new bytes at `offset`: takes the rest from the page that is there now, whichever wins the race.
  void merge(std::uint64_t entry, RamPages::Page fresh, std::uint64_t offset, std::uint64_t size) {
    std::byte* to = pages_.memory(fresh);
    for (;;) {
      const RamPages::Page old = pages_.pin(entry);
      const std::byte* from = pages_.memory(old);
      std::memcpy(to, from, offset);
      std::memcpy(to + offset + size, from + offset + size, kRamPage - offset - size);
      const RamPages::SwapResult result = pages_.swap_if(entry, old, fresh);
      if (result == RamPages::SwapResult::kSwappedAndFree) cache_.give(old);
      if (result != RamPages::SwapResult::kChanged) return;
      if (pages_.unpin(entry, old)) cache_.give(old);
    }
  }

  // For a write of so many pages: the one that is to be filled, and the entry that is to name it.
  void prepare(std::uint64_t entry, RamPages::Page page, std::uint32_t count) const {
    if (count > kSmallWrite) return pages_.prefetch(entry);
    pages_.prefetch_lines(page, kHalf, kLines);
    pages_.prefetch_lines(pages_.peek(entry), 0, kBegun);
  }

  void keep_if_free(RamPages::Page page, std::uint32_t count) {
    if (page == RamPages::kNoPage) return;
    cache_.give(page);
    if (count <= kSmallWrite) pages_.prefetch_lines(page, kBegun, kHalf);
  }

  // f(entry, offset in its page, bytes) for each page of the range from byte `skip` on, while f says true. Did all say so?
  template <class F>
  bool each_range(const BackendOp& op, std::uint64_t skip, F f) const {
    std::uint64_t at = op.lba * block_size_ + skip;
    const std::uint64_t end = (op.lba + op.blocks) * block_size_;
    while (at < end) {
      const std::uint64_t offset = at % kRamPage;
      const std::uint64_t size = std::min(end - at, kRamPage - offset);
      if (!f(at / kRamPage, offset, size)) return false;
      at += size;
    }
    return true;
  }

  // f(entry, memory, offset in its page, bytes) for each page that op.iov names. Entries follow each other: so do the pages.
  template <class F>
  void each_page(const BackendOp& op, F f) const {
    std::uint64_t at = op.lba * block_size_;
    for (std::uint32_t i = 0; i < op.iov_count; ++i) {
      auto* memory = static_cast<std::byte*>(op.iov[i].base);
      for (std::uint64_t left = op.iov[i].len; left > 0;) {
        const std::uint64_t offset = at % kRamPage;
        const std::uint64_t size = std::min(left, kRamPage - offset);
        f(at / kRamPage, memory, offset, size);
        memory += size;
        at += size;
        left -= size;
      }
    }
  }

  static void append(BackendOp& op, std::byte* memory, std::uint64_t size) {
    if (op.iov_count > 0) {
      weft_iov& last = op.iov[op.iov_count - 1];
      if (static_cast<std::byte*>(last.base) + last.len == memory) {
        last.len += size;
        return;
      }
    }
    op.iov[op.iov_count++] = weft_iov{memory, size, nullptr};
  }

  RamPages& pages_;
  const std::unique_ptr<Promise> promise_;  // ends after the cache has given back its pages
  PageCache cache_;
  const std::uint32_t block_size_;
  std::uint64_t lent_ = 0;                    // pages
  std::uint64_t allowance_ = kZeroedInATurn;  // pages that poll() may still zero in this turn
  WaitList for_memory_;
  WaitList zeroing_;
};

class RamBackend final : public Backend {
 public:
  RamBackend(std::unique_ptr<RamPages> pages, const BackendInfo& info)
      : pages_(std::move(pages)), block_size_(info.block_size), blocks_(info.blocks) {}

  BackendInfo info() const override {
    BackendInfo info;
    info.blocks = blocks_.load(std::memory_order_relaxed);
    info.block_size = block_size_;
    info.thin = true;
    info.optimal_blocks = static_cast<std::uint32_t>(kRamPage / block_size_);
    info.data = DataLifetime::kLost;
    info.description = "ram " + bytes_in_words(info.blocks * block_size_);
    return info;
  }
  Result<std::unique_ptr<BackendContext>> open(Reactor&, std::uint64_t memory) override {
    auto promise = Promise::make(*pages_, memory);
    if (!promise) return std::move(promise).error();
    return std::unique_ptr<BackendContext>(std::make_unique<RamContext>(*pages_, block_size_, std::move(*promise)));
  }
  Status resize(std::uint64_t blocks) override {
    if (blocks == 0 || blocks > UINT64_MAX / block_size_)
      return Error(EINVAL, "a ram backend cannot have that many blocks");
    if (Status s = pages_->resize(pages_for(blocks, block_size_)); !s) return s;
    blocks_.store(blocks, std::memory_order_relaxed);
    return {};
  }

 private:
  const std::unique_ptr<RamPages> pages_;
  const std::uint32_t block_size_;
  std::atomic<std::uint64_t> blocks_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_ram_backend(const BackendAddress& address) {
  BackendInfo info;
  if (Status s = read_size_options(address, info, SizeNeeded::kYes); !s) return s.error();
  if (!address.path.empty()) {
    return Error(EINVAL, "ram://" + address.path + ": a ram backend has no path, only options: ram://?size=1G");
  }
  auto pages = RamPages::create(pages_for(info.blocks, info.block_size));
  if (!pages) return std::move(pages).error().with_context(address.to_string());
  return std::unique_ptr<Backend>(std::make_unique<RamBackend>(std::move(*pages), info));
}

}  // namespace weft

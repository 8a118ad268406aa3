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

constexpr std::uint64_t kSlackPages = 65'536;   // data under way, all contexts together: 256 MiB of address space
constexpr std::uint64_t kDropBytes = 1u << 20;  // a deallocation this large gives memory back to the kernel

enum Waiting : std::uint64_t { kForLend, kForZeroes };

class RamContext final : public BackendContext {
 public:
  RamContext(RamPages& pages, std::uint32_t block_size) : pages_(pages), cache_(pages), block_size_(block_size) {}

  std::uint32_t segments(std::uint64_t lba, std::uint32_t blocks) const override {
    const std::uint64_t first = lba * block_size_ / kRamPage;
    const std::uint64_t last = ((lba + blocks) * block_size_ - 1) / kRamPage;
    return static_cast<std::uint32_t>(last - first + 1);
  }

  Progress lend(BackendOp& op) override { return begin(op, kForLend); }

  Progress commit(BackendOp& op) override {
    each_page(op, [this](std::uint64_t entry, std::byte* at, std::uint64_t offset, std::uint64_t size) {
      const RamPages::Page fresh = pages_.page_at(at);
      if (size == kRamPage) {
        keep_if_free(pages_.swap(entry, fresh));
      } else {
        merge(entry, fresh, offset, size);
      }
    });
    return succeed(op);
  }

  void discard(BackendOp& op) override {
    each_page(op,
              [this](std::uint64_t, std::byte* at, std::uint64_t, std::uint64_t) { cache_.give(pages_.page_at(at)); });
    op.iov_count = 0;
  }

  Progress map(BackendOp& op) override {
    op.iov_count = 0;
    each_range(op, [&](std::uint64_t entry, std::uint64_t offset, std::uint64_t size) {
      append(op, pages_.memory(pages_.pin(entry)) + offset, size);
    });
    return succeed(op);
  }

  void unmap(BackendOp& op) override {
    each_page(op, [this](std::uint64_t entry, std::byte* at, std::uint64_t, std::uint64_t) {
      const RamPages::Page page = pages_.page_at(at);
      if (pages_.unpin(entry, page)) cache_.give(page);
    });
  }

  Progress flush(BackendOp& op) override { return succeed(op); }
  Progress write_zeroes(BackendOp& op) override { return begin(op, kForZeroes); }
  Progress deallocate(BackendOp& op) override { return begin(op, kForZeroes); }

  std::uint32_t poll() override {
    std::uint32_t events = 0;
    while (!waiting_.empty() && attempt(*waiting_.front(), static_cast<Waiting>(waiting_.front()->hold[0]))) {
      BackendOp& op = waiting_.pop();
      op.done(op);
      ++events;
    }
    return events;
  }
  // Pages may come free on another thread, which does not wake this one.
  int arm() override { return waiting_.empty() ? -1 : -2; }

 private:
  static Progress succeed(BackendOp& op) {
    op.status = NvmeStatus();
    return Progress::kDone;
  }

  Progress begin(BackendOp& op, Waiting what) {
    if (waiting_.empty() && attempt(op, what)) return Progress::kDone;
    op.hold[0] = what;
    waiting_.push(op);
    return Progress::kPending;
  }

  bool attempt(BackendOp& op, Waiting what) { return what == kForLend ? try_lend(op) : try_zeroes(op); }

  bool try_lend(BackendOp& op) {
    op.iov_count = 0;
    bool enough = true;
    each_range(op, [&](std::uint64_t entry, std::uint64_t offset, std::uint64_t size) {
      const RamPages::Page page = enough ? cache_.take() : RamPages::kNoPage;
      enough = page != RamPages::kNoPage;
      if (!enough) return;
      pages_.prefetch(entry);
      append(op, pages_.memory(page) + offset, size);
    });
    if (!enough) discard(op);  // what was taken: fewer bytes than the range has
    op.status = NvmeStatus();
    return enough;
  }

  // Whole pages become the page of zeroes; a part of a page needs a fresh one, which must be there before anything changes.
  bool try_zeroes(BackendOp& op) {
    RamPages::Page spare[2];
    std::uint32_t needed = 0;
    each_range(op, [&](std::uint64_t, std::uint64_t, std::uint64_t size) { needed += size != kRamPage ? 1 : 0; });
    for (std::uint32_t i = 0; i < needed; ++i) {
      spare[i] = cache_.take();
      if (spare[i] != RamPages::kNoPage) continue;
      while (i > 0) cache_.give(spare[--i]);
      return false;
    }
    FreedRun freed(*this, std::uint64_t{op.blocks} * block_size_ >= kDropBytes);
    each_range(op, [&](std::uint64_t entry, std::uint64_t offset, std::uint64_t size) {
      if (size == kRamPage) {
        freed.add(pages_.swap(entry, 0));
      } else {
        const RamPages::Page fresh = spare[--needed];
        std::memset(pages_.memory(fresh) + offset, 0, size);
        merge(entry, fresh, offset, size);
      }
    });
    op.status = NvmeStatus();
    return true;
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

  void keep_if_free(RamPages::Page page) {
    if (page != RamPages::kNoPage) cache_.give(page);
  }

  // f(entry, offset in its page, bytes) for each page of the range.
  template <class F>
  void each_range(const BackendOp& op, F f) const {
    std::uint64_t at = op.lba * block_size_;
    const std::uint64_t end = at + std::uint64_t{op.blocks} * block_size_;
    while (at < end) {
      const std::uint64_t offset = at % kRamPage;
      const std::uint64_t size = std::min(end - at, kRamPage - offset);
      f(at / kRamPage, offset, size);
      at += size;
    }
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

  // Pages freed one after the other: their memory goes back in runs.
  class FreedRun {
   public:
    FreedRun(RamContext& context, bool drop) : context_(context), drop_(drop) {}
    ~FreedRun() { end(); }
    FreedRun(const FreedRun&) = delete;
    FreedRun& operator=(const FreedRun&) = delete;
    void add(RamPages::Page page) {
      if (page == RamPages::kNoPage) return;
      if (!drop_) return context_.cache_.give(page);
      if (count_ > 0 && page != first_ + count_) end();
      if (count_ == 0) first_ = page;
      ++count_;
    }

   private:
    void end() {
      if (count_ > 0) context_.pages_.drop_memory(first_, count_);
      for (; count_ > 0; --count_) context_.cache_.give(first_++);
    }
    RamContext& context_;
    bool drop_;
    RamPages::Page first_ = 0;
    std::uint32_t count_ = 0;
  };

  RamPages& pages_;
  PageCache cache_;
  const std::uint32_t block_size_;
  WaitList waiting_;
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
    info.description = "ram " + bytes_in_words(info.blocks * block_size_);
    return info;
  }
  Result<std::unique_ptr<BackendContext>> open(Reactor&) override {
    return std::unique_ptr<BackendContext>(std::make_unique<RamContext>(*pages_, block_size_));
  }
  Status resize(std::uint64_t blocks) override {
    if (blocks == 0 || blocks > UINT64_MAX / block_size_)
      return Error(EINVAL, "a ram backend cannot have that many blocks");
    if (Status s = pages_->resize((blocks * block_size_ + kRamPage - 1) / kRamPage); !s) return s;
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
  auto pages = RamPages::create(
      info.blocks / (kRamPage / info.block_size) + (info.blocks % (kRamPage / info.block_size) != 0 ? 1 : 0),
      kSlackPages);
  if (!pages) return std::move(pages).error().with_context(address.to_string());
  return std::unique_ptr<Backend>(std::make_unique<RamBackend>(std::move(*pages), info));
}

}  // namespace weft

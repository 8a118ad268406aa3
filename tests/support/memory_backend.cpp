#include "support/memory_backend.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <utility>

namespace weft::test {
namespace {

std::size_t index(StorageCall call) { return static_cast<std::size_t>(call); }

class MemoryContext final : public BackendContext {
 public:
  MemoryContext(std::shared_ptr<MemoryStorage> storage, std::uint64_t memory)
      : s_(std::move(storage)), memory_(memory) {
    const std::lock_guard lock(s_->mutex);
    ++s_->open_contexts;
  }
  ~MemoryContext() override {
    const std::lock_guard lock(s_->mutex);
    --s_->open_contexts;
    EXPECT_TRUE(waiting_.empty()) << "a context was destroyed with operations under way";
    EXPECT_TRUE(lent_.empty()) << "a context was destroyed with memory lent or mapped";
  }

  std::uint32_t segments(std::uint64_t, std::uint32_t blocks) const override {
    return (blocks * s_->info.block_size + s_->segment - 1) / s_->segment;
  }
  void prefetch(std::uint64_t, std::uint32_t) const override {
    {
      const std::lock_guard lock(s_->mutex);
      ++s_->announced;
    }
    if (s_->when_announced) s_->when_announced();
  }
  Progress lend(BackendOp& op) override { return begin(op, StorageCall::kLend); }
  Progress commit(BackendOp& op) override { return begin(op, StorageCall::kCommit); }
  void discard(BackendOp& op) override { give_back(op); }
  Progress map(BackendOp& op) override { return begin(op, StorageCall::kMap); }
  void unmap(BackendOp& op) override { give_back(op); }
  Progress flush(BackendOp& op) override { return begin(op, StorageCall::kFlush); }
  std::uint64_t zeroed_at_once() const override { return s_->at_once; }
  Progress write_zeroes(BackendOp& op) override { return begin(op, StorageCall::kZeroes); }
  Progress deallocate(BackendOp& op) override { return begin(op, StorageCall::kDeallocate); }

  std::uint32_t poll() override {
    std::uint32_t events = 0;
    while (BackendOp* const op = next_free()) {
      op->done(*op);
      ++events;
    }
    return events;
  }
  // A test lets go from any thread, which does not wake this one.
  int arm() override { return waiting_.empty() ? -1 : -2; }

 private:
  struct Waiting {
    BackendOp* op;
    StorageCall call;
  };

  BackendOp* next_free() {
    const std::lock_guard lock(s_->mutex);
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (s_->holding[index(it->call)]) continue;
      const auto [op, call] = *it;
      waiting_.erase(it);
      --s_->waiting;
      execute(*op, call);
      return op;
    }
    return nullptr;
  }

  Progress begin(BackendOp& op, StorageCall call) {
    const std::lock_guard lock(s_->mutex);
    if (call == StorageCall::kLend || call == StorageCall::kMap) {
      const std::uint64_t begun = s_->ahead.size();
      s_->ahead.push_back(s_->announced > begun ? s_->announced - begun : 0);
    }
    ++s_->count[index(call)];
    if (s_->holding[index(call)]) {
      waiting_.push_back({&op, call});
      ++s_->waiting;
      return Progress::kPending;
    }
    execute(op, call);
    return Progress::kDone;
  }

  std::byte* blocks(const BackendOp& op) { return s_->bytes.data() + op.lba * s_->info.block_size; }
  std::size_t size(const BackendOp& op) const { return std::size_t{op.blocks} * s_->info.block_size; }

  // The 4 KiB pages of the namespace that the range touches, in bytes.
  std::uint64_t span(const BackendOp& op) const {
    const std::uint64_t block = s_->info.block_size;
    return (((op.lba + op.blocks) * block + 4095) / 4096 - op.lba * block / 4096) * 4096;
  }

  void execute(BackendOp& op, StorageCall call) {
    EXPECT_TRUE(op.status.ok()) << "the operation was not cleared";
    const NvmeStatus failure = std::exchange(s_->failure[index(call)], NvmeStatus());
    if (!failure.ok()) op.status = failure;
    if ((op.flags & BackendOp::kForceUnitAccess) != 0 &&
        (call == StorageCall::kCommit || call == StorageCall::kZeroes)) {
      ++s_->forced_count;
    }
    const bool touches = call != StorageCall::kFlush && call != StorageCall::kLend;
    if (touches && op.lba + op.blocks > s_->info.blocks) {
      ADD_FAILURE() << "the backend was asked for blocks " << op.lba << " to " << op.lba + op.blocks << " of "
                    << s_->info.blocks;
      op.status = NvmeStatus(0, 6);
    }
    if (call == StorageCall::kCommit) {
      if (op.status.ok()) gather(op);
      give_back_locked(op);
      return;
    }
    if (!op.status.ok()) return;
    if (call == StorageCall::kLend) borrow(op);
    if (call == StorageCall::kMap) {
      borrow(op);
      std::memcpy(lent_.at(&op).data(), blocks(op), size(op));
    }
    if (call == StorageCall::kZeroes || call == StorageCall::kDeallocate) std::memset(blocks(op), 0, size(op));
  }

  void borrow(BackendOp& op) {
    auto [it, is_new] = lent_.emplace(&op, std::vector<std::byte>(size(op)));
    EXPECT_TRUE(is_new) << "the same operation was lent memory twice";
    op.iov_count = 0;
    for (std::size_t at = 0; at < it->second.size(); at += s_->segment) {
      op.iov[op.iov_count++] = {it->second.data() + at, std::min<std::size_t>(s_->segment, it->second.size() - at),
                                nullptr};
    }
    ++s_->borrowed_now;
    lent_bytes_ += span(op);
    EXPECT_LE(lent_bytes_, memory_) << "more memory is asked for than was said when the context was opened";
  }

  void gather(BackendOp& op) {
    if (!lent_.contains(&op)) {
      ADD_FAILURE() << "commit of what was not lent";
      return;
    }
    std::byte* to = blocks(op);
    for (std::uint32_t i = 0; i < op.iov_count; ++i) {
      std::memcpy(to, op.iov[i].base, op.iov[i].len);
      to += op.iov[i].len;
    }
  }

  void give_back(BackendOp& op) {
    const std::lock_guard lock(s_->mutex);
    give_back_locked(op);
  }
  void give_back_locked(BackendOp& op) {
    EXPECT_EQ(lent_.erase(&op), 1u) << "memory given back that was not lent";
    --s_->borrowed_now;
    lent_bytes_ -= span(op);
  }

  const std::shared_ptr<MemoryStorage> s_;
  const std::uint64_t memory_;
  std::uint64_t lent_bytes_ = 0;
  std::deque<Waiting> waiting_;
  std::map<BackendOp*, std::vector<std::byte>> lent_;
};

}  // namespace

MemoryStorage::MemoryStorage(std::uint64_t blocks, std::uint32_t block_size) : bytes(blocks * block_size) {
  info.blocks = blocks;
  info.block_size = block_size;
  info.description = "test memory";
  info.data = DataLifetime::kLost;
}
MemoryStorage::~MemoryStorage() {
  EXPECT_EQ(borrowed_now, 0u);
  EXPECT_EQ(open_contexts, 0u);
}

void MemoryStorage::hold(StorageCall call) {
  const std::lock_guard lock(mutex);
  holding[index(call)] = true;
}
void MemoryStorage::let_go() {
  const std::lock_guard lock(mutex);
  holding = {};
}
void MemoryStorage::fail_next(StorageCall call, NvmeStatus status) {
  const std::lock_guard lock(mutex);
  failure[index(call)] = status;
}
void MemoryStorage::fail_opening(std::uint32_t after) {
  const std::lock_guard lock(mutex);
  opening_fails = after;
}
std::uint64_t MemoryStorage::calls(StorageCall call) {
  const std::lock_guard lock(mutex);
  return count[index(call)];
}
std::uint64_t MemoryStorage::forced() {
  const std::lock_guard lock(mutex);
  return forced_count;
}
std::uint32_t MemoryStorage::held() {
  const std::lock_guard lock(mutex);
  return waiting;
}
std::uint64_t MemoryStorage::borrowed() {
  const std::lock_guard lock(mutex);
  return borrowed_now;
}
std::uint32_t MemoryStorage::contexts() {
  const std::lock_guard lock(mutex);
  return open_contexts;
}
std::vector<std::byte> MemoryStorage::content(std::uint64_t lba, std::uint32_t blocks) {
  const std::lock_guard lock(mutex);
  const auto* from = bytes.data() + lba * info.block_size;
  return {from, from + std::size_t{blocks} * info.block_size};
}
void MemoryStorage::fill(std::uint64_t lba, std::uint32_t blocks, std::byte with) {
  const std::lock_guard lock(mutex);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(lba * info.block_size), std::size_t{blocks} * info.block_size,
              with);
}

BackendInfo MemoryBackend::info() const {
  const std::lock_guard lock(storage_->mutex);
  return storage_->info;
}

Result<std::unique_ptr<BackendContext>> MemoryBackend::open(Reactor&, std::uint64_t memory) {
  {
    const std::lock_guard lock(storage_->mutex);
    if (storage_->open_contexts >= storage_->opening_fails) return Error(EIO, "the storage does not open");
  }
  return std::unique_ptr<BackendContext>(std::make_unique<MemoryContext>(storage_, memory));
}

Status MemoryBackend::resize(std::uint64_t blocks) {
  const std::lock_guard lock(storage_->mutex);
  if (!storage_->can_resize) return Error(ENOTSUP, "the storage keeps its size");
  storage_->info.blocks = blocks;
  storage_->bytes.resize(blocks * storage_->info.block_size);
  return {};
}

}  // namespace weft::test

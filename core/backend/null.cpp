// null:// - a namespace of any size that keeps nothing: writes are taken and forgotten, reads give zeroes. What is measured
// against it is the protocol alone.

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/backend/backends.hpp"
#include "core/backend/null_memory.hpp"

namespace weft {
namespace {

constexpr std::uint64_t kWindow = Window::kBytes;

class NullContext final : public BackendContext {
 public:
  NullContext(std::shared_ptr<Window> zeroes, std::shared_ptr<Window> sink, std::uint32_t block_size)
      : zeroes_(std::move(zeroes)), sink_(std::move(sink)), block_size_(block_size) {}

  std::uint32_t segments(std::uint64_t, std::uint32_t blocks) const override {
    return static_cast<std::uint32_t>((std::uint64_t{blocks} * block_size_ + kWindow - 1) / kWindow);
  }
  Progress lend(BackendOp& op) override { return give(op, *sink_); }
  Progress commit(BackendOp& op) override { return succeed(op); }
  void discard(BackendOp&) override {}
  Progress map(BackendOp& op) override { return give(op, *zeroes_); }
  void unmap(BackendOp&) override {}
  Progress flush(BackendOp& op) override { return succeed(op); }
  Progress write_zeroes(BackendOp& op) override { return succeed(op); }
  Progress deallocate(BackendOp& op) override { return succeed(op); }
  std::uint64_t zeroed_at_once() const override { return UINT64_MAX; }
  bool polled() const override { return false; }

 private:
  static Progress succeed(BackendOp& op) {
    op.status = NvmeStatus();
    return Progress::kDone;
  }
  Progress give(BackendOp& op, const Window& window) const {
    std::uint64_t left = std::uint64_t{op.blocks} * block_size_;
    op.iov_count = 0;
    for (; left > 0; ++op.iov_count) {
      const std::uint64_t size = left < kWindow ? left : kWindow;
      op.iov[op.iov_count] = weft_iov{window.memory(), size, nullptr};
      left -= size;
    }
    return succeed(op);
  }

  const std::shared_ptr<Window> zeroes_, sink_;
  const std::uint32_t block_size_;
};

class NullBackend final : public Backend {
 public:
  NullBackend(const BackendInfo& info, std::shared_ptr<NullMemory> memory)
      : memory_(std::move(memory)), block_size_(info.block_size), blocks_(info.blocks) {}

  BackendInfo info() const override {
    BackendInfo info;
    info.blocks = blocks_.load(std::memory_order_relaxed);
    info.block_size = block_size_;
    info.thin = true;
    info.data = DataLifetime::kNone;
    info.description = "null " + bytes_in_words(info.blocks * block_size_);
    return info;
  }
  Result<std::unique_ptr<BackendContext>> open(Reactor& reactor, std::uint64_t) override {
    auto zeroes = memory_->zeroes();
    if (!zeroes) return std::move(zeroes).error();
    auto sink = memory_->sink(reactor);
    if (!sink) return std::move(sink).error();
    return std::unique_ptr<BackendContext>(
        std::make_unique<NullContext>(std::move(*zeroes), std::move(*sink), block_size_));
  }
  Status resize(std::uint64_t blocks) override {
    if (blocks == 0 || blocks > UINT64_MAX / block_size_)
      return Error(EINVAL, "a null backend cannot have that many blocks");
    blocks_.store(blocks, std::memory_order_relaxed);
    return {};
  }

 private:
  const std::shared_ptr<NullMemory> memory_;
  const std::uint32_t block_size_;
  std::atomic<std::uint64_t> blocks_;
};

}  // namespace

Result<std::unique_ptr<Window>> Window::make(const char* what) {
  auto window = std::make_unique<Window>();
  if (Status s = window->memory_.reserve(kBytes, what); !s) return s.error();
  if (Status s = window->memory_.grow(kBytes, true); !s) return s.error();
  return window;
}

// Touched once: memory that was never written is the kernel's page of zeroes, which takes a third longer to copy
// (docs/performance.md).
Result<std::shared_ptr<Window>> NullMemory::zeroes() {
  const std::lock_guard lock(mutex_);
  if (std::shared_ptr<Window> there = zeroes_.lock()) return there;
  auto made = Window::make("what a null backend gives");
  if (!made) return std::move(made).error();
  std::memset((*made)->memory(), 0, Window::kBytes);
  std::shared_ptr<Window> shared(std::move(*made));
  zeroes_ = shared;
  return shared;
}

Result<std::shared_ptr<Window>> NullMemory::sink(Reactor& reactor) {
  return sinks_.get(reactor, 0, [] { return Window::make("what is written to a null backend"); });
}

Result<std::unique_ptr<Backend>> open_null_backend(const BackendAddress& address, std::shared_ptr<NullMemory> memory) {
  BackendInfo info;
  if (Status s = read_size_options(address, info, SizeNeeded::kYes); !s) return s.error();
  if (!address.path.empty()) {
    return Error(EINVAL, "null://" + address.path + ": a null backend has no path, only options: null://?size=1T");
  }
  return std::unique_ptr<Backend>(std::make_unique<NullBackend>(info, std::move(memory)));
}

}  // namespace weft

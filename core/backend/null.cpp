// null:// - a namespace of any size that keeps nothing: writes are taken and forgotten, reads give zeroes. What is measured
// against it is the protocol alone.

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/backend/backends.hpp"
#include "core/backend/ram_pages.hpp"

namespace weft {
namespace {

constexpr std::uint64_t kWindow = 2u << 20;  // the largest transfer that one segment holds

// Memory of one window, in a huge page where there are such. What reads give is touched once: memory that was never written is
// the kernel's page of zeroes, and that takes a third longer to copy (docs/performance.md).
class Window {
 public:
  [[nodiscard]] Status make(const char* what) {
    if (Status s = memory_.reserve(kWindow, what); !s) return s;
    return memory_.grow(kWindow, true);
  }
  void zero() const { std::memset(memory_.base(), 0, kWindow); }
  [[nodiscard]] void* memory() const { return memory_.base(); }

 private:
  Reservation memory_;
};

class NullContext final : public BackendContext {
 public:
  NullContext(const Window& zeroes, std::uint32_t block_size) : zeroes_(zeroes), block_size_(block_size) {}
  [[nodiscard]] Status make() { return sink_.make("what is written to a null backend"); }

  std::uint32_t segments(std::uint64_t, std::uint32_t blocks) const override {
    return static_cast<std::uint32_t>((std::uint64_t{blocks} * block_size_ + kWindow - 1) / kWindow);
  }
  Progress lend(BackendOp& op) override { return give(op, sink_); }
  Progress commit(BackendOp& op) override { return succeed(op); }
  void discard(BackendOp&) override {}
  Progress map(BackendOp& op) override { return give(op, zeroes_); }
  void unmap(BackendOp&) override {}
  Progress flush(BackendOp& op) override { return succeed(op); }
  Progress write_zeroes(BackendOp& op) override { return succeed(op); }
  Progress deallocate(BackendOp& op) override { return succeed(op); }

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

  Window sink_;  // touched as it is used
  const Window& zeroes_;
  const std::uint32_t block_size_;
};

class NullBackend final : public Backend {
 public:
  explicit NullBackend(const BackendInfo& info) : block_size_(info.block_size), blocks_(info.blocks) {}
  [[nodiscard]] Status make() {
    if (Status s = zeroes_.make("what a null backend gives"); !s) return s;
    zeroes_.zero();
    return {};
  }

  BackendInfo info() const override {
    BackendInfo info;
    info.blocks = blocks_.load(std::memory_order_relaxed);
    info.block_size = block_size_;
    info.thin = true;
    info.data = DataLifetime::kNone;
    info.description = "null " + bytes_in_words(info.blocks * block_size_);
    return info;
  }
  Result<std::unique_ptr<BackendContext>> open(Reactor&, std::uint64_t) override {
    auto context = std::make_unique<NullContext>(zeroes_, block_size_);
    if (Status s = context->make(); !s) return s.error();
    return std::unique_ptr<BackendContext>(std::move(context));
  }
  Status resize(std::uint64_t blocks) override {
    if (blocks == 0 || blocks > UINT64_MAX / block_size_)
      return Error(EINVAL, "a null backend cannot have that many blocks");
    blocks_.store(blocks, std::memory_order_relaxed);
    return {};
  }

 private:
  Window zeroes_;
  const std::uint32_t block_size_;
  std::atomic<std::uint64_t> blocks_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_null_backend(const BackendAddress& address) {
  BackendInfo info;
  if (Status s = read_size_options(address, info, SizeNeeded::kYes); !s) return s.error();
  if (!address.path.empty()) {
    return Error(EINVAL, "null://" + address.path + ": a null backend has no path, only options: null://?size=1T");
  }
  auto backend = std::make_unique<NullBackend>(info);
  if (Status s = backend->make(); !s) return s.error();
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace weft

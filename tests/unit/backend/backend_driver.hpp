// Drives one BackendContext as a controller would, waiting (with a deadline) for what is pending.
#ifndef WEFT_TESTS_UNIT_BACKEND_DRIVER_HPP
#define WEFT_TESTS_UNIT_BACKEND_DRIVER_HPP

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "weft/backend.hpp"

namespace weft {

class BackendDriver {
 public:
  static constexpr std::uint64_t kMemory = 48u << 20;
  explicit BackendDriver(Backend& backend, std::uint64_t memory = kMemory) : info_(backend.info()) {
    auto reactor = Reactor::create();
    EXPECT_TRUE(reactor);
    reactor_ = std::move(*reactor);
    auto context = backend.open(*reactor_, memory);
    EXPECT_TRUE(context) << (context ? "" : context.error().text);
    context_ = std::move(*context);
  }

  struct Op : BackendOp {
    std::array<weft_iov, 300> room;
    bool finished = false;
    Op(std::uint64_t at, std::uint32_t count, std::uint32_t with = 0) {
      lba = at;
      blocks = count;
      flags = with;
      iov = room.data();
      done = [](BackendOp& op) { static_cast<Op&>(op).finished = true; };
    }
  };

  // Waits for an operation that a call has begun; true when it came to its end.
  bool wait(Op& op, Progress progress) {
    if (progress == Progress::kDone) return true;
    const Nanoseconds deadline = monotonic_now() + 20'000'000'000;
    while (!op.finished && monotonic_now() < deadline) {
      context_->submit();
      context_->poll();
    }
    return op.finished;
  }

  NvmeStatus write(std::uint64_t lba, const std::string& data, std::uint32_t flags = 0) {
    Op op(lba, static_cast<std::uint32_t>(data.size() / info_.block_size), flags);
    EXPECT_TRUE(wait(op, context_->lend(op)));
    scatter(op, data);
    op.finished = false;
    EXPECT_TRUE(wait(op, context_->commit(op)));
    return op.status;
  }
  std::string read(std::uint64_t lba, std::uint32_t blocks) {
    Op op(lba, blocks);
    EXPECT_TRUE(wait(op, context_->map(op)));
    EXPECT_TRUE(op.status.ok());
    std::string data = gather(op);
    context_->unmap(op);
    return data;
  }
  NvmeStatus zero(std::uint64_t lba, std::uint32_t blocks, std::uint32_t flags = 0) {
    Op op(lba, blocks, flags);
    EXPECT_TRUE(wait(op, context_->write_zeroes(op)));
    return op.status;
  }
  NvmeStatus deallocate(std::uint64_t lba, std::uint32_t blocks) {
    Op op(lba, blocks);
    EXPECT_TRUE(wait(op, context_->deallocate(op)));
    return op.status;
  }
  NvmeStatus flush() {
    Op op(0, 1);
    EXPECT_TRUE(wait(op, context_->flush(op)));
    return op.status;
  }

  static void scatter(const BackendOp& op, const std::string& data) {
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < op.iov_count; ++i) {
      ASSERT_LE(at + op.iov[i].len, data.size());
      std::memcpy(op.iov[i].base, data.data() + at, op.iov[i].len);
      at += op.iov[i].len;
    }
    ASSERT_EQ(at, data.size());
  }
  static std::string gather(const BackendOp& op) {
    std::string data;
    for (std::uint32_t i = 0; i < op.iov_count; ++i)
      data.append(static_cast<const char*>(op.iov[i].base), op.iov[i].len);
    return data;
  }

  BackendContext& context() { return *context_; }
  [[nodiscard]] std::uint32_t block_size() const { return info_.block_size; }
  // `blocks` blocks of letters that differ from block to block.
  [[nodiscard]] std::string pattern(std::uint32_t blocks, char seed) const {
    std::string data(std::size_t{blocks} * info_.block_size, '\0');
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<char>(seed + static_cast<char>((i / 512 + i) % 23));
    return data;
  }

 private:
  const BackendInfo info_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<BackendContext> context_;
};

}  // namespace weft

#endif

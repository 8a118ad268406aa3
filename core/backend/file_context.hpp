// file_context.hpp - one reactor's way into a file or block device: what it asks for goes through the reactor's FileRing.
//
// What needs memory gets it first (lend, read); then a request waits for a free place and for its blocks (BlockLocks), is
// submitted at the end of the turn, and completes in poll(). An operation that waits for memory blocks no other: memory comes
// back by a commit, and behind that may be a flush or zeroes.
#ifndef WEFT_CORE_BACKEND_FILE_CONTEXT_HPP
#define WEFT_CORE_BACKEND_FILE_CONTEXT_HPP

#include <memory>

#include "core/backend/block_locks.hpp"
#include "core/backend/file_ring.hpp"
#include "weft/backend.hpp"

namespace weft {

// What every context of one backend shares.
struct FileShared {
  int fd = -1;  // borrowed from the backend
  std::uint32_t block_size = 512;
  bool holes = false;  // fallocate can punch
  BlockLocks locks;
};

class FileContext final : public BackendContext, private WaitingFile {
 public:
  FileContext(FileShared& shared, std::shared_ptr<FileRing> ring) : shared_(shared), ring_(std::move(ring)) {}

  std::uint32_t segments(std::uint64_t, std::uint32_t blocks) const override {
    return static_cast<std::uint32_t>(FileBuffers::pages(std::uint64_t{blocks} * shared_.block_size));
  }
  Progress lend(BackendOp& op) override { return ring_->start(*this, op, FileCall::kLend); }
  Progress commit(BackendOp& op) override { return ring_->start(*this, op, FileCall::kWrite); }
  void discard(BackendOp& op) override { ring_->give(op); }
  Progress map(BackendOp& op) override { return ring_->start(*this, op, FileCall::kRead); }
  void unmap(BackendOp& op) override { ring_->give(op); }
  // Without holes zeroes are written.
  std::uint64_t zeroed_at_once() const override { return shared_.holes ? 32u << 20 : 1u << 20; }
  Progress flush(BackendOp& op) override { return ring_->start(*this, op, FileCall::kSync); }
  Progress write_zeroes(BackendOp& op) override { return ring_->start(*this, op, with_hole(FileCall::kPunch)); }
  Progress deallocate(BackendOp& op) override { return ring_->start(*this, op, with_hole(FileCall::kDeallocate)); }

  bool polled() const override { return false; }  // the ring is
  std::uint32_t poll() override { return ring_->poll(); }
  void submit() override { ring_->submit(); }

 private:
  friend class FileRing;
  [[nodiscard]] FileCall with_hole(FileCall call) const { return shared_.holes ? call : FileCall::kZero; }
  [[nodiscard]] std::uint64_t offset_of(const BackendOp& op) const { return op.lba * shared_.block_size; }
  [[nodiscard]] std::uint64_t size_of(const BackendOp& op) const {
    return std::uint64_t{op.blocks} * shared_.block_size;
  }

  FileShared& shared_;
  const std::shared_ptr<FileRing> ring_;
};

}  // namespace weft

#endif

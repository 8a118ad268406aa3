// One reactor's way into a file or block device: an io_uring, its requests and buffers.
// What needs memory gets it first (lend, read); then a request waits for a free place and for its blocks (BlockLocks), is
// submitted at the end of the turn, and completes in poll(). Who waits for memory is in nobody's way: what gives memory back
// is a commit, and behind it may be a flush or zeroes.
#ifndef WEFT_CORE_BACKEND_FILE_CONTEXT_HPP
#define WEFT_CORE_BACKEND_FILE_CONTEXT_HPP

#include <liburing.h>
#include <sys/uio.h>

#include <array>
#include <memory>
#include <vector>

#include "core/backend/block_locks.hpp"
#include "core/backend/file_buffers.hpp"
#include "core/backend/wait_list.hpp"
#include "weft/backend.hpp"

namespace weft {

// What every context of one backend shares.
struct FileShared {
  int fd = -1;  // borrowed from the backend
  std::uint32_t block_size = 512;
  bool holes = false;  // fallocate can punch
  BlockLocks locks;
};

// Why io_uring was refused, and what to do about it: `error` is an errno of io_uring_setup().
[[nodiscard]] Error io_uring_refused(int error);

class FileContext final : public BackendContext {
 public:
  [[nodiscard]] static Result<std::unique_ptr<FileContext>> create(FileShared& shared, std::uint64_t memory);
  ~FileContext() override;

  std::uint32_t segments(std::uint64_t lba, std::uint32_t blocks) const override;
  Progress lend(BackendOp& op) override;
  Progress commit(BackendOp& op) override { return start(op, Kind::kWrite); }
  void discard(BackendOp& op) override { buffers_->give(op); }
  Progress map(BackendOp& op) override;
  void unmap(BackendOp& op) override { buffers_->give(op); }
  Progress flush(BackendOp& op) override { return start(op, Kind::kSync); }
  Progress write_zeroes(BackendOp& op) override { return start(op, shared_.holes ? Kind::kPunch : Kind::kZero); }
  Progress deallocate(BackendOp& op) override { return start(op, shared_.holes ? Kind::kPunch : Kind::kZero); }

  std::uint32_t poll() override;
  void submit() override;
  int arm() override;

 private:
  enum class Kind : std::uint64_t { kLend, kRead, kWrite, kSync, kPunch, kPunchSync, kZero };
  static constexpr std::uint32_t kRequests = 256;
  static constexpr std::uint32_t kMaxPieces = 64;
  struct Request {
    BackendOp* op = nullptr;
    Kind kind = Kind::kRead;
    std::uint64_t moved = 0;  // bytes done so far: short transfers go on
    std::array<iovec, kMaxPieces> iov;
  };

  explicit FileContext(FileShared& shared) : shared_(shared) {}
  [[nodiscard]] std::uint64_t offset_of(const BackendOp& op) const { return op.lba * shared_.block_size; }
  [[nodiscard]] std::uint64_t size_of(const BackendOp& op) const {
    return std::uint64_t{op.blocks} * shared_.block_size;
  }
  Progress start(BackendOp& op, Kind kind);
  void begin_in_turn(BackendOp& op);
  bool begin(BackendOp& op);
  bool begin_waiting();
  bool lend_waiting();
  void queue(Request& request);
  void prepare(Request& request, io_uring_sqe* sqe);
  std::uint32_t fill_iov(Request& request);
  void complete(Request& request, std::int32_t result);
  bool goes_on(Request& request, std::int32_t& result);
  void end(Request& request, NvmeStatus status);

  FileShared& shared_;
  std::unique_ptr<FileBuffers> buffers_;
  io_uring ring_{};
  bool ring_open_ = false;
  bool queued_ = false;  // entries not submitted yet
  std::uint32_t under_way_ = 0;
  std::vector<Request> requests_;
  std::vector<Request*> free_;
  WaitList for_memory_;
  WaitList to_begin_;  // for a free request or their blocks: what is under way ends, and then it is their turn
};

}  // namespace weft

#endif

#include "core/backend/file_context.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "weft/nvme.hpp"

namespace weft {
namespace {

constexpr NvmeStatus kWriteFault{2, 0x80};
constexpr NvmeStatus kUnrecoveredRead{2, 0x81};
constexpr NvmeStatus kCapacityExceeded{0, 0x81};
constexpr NvmeStatus kInternalError{0, 0x06};

}  // namespace

Error io_uring_refused(int error) {
  std::string advice;
  if (error == ENOSYS || error == EPERM)
    advice = " (a container's seccomp profile, or sysctl kernel.io_uring_disabled)";
  if (error == ENOMEM) {  // before Linux 5.12 the rings count as locked memory
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    advice = fmt::format(": the limit of locked memory (RLIMIT_MEMLOCK) is {} KiB; raise it with 'ulimit -l'",
                         limit.rlim_cur / 1024);
  }
  return Error(
      error, fmt::format("file backends need io_uring, which this system refuses: {}{}", std::strerror(error), advice));
}

Result<std::unique_ptr<FileContext>> FileContext::create(FileShared& shared, std::uint64_t memory) {
  auto buffers = FileBuffers::create(memory);
  if (!buffers) return std::move(buffers).error();
  std::unique_ptr<FileContext> context(new FileContext(shared));
  context->buffers_ = std::move(*buffers);
  if (const int error = -io_uring_queue_init(kRequests, &context->ring_, 0); error != 0) return io_uring_refused(error);
  context->ring_open_ = true;
  context->requests_.resize(kRequests);
  for (Request& request : context->requests_) context->free_.push_back(&request);
  return context;
}

FileContext::~FileContext() {
  if (ring_open_) io_uring_queue_exit(&ring_);
}

std::uint32_t FileContext::segments(std::uint64_t, std::uint32_t blocks) const {
  return static_cast<std::uint32_t>(FileBuffers::pages(std::uint64_t{blocks} * shared_.block_size));
}

Progress FileContext::lend(BackendOp& op) { return start(op, Kind::kLend); }
Progress FileContext::map(BackendOp& op) { return start(op, Kind::kRead); }

Progress FileContext::start(BackendOp& op, Kind kind) {
  op.hold[0] = static_cast<std::uint64_t>(kind);
  if (kind == Kind::kLend || kind == Kind::kRead) {
    if (!for_memory_.empty() || !buffers_->take(op, size_of(op))) {
      for_memory_.push(op);
      return Progress::kPending;
    }
    if (kind == Kind::kLend) return Progress::kDone;
  }
  begin_in_turn(op);
  return Progress::kPending;
}

// Behind those who came before: nobody starves.
void FileContext::begin_in_turn(BackendOp& op) {
  if (!to_begin_.empty() || !begin(op)) to_begin_.push(op);
}

// False: something that it needs is not there now, and nothing was taken.
bool FileContext::begin(BackendOp& op) {
  const Kind kind = static_cast<Kind>(op.hold[0]);
  if (free_.empty()) return false;
  if (kind != Kind::kSync && !shared_.locks.try_lock(offset_of(op), size_of(op), kind != Kind::kRead)) return false;
  Request& request = *free_.back();
  free_.pop_back();
  request.op = &op;
  request.kind = kind;
  request.moved = 0;
  ++under_way_;
  queue(request);
  return true;
}

bool FileContext::begin_waiting() {
  if (to_begin_.empty() || !begin(*to_begin_.front())) return false;
  to_begin_.pop();
  return true;
}

bool FileContext::lend_waiting() {
  if (for_memory_.empty() || !buffers_->take(*for_memory_.front(), size_of(*for_memory_.front()))) return false;
  BackendOp& op = for_memory_.pop();
  if (static_cast<Kind>(op.hold[0]) == Kind::kLend) {
    op.done(op);
  } else {
    begin_in_turn(op);
  }
  return true;
}

void FileContext::queue(Request& request) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {  // as many entries as requests: only requests that go on can fill it
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  prepare(request, sqe);
  io_uring_sqe_set_data(sqe, &request);
  queued_ = true;
}

void FileContext::prepare(Request& request, io_uring_sqe* sqe) {
  const BackendOp& op = *request.op;
  const std::uint64_t offset = offset_of(op) + request.moved;
  const bool durable = (op.flags & BackendOp::kForceUnitAccess) != 0;
  switch (request.kind) {
    case Kind::kRead:
      io_uring_prep_readv(sqe, shared_.fd, request.iov.data(), fill_iov(request), offset);
      return;
    case Kind::kWrite:
    case Kind::kZero:
      io_uring_prep_writev2(sqe, shared_.fd, request.iov.data(), fill_iov(request), offset, durable ? RWF_DSYNC : 0);
      return;
    case Kind::kPunch:
      io_uring_prep_fallocate(sqe, shared_.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                              static_cast<off_t>(size_of(op)));
      return;
    case Kind::kSync:
    case Kind::kPunchSync:
    case Kind::kLend:
      io_uring_prep_fsync(sqe, shared_.fd, IORING_FSYNC_DATASYNC);
      return;
  }
}

// What is left of the transfer after request.moved bytes.
std::uint32_t FileContext::fill_iov(Request& request) {
  const BackendOp& op = *request.op;
  std::uint32_t count = 0;
  if (request.kind == Kind::kZero) {
    for (std::uint64_t left = size_of(op) - request.moved; left > 0 && count < kMaxPieces; ++count) {
      const std::uint64_t size = std::min(left, FileBuffers::kZeroes);
      request.iov[count] = iovec{buffers_->zeroes(), size};
      left -= size;
    }
    return count;
  }
  std::uint64_t skip = request.moved;
  for (std::uint32_t i = 0; i < op.iov_count && count < kMaxPieces; ++i) {
    const std::uint64_t here = std::min(skip, op.iov[i].len);
    skip -= here;
    if (here == op.iov[i].len) continue;
    request.iov[count++] = iovec{static_cast<std::byte*>(op.iov[i].base) + here, op.iov[i].len - here};
  }
  return count;
}

std::uint32_t FileContext::poll() {
  std::uint32_t events = 0;
  io_uring_cqe* cqes[64];
  for (;;) {
    const unsigned count = io_uring_peek_batch_cqe(&ring_, cqes, 64);
    for (unsigned i = 0; i < count; ++i) {
      auto& request = *static_cast<Request*>(io_uring_cqe_get_data(cqes[i]));
      const std::int32_t result = cqes[i]->res;
      io_uring_cqe_seen(&ring_, cqes[i]);
      complete(request, result);
    }
    events += count;
    if (count == 0) break;
  }
  while (begin_waiting() || lend_waiting()) ++events;
  return events;
}

void FileContext::submit() {
  if (!queued_) return;
  // What the kernel has no room for now stays in the ring and goes with a later turn.
  queued_ = io_uring_submit(&ring_) < 0;
}

int FileContext::arm() {
  if (queued_) return -2;
  // With nothing of our own under way, blocks are held by another thread, which does not wake this one.
  if (!to_begin_.empty() && under_way_ == 0) return -2;
  if (!for_memory_.empty() && buffers_->fits(size_of(*for_memory_.front()))) return -2;
  return ring_.ring_fd;
}

void FileContext::complete(Request& request, std::int32_t result) {
  if (goes_on(request, result)) return queue(request);
  if (result >= 0 || (request.kind == Kind::kSync && result == -EINVAL)) return end(request, NvmeStatus());
  if (request.kind == Kind::kRead) return end(request, kUnrecoveredRead);
  if (result == -ENOSPC || result == -EDQUOT) return end(request, kCapacityExceeded);
  end(request, result == -ENOMEM || result == -EINVAL ? kInternalError : kWriteFault);
}

// Interrupted, short, or a hole that cannot be punched after all: the same blocks again, or the rest of them.
bool FileContext::goes_on(Request& request, std::int32_t& result) {
  if (result == -EINTR || result == -EAGAIN) return true;
  if (request.kind == Kind::kPunch && result == -EOPNOTSUPP) {
    request.kind = Kind::kZero;
    return true;
  }
  // A hole carries no durability of its own.
  if (request.kind == Kind::kPunch && result >= 0 && (request.op->flags & BackendOp::kForceUnitAccess) != 0) {
    request.kind = Kind::kPunchSync;
    return true;
  }
  if (result < 0 || (request.kind != Kind::kRead && request.kind != Kind::kWrite && request.kind != Kind::kZero))
    return false;
  request.moved += static_cast<std::uint64_t>(result);
  if (request.moved == size_of(*request.op)) return false;
  if (result == 0) result = -EIO;  // the file ends here: somebody cut it
  return result > 0;
}

void FileContext::end(Request& request, NvmeStatus status) {
  BackendOp& op = *request.op;
  if (request.kind != Kind::kSync) shared_.locks.unlock(offset_of(op), size_of(op), request.kind != Kind::kRead);
  if (request.kind == Kind::kWrite || (request.kind == Kind::kRead && !status.ok())) buffers_->give(op);
  request.op = nullptr;
  free_.push_back(&request);
  --under_way_;
  op.status = status;
  op.done(op);
}

}  // namespace weft

#include "core/backend/file_ring.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/backend/file_context.hpp"
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

Result<std::unique_ptr<FileRing>> FileRing::create(Reactor& reactor, std::uint64_t memory) {
  auto buffers = FileBuffers::create(memory);
  if (!buffers) return std::move(buffers).error();
  std::unique_ptr<FileRing> made(new FileRing(reactor));
  made->buffers_ = std::move(*buffers);
  if (const int error = -io_uring_queue_init(kRequests, &made->ring_, 0); error != 0) return io_uring_refused(error);
  made->ring_open_ = true;
  made->requests_.resize(kRequests);
  for (Request& request : made->requests_) made->free_.push_back(&request);
  reactor.add(*made);
  made->added_ = true;
  return made;
}

FileRing::~FileRing() {
  if (added_) reactor_.remove(*this);
  if (ring_open_) io_uring_queue_exit(&ring_);
}

FileContext& FileRing::file_of(const BackendOp& op) { return *reinterpret_cast<FileContext*>(op.hold[1]); }

std::uint64_t FileRing::bytes_of(const BackendOp& op) { return file_of(op).size_of(op); }

Progress FileRing::start(FileContext& file, BackendOp& op, FileCall call) {
  op.hold[0] = static_cast<std::uint64_t>(call);
  op.hold[1] = reinterpret_cast<std::uintptr_t>(&file);
  if (call == FileCall::kLend || call == FileCall::kRead) {
    if (!for_memory_.empty() || !buffers_->take(op, file.size_of(op))) {
      for_memory_.push(op);
      return Progress::kPending;
    }
    if (call == FileCall::kLend) return Progress::kDone;
  }
  begin_in_turn(op);
  return Progress::kPending;
}

// Behind those of its file that came before, and behind every file that waits for a request: nobody starves.
void FileRing::begin_in_turn(BackendOp& op) {
  FileContext& file = file_of(op);
  if (!scarce_ && file.to_begin.empty() && begin(op)) return;
  file.to_begin.push(op);
  if (!file.linked()) waiting_.push_back(file);
}

// False: something that it needs is not there now, and nothing was taken.
bool FileRing::begin(BackendOp& op) {
  FileContext& file = file_of(op);
  const FileCall call = static_cast<FileCall>(op.hold[0]);
  scarce_ = scarce_ || free_.empty();
  if (file.in_flight == kRequestsOfFile || free_.empty()) return false;
  if (call != FileCall::kSync &&
      !file.shared_.locks.try_lock(file.offset_of(op), file.size_of(op), call != FileCall::kRead))
    return false;
  Request& request = *free_.back();
  free_.pop_back();
  request.op = &op;
  request.file = &file;
  request.call = call;
  request.moved = 0;
  ++file.in_flight;
  queue(request);
  return true;
}

// One of each file in turn, so that a file whose blocks are held delays no other, and none takes all that became free.
std::uint32_t FileRing::begin_one_of_each() {
  scarce_ = false;
  std::uint32_t begun = 0;
  waiting_.for_each([&](WaitingFile& file) {
    if (!begin(*file.to_begin.front())) return;
    file.to_begin.pop();
    ++begun;
    file.unlink();
    if (!file.to_begin.empty()) waiting_.push_back(file);
  });
  return begun;
}

bool FileRing::lend_waiting() {
  if (for_memory_.empty() || !buffers_->take(*for_memory_.front(), bytes_of(*for_memory_.front()))) return false;
  BackendOp& op = for_memory_.pop();
  if (static_cast<FileCall>(op.hold[0]) == FileCall::kLend) {
    op.done(op);
  } else {
    begin_in_turn(op);
  }
  return true;
}

void FileRing::queue(Request& request) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {  // as many entries as requests: only requests that go on can fill it
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  prepare(request, sqe);
  io_uring_sqe_set_data(sqe, &request);
  queued_ = true;
}

void FileRing::prepare(Request& request, io_uring_sqe* sqe) {
  const BackendOp& op = *request.op;
  const FileContext& file = *request.file;
  const int fd = file.shared_.fd;
  const std::uint64_t offset = file.offset_of(op) + request.moved;
  const bool durable = (op.flags & BackendOp::kForceUnitAccess) != 0;
  switch (request.call) {
    case FileCall::kRead:
      io_uring_prep_readv(sqe, fd, request.iov.data(), fill_iov(request), offset);
      return;
    case FileCall::kWrite:
    case FileCall::kZero:
      io_uring_prep_writev2(sqe, fd, request.iov.data(), fill_iov(request), offset, durable ? RWF_DSYNC : 0);
      return;
    case FileCall::kDeallocate:
    case FileCall::kPunch:
      io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                              static_cast<off_t>(file.size_of(op)));
      return;
    case FileCall::kSync:
    case FileCall::kPunchSync:
    case FileCall::kLend:
      io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
      return;
  }
}

// What is left of the transfer after request.moved bytes.
std::uint32_t FileRing::fill_iov(Request& request) {
  const BackendOp& op = *request.op;
  std::uint32_t count = 0;
  if (request.call == FileCall::kZero) {
    for (std::uint64_t left = request.file->size_of(op) - request.moved; left > 0 && count < kMaxPieces; ++count) {
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

std::uint32_t FileRing::poll() {
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
  while (const std::uint32_t begun = begin_one_of_each()) events += begun;
  while (lend_waiting()) ++events;
  return events;
}

void FileRing::submit() {
  if (!queued_) return;
  // What the kernel has no room for now stays in the ring and goes with a later turn.
  queued_ = io_uring_submit(&ring_) < 0;
}

// Blocks of a file that has nothing of our own in flight are held by another thread, which does not wake this one.
bool FileRing::waits_for_another_thread() {
  bool found = false;
  if (!free_.empty()) waiting_.for_each([&](const WaitingFile& file) { found = found || file.in_flight == 0; });
  return found;
}

int FileRing::arm() {
  if (queued_) return -2;
  if (waits_for_another_thread()) return -2;
  if (!for_memory_.empty() && buffers_->fits(bytes_of(*for_memory_.front()))) return -2;
  return ring_.ring_fd;
}

void FileRing::complete(Request& request, std::int32_t result) {
  if (goes_on(request, result)) return queue(request);
  if (result >= 0 || (request.call == FileCall::kSync && result == -EINVAL)) return end(request, NvmeStatus());
  request.op->error = -result;
  if (request.call == FileCall::kRead) return end(request, kUnrecoveredRead);
  if (result == -ENOSPC || result == -EDQUOT) return end(request, kCapacityExceeded);
  end(request, result == -ENOMEM || result == -EINVAL ? kInternalError : kWriteFault);
}

namespace {

// A hole does not lengthen the file, which somebody may have cut; what was made zeroes is to be read as zeroes. Never shortens.
// Not after a deallocation, which wants nothing there: blocks that were lost before it must not read as zeroes for it.
std::int32_t reach(int fd, std::uint64_t end) {
  struct stat st{};
  if (fstat(fd, &st) != 0) return -errno;
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) >= end) return 0;
  return fallocate(fd, 0, static_cast<off_t>(end - 1), 1) == 0 ? 0 : -errno;
}

}  // namespace

// Interrupted, short, or a hole that cannot be punched after all: the same blocks again, or the rest of them.
bool FileRing::goes_on(Request& request, std::int32_t& result) {
  if (result == -EINTR || result == -EAGAIN) return true;
  if ((request.call == FileCall::kPunch || request.call == FileCall::kDeallocate) && result == -EOPNOTSUPP) {
    request.call = FileCall::kZero;
    return true;
  }
  const FileContext& file = *request.file;
  if (request.call == FileCall::kPunch && result >= 0)
    result = reach(file.shared_.fd, file.offset_of(*request.op) + file.size_of(*request.op));
  // A hole carries no durability of its own.
  if (request.call == FileCall::kPunch && result >= 0 && (request.op->flags & BackendOp::kForceUnitAccess) != 0) {
    request.call = FileCall::kPunchSync;
    return true;
  }
  if (result < 0 ||
      (request.call != FileCall::kRead && request.call != FileCall::kWrite && request.call != FileCall::kZero))
    return false;
  request.moved += static_cast<std::uint64_t>(result);
  if (request.moved == request.file->size_of(*request.op)) return false;
  if (result == 0) result = request.call == FileCall::kRead ? -ENODATA : -EIO;  // the file ends here: somebody cut it
  return result > 0;
}

void FileRing::end(Request& request, NvmeStatus status) {
  BackendOp& op = *request.op;
  FileContext& file = *request.file;
  if (request.call != FileCall::kSync)
    file.shared_.locks.unlock(file.offset_of(op), file.size_of(op), request.call != FileCall::kRead);
  if (request.call == FileCall::kWrite || (request.call == FileCall::kRead && !status.ok())) buffers_->give(op);
  request.op = nullptr;
  free_.push_back(&request);
  --file.in_flight;
  op.status = status;
  op.done(op);
}

}  // namespace weft

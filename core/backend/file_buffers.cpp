#include "core/backend/file_buffers.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace weft {
namespace {

constexpr std::uint64_t total_bytes(std::uint64_t large, std::uint64_t small) {
  return (large + 1) * FileBuffers::kLarge + small * FileBuffers::kSmall;
}

}  // namespace

Result<std::unique_ptr<FileBuffers>> FileBuffers::create() {
  void* at = mmap(nullptr, total_bytes(kLargePieces, kSmallPieces), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return Error(errno, "there is no memory for the buffers of file I/O");
  std::unique_ptr<FileBuffers> buffers(new FileBuffers);
  buffers->memory_ = static_cast<std::byte*>(at);
  // Highest first: the low ones are used again and again, and memory never used is never touched.
  for (std::uint64_t i = kLargePieces; i > 0; --i) buffers->large_.push_back(buffers->memory_ + i * kLarge);
  std::byte* small = buffers->memory_ + (kLargePieces + 1) * kLarge;
  for (std::uint64_t i = kSmallPieces; i > 0; --i) buffers->small_.push_back(small + (i - 1) * kSmall);
  return buffers;
}

FileBuffers::~FileBuffers() {
  if (memory_ != nullptr) munmap(memory_, total_bytes(kLargePieces, kSmallPieces));
}

bool FileBuffers::take(BackendOp& op, std::uint64_t bytes) {
  std::vector<std::byte*>& from = bytes <= kSmall ? small_ : large_;
  const std::uint64_t piece = bytes <= kSmall ? kSmall : kLarge;
  op.iov_count = 0;
  if (from.size() < pieces(bytes)) return false;
  for (; bytes > 0; ++op.iov_count) {
    const std::uint64_t size = std::min(bytes, piece);
    op.iov[op.iov_count] = weft_iov{from.back(), size, nullptr};
    from.pop_back();
    bytes -= size;
  }
  return true;
}

void FileBuffers::give(BackendOp& op) {
  const std::byte* first_small = memory_ + (kLargePieces + 1) * kLarge;
  for (std::uint32_t i = 0; i < op.iov_count; ++i) {
    auto* piece = static_cast<std::byte*>(op.iov[i].base);
    (piece < first_small ? large_ : small_).push_back(piece);
  }
  op.iov_count = 0;
}

}  // namespace weft

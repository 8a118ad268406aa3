#include "core/backend/file_buffers.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace weft {

Result<std::unique_ptr<FileBuffers>> FileBuffers::create(std::uint64_t memory) {
  const std::uint64_t pages = memory / kPage;
  if (pages == 0 || pages > UINT32_MAX) return Error(EINVAL, "no file I/O works with that little or much memory");
  void* at = mmap(nullptr, kZeroes + pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
  if (at == MAP_FAILED) return Error(errno, "there is no memory for the buffers of file I/O");
  std::unique_ptr<FileBuffers> buffers(new FileBuffers);
  buffers->memory_ = static_cast<std::byte*>(at);
  buffers->pages_ = pages;
  buffers->free_.reserve(pages);
  return buffers;
}

FileBuffers::~FileBuffers() {
  if (memory_ != nullptr) munmap(memory_, kZeroes + pages_ * kPage);
}

std::uint32_t FileBuffers::next_page() {
  if (free_.empty()) return static_cast<std::uint32_t>(untouched_++);
  const std::uint32_t page = free_.back();
  free_.pop_back();
  return page;
}

// Pages that lie side by side become one entry; give() puts them back in the order that keeps them so.
bool FileBuffers::take(BackendOp& op, std::uint64_t bytes) {
  op.iov_count = 0;
  if (!fits(bytes)) return false;
  std::byte* end = nullptr;
  while (bytes > 0) {
    std::byte* const at = page_at(next_page());
    const std::uint64_t size = std::min(bytes, kPage);
    if (at == end) {
      op.iov[op.iov_count - 1].len += size;
    } else {
      op.iov[op.iov_count++] = weft_iov{at, size, nullptr};
    }
    end = at + kPage;
    bytes -= size;
  }
  return true;
}

void FileBuffers::give(BackendOp& op) {
  for (std::uint32_t i = op.iov_count; i > 0; --i) {
    const auto offset = static_cast<const std::byte*>(op.iov[i - 1].base) - page_at(0);
    const auto first = static_cast<std::uint32_t>(static_cast<std::uint64_t>(offset) / kPage);
    for (auto left = static_cast<std::uint32_t>(pages(op.iov[i - 1].len)); left > 0; --left) {
      free_.push_back(first + left - 1);
    }
  }
  op.iov_count = 0;
}

}  // namespace weft

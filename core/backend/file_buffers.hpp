// Page-aligned memory for the data of file I/O under way: as many pages of 4 KiB as were promised. One thread.
#ifndef WEFT_CORE_BACKEND_FILE_BUFFERS_HPP
#define WEFT_CORE_BACKEND_FILE_BUFFERS_HPP

#include <cstdint>
#include <memory>
#include <vector>

#include "weft/backend.hpp"

namespace weft {

class FileBuffers {
 public:
  static constexpr std::uint64_t kPage = 4096;
  static constexpr std::uint64_t kZeroes = 65536;

  [[nodiscard]] static Result<std::unique_ptr<FileBuffers>> create(std::uint64_t memory);
  ~FileBuffers();
  FileBuffers(const FileBuffers&) = delete;
  FileBuffers& operator=(const FileBuffers&) = delete;

  [[nodiscard]] static std::uint64_t pages(std::uint64_t bytes) { return (bytes + kPage - 1) / kPage; }
  [[nodiscard]] bool fits(std::uint64_t bytes) const { return pages(bytes) <= free_.size() + (pages_ - untouched_); }
  // Sets op.iov and iov_count: at most one entry a page; false when there is not enough now, and then nothing was taken.
  [[nodiscard]] bool take(BackendOp& op, std::uint64_t bytes);
  void give(BackendOp& op);
  // kZeroes bytes of zeroes; never handed out.
  [[nodiscard]] void* zeroes() const { return memory_; }

 private:
  FileBuffers() = default;
  [[nodiscard]] std::byte* page_at(std::uint32_t page) const { return memory_ + kZeroes + page * kPage; }
  [[nodiscard]] std::uint32_t next_page();

  std::byte* memory_ = nullptr;  // the zeroes, then the pages
  std::uint64_t pages_ = 0;
  std::uint64_t untouched_ = 0;      // the first page never used: it has no memory yet
  std::vector<std::uint32_t> free_;  // used before; the last is taken first
};

}  // namespace weft

#endif

// Page-aligned memory for the data of file I/O under way: pieces of 4 KiB and of 64 KiB, bounded. One thread.
#ifndef WEFT_CORE_BACKEND_FILE_BUFFERS_HPP
#define WEFT_CORE_BACKEND_FILE_BUFFERS_HPP

#include <cstdint>
#include <memory>
#include <vector>

#include "weft/backend.hpp"

namespace weft {

class FileBuffers {
 public:
  static constexpr std::uint64_t kSmall = 4096;
  static constexpr std::uint64_t kLarge = 65536;

  [[nodiscard]] static Result<std::unique_ptr<FileBuffers>> create();
  ~FileBuffers();
  FileBuffers(const FileBuffers&) = delete;
  FileBuffers& operator=(const FileBuffers&) = delete;

  [[nodiscard]] static std::uint32_t pieces(std::uint64_t bytes) {
    return bytes <= kSmall ? 1 : static_cast<std::uint32_t>((bytes + kLarge - 1) / kLarge);
  }
  // Sets op.iov and iov_count; false when there is not enough now, and then nothing was taken.
  [[nodiscard]] bool take(BackendOp& op, std::uint64_t bytes);
  void give(BackendOp& op);
  // Zeroes, kLarge of them; never handed out.
  [[nodiscard]] void* zeroes() const { return memory_; }

 private:
  static constexpr std::uint64_t kSmallPieces = 2048;
  static constexpr std::uint64_t kLargePieces = 512;
  FileBuffers() = default;

  std::byte* memory_ = nullptr;  // one large piece of zeroes, the large pieces, the small ones
  std::vector<std::byte*> small_, large_;
};

}  // namespace weft

#endif

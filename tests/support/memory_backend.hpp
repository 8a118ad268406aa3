// memory_backend.hpp - a backend in plain memory whose operations a test can hold, fail and count.
//
//   auto storage = std::make_shared<MemoryStorage>(1024);            // blocks
//   options.backend = std::make_unique<MemoryBackend>(storage);
//   storage->hold(StorageCall::kCommit);  ...  storage->let_go();
//
// Strict: a commit of what was not lent, more lent and mapped at once than was said, an operation that was not cleared, a
// context destroyed with operations under way, and memory never given back fail the running test. Success is not written:
// it is what an operation comes with. Thread rule: any thread; one mutex. Operations that are held end in their context's poll().
#ifndef WEFT_TESTS_SUPPORT_MEMORY_BACKEND_HPP
#define WEFT_TESTS_SUPPORT_MEMORY_BACKEND_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "weft/backend.hpp"

namespace weft::test {

enum class StorageCall : std::uint8_t { kLend, kCommit, kMap, kFlush, kZeroes, kDeallocate };
inline constexpr std::size_t kStorageCalls = 6;

struct MemoryStorage {
  explicit MemoryStorage(std::uint64_t blocks, std::uint32_t block_size = 512);
  ~MemoryStorage();
  MemoryStorage(const MemoryStorage&) = delete;
  MemoryStorage& operator=(const MemoryStorage&) = delete;

  void hold(StorageCall call);
  void let_go();  // of every kind, those that wait too
  void fail_next(StorageCall call, NvmeStatus status);
  void fail_opening(std::uint32_t after);  // the context opened after that many

  [[nodiscard]] std::uint64_t calls(StorageCall call);
  [[nodiscard]] std::uint64_t forced();    // commits and zeroes with FUA
  [[nodiscard]] std::uint32_t held();      // operations that wait to be let go
  [[nodiscard]] std::uint64_t borrowed();  // lent or mapped now
  [[nodiscard]] std::uint32_t contexts();
  [[nodiscard]] std::vector<std::byte> content(std::uint64_t lba, std::uint32_t blocks);
  void fill(std::uint64_t lba, std::uint32_t blocks, std::byte with);

  BackendInfo info;                   // set before it is used
  StorageIdentity identity;           // the same
  std::uint32_t segment = 4096;       // bytes of an iov entry
  std::uint64_t at_once = 32u << 20;  // zeroed_at_once()
  bool can_resize = true;

  std::mutex mutex;
  std::vector<std::byte> bytes;
  std::uint64_t announced = 0;  // calls of prefetch()
  std::function<void()> when_announced;
  std::vector<std::uint64_t> ahead;  // of each lend and map: how many were announced and not yet called
  std::array<std::uint64_t, kStorageCalls> count{};
  std::array<bool, kStorageCalls> holding{};
  std::array<NvmeStatus, kStorageCalls> failure{};
  std::uint64_t borrowed_now = 0, forced_count = 0;
  std::uint32_t open_contexts = 0, waiting = 0, opening_fails = UINT32_MAX;
};

class MemoryBackend final : public Backend {
 public:
  explicit MemoryBackend(std::shared_ptr<MemoryStorage> storage) : storage_(std::move(storage)) {}
  [[nodiscard]] BackendInfo info() const override;
  [[nodiscard]] StorageIdentity identity() override { return storage_->identity; }
  [[nodiscard]] Result<std::unique_ptr<BackendContext>> open(Reactor& reactor, std::uint64_t memory) override;
  [[nodiscard]] Status resize(std::uint64_t blocks) override;

 private:
  const std::shared_ptr<MemoryStorage> storage_;
};

}  // namespace weft::test

#endif

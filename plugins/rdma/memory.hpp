// memory.hpp - what the queue pairs of one group share on one device: staged data, operations, and what the device can
// do to keep keys from peers.
//
// Thread: the group's. It outlives the queue pairs. Errors of make(): a sentence with sizes.
#ifndef WEFT_RDMA_MEMORY_HPP
#define WEFT_RDMA_MEMORY_HPP

#include <cstdint>
#include <memory>

#include "block.hpp"
#include "data_op.hpp"
#include "staging.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

struct MemoryOptions {
  std::uint64_t staging = 0;  // bytes of staged data; 0: what fits below the limit of locked memory
  bool remote = true;         // peers are to reach staged data: a host's; a controller's need not
  bool windows = true;        // keys for one command only, where the device has memory windows
  bool invalidate = true;     // controller: SEND with invalidate, where the device can
};

class Memory {
 public:
  static constexpr std::uint64_t kLeastStaging = 64U << 10, kMostStaging = 256U << 20;
  static constexpr std::uint32_t kLongestRun = 1U << 20;

  static plugin::Made<std::unique_ptr<Memory>> make(verbs::Device& device, const MemoryOptions& options);

  [[nodiscard]] verbs::Device& device() { return device_; }
  [[nodiscard]] Staging& staging() { return staging_; }
  [[nodiscard]] verbs::Region& staging_region() const { return block_->region(); }
  [[nodiscard]] DataOpPool& ops() { return ops_; }
  [[nodiscard]] std::uint32_t new_owner() { return ++owners_; }  // for StagingShare: of a host's queue pair
  // Bytes of data that one command can always have staged in one run.
  [[nodiscard]] std::uint64_t max_transfer() const { return staging_.longest(); }

  [[nodiscard]] bool uses_windows() const { return windows_; }
  [[nodiscard]] bool may_invalidate() const { return invalidate_; }
  void invalidate_failed() { invalidate_ = false; }  // the device claimed it and could not: never again

 private:
  Memory(verbs::Device& device, const MemoryOptions& options, std::unique_ptr<Block> block);

  verbs::Device& device_;
  const std::unique_ptr<Block> block_;
  Staging staging_;
  DataOpPool ops_;
  const bool windows_;
  bool invalidate_;
  std::uint32_t owners_ = 0;
};

// What `staging` 0 stands for: a part of what this process may lock, since groups and queues need theirs.
std::uint64_t default_staging(std::uint64_t lockable);

}  // namespace weft::rdma

#endif

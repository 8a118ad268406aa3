// block.hpp - memory of our own that a device knows: pages, mapped and registered together, zeroed. What capsules and
// staged data lie in. Control path only: made with a queue pair or a group, gone with it.
//
// Errors: a sentence that names the sizes. Locked memory is the limit that people meet: it says so, and what to do.
// Thread: whoever made it.
#ifndef WEFT_RDMA_BLOCK_HPP
#define WEFT_RDMA_BLOCK_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class Block {
 public:
  // access: IBV_ACCESS_*. what: "staged data", for the sentence.
  static plugin::Made<std::unique_ptr<Block>> make(verbs::Device& device, std::uint64_t bytes, int access,
                                                   std::string_view what);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] verbs::Region& region() const { return *region_; }
  [[nodiscard]] std::uint32_t lkey() const { return lkey_; }

 private:
  Block() = default;

  std::byte* base_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint32_t lkey_ = 0;
  std::unique_ptr<verbs::Region> region_;
};

// Bytes that this process may lock: RLIMIT_MEMLOCK, or UINT64_MAX when that does not bind it.
std::uint64_t lockable_bytes();

// Why `bytes` for `what` could not be registered; the device's own words unless it was for want of locked memory.
plugin::Failure explain_registration(const plugin::Failure& said, std::uint64_t bytes, std::string_view what,
                                     std::uint64_t lockable = lockable_bytes());

}  // namespace weft::rdma

#endif

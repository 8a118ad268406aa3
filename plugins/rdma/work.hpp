// work.hpp - what a work request's wr_id says, and who is told of its completion.
//
// A completion queue serves many queue pairs: the upper half of wr_id is the queue pair's place in its group's table,
// then come what the request was for and an index that means something to whoever posted it. Pure; any thread.
#ifndef WEFT_RDMA_WORK_HPP
#define WEFT_RDMA_WORK_HPP

#include <cstdint>

namespace weft::rdma {

enum class Work : std::uint8_t {
  kReceive,        // index: a slot of the capsule ring
  kSharedReceive,  // ... of a ring that queue pairs share; its number is in the place of the queue pair's
  kSend,           // a capsule; index: CID (host) or token (controller)
  kRead,           // the last READ of a transfer, or of a part of it
  kWrite,          // the last WRITE of one that no SEND follows
  kBind,           // a window
  kInvalidate,     // a window, locally
  kDrain,          // the last request of a queue that ends: nothing comes after it
};

struct WorkId {
  std::uint32_t queue_pair = 0;  // place in the group's table
  Work work = Work::kReceive;
  std::uint32_t index = 0;  // < 2^24

  static constexpr std::uint32_t kMaxIndex = (1u << 24) - 1;
  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{queue_pair} << 32 | std::uint64_t{static_cast<std::uint8_t>(work)} << 24 | (index & kMaxIndex);
  }
  static constexpr WorkId unpack(std::uint64_t id) {
    return {static_cast<std::uint32_t>(id >> 32), static_cast<Work>(id >> 24 & 0xff),
            static_cast<std::uint32_t>(id & kMaxIndex)};
  }
};

}  // namespace weft::rdma

#endif

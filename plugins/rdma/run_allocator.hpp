// run_allocator.hpp - runs of bytes out of one stretch of memory, by halves: a run is a power of two of granules, and
// two halves that are free become one again. Knows places, not memory. Taking and giving back take as many steps as
// there are sizes; memory for it is made by the constructor. Thread: the owner's.
#ifndef WEFT_RDMA_RUN_ALLOCATOR_HPP
#define WEFT_RDMA_RUN_ALLOCATOR_HPP

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace weft::rdma {

class RunAllocator {
 public:
  static constexpr std::uint32_t kGranule = 4096;

  // `longest`: bytes of the longest run, a power of two of granules; `bytes`: a multiple of it.
  RunAllocator(std::uint64_t bytes, std::uint32_t longest);

  // Offset of a run of at least `bytes`; nothing when there is none now, or never (bytes above longest()).
  std::optional<std::uint64_t> take(std::uint64_t bytes);
  // `bytes` as it was taken with.
  void give_back(std::uint64_t offset, std::uint64_t bytes);

  [[nodiscard]] std::uint64_t longest() const { return std::uint64_t{kGranule} << top_; }
  [[nodiscard]] bool all_free() const { return taken_ == 0; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint8_t kTaken = 0xff;
  static constexpr std::uint32_t kOrders = 20;
  struct Granule {
    std::uint32_t next = kNone, previous = kNone;  // of the free runs of its size
    std::uint8_t order = kTaken;                   // of the free run that starts here
  };

  [[nodiscard]] static std::uint32_t order_of(std::uint64_t bytes);
  void push(std::uint32_t at, std::uint32_t order);
  void unlink(std::uint32_t at);

  std::uint32_t top_ = 0;
  std::vector<Granule> granules_;
  std::array<std::uint32_t, kOrders> first_;
  std::uint32_t taken_ = 0;
};

}  // namespace weft::rdma

#endif

// slab_pool.hpp - a group's memory for received bytes: a few large slabs, filled from the front, shared by all
// connections.
//
//   window() -> read into it -> commit(n) -> walk the PDUs -> in-capsule data stays where it lies, held by a reference
//
// In-capsule data that comes whole is not copied: the command holds a reference on the slab until it is answered, and
// the next read goes behind it. A slab without references starts again at its front, so an idle or synchronous group
// keeps using the same warm bytes. Behind each window lies a reserve, so that in-capsule data of which only a part has
// come can always be completed in place. While it is_low() nobody takes of it (receiver.hpp says what happens then), so that
// window() always has something for who asks before.
//
// Thread: the group's. All memory is mapped by the constructor and touched only when used; throws std::bad_alloc there.
#ifndef WEFT_TCP_SLAB_POOL_HPP
#define WEFT_TCP_SLAB_POOL_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace weft::tcp {

struct Slab {
  std::byte* base = nullptr;
  std::uint32_t fill = 0;  // bytes given out from the front
  std::uint32_t refs = 0;
  Slab* next_free = nullptr;
};

class SlabPool {
 public:
  static constexpr std::uint32_t kWindow = 256u << 10;          // of a slab: bytes that reads may fill
  static constexpr std::uint32_t kReserve = (64u << 10) + 256;  // behind it: the rest of one capsule's data and padding
  static constexpr std::uint32_t kSmallestWindow = 32u << 10;
  static constexpr std::uint32_t kStride = kWindow + (68u << 10);

  // `bytes`: of windows; at least two slabs are made. `low`: with less than that left is_low().
  explicit SlabPool(std::uint64_t bytes, std::uint64_t low = 0);
  ~SlabPool();
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  struct Window {
    Slab* slab = nullptr;
    std::span<std::byte> bytes;
  };
  // Where the next read may go; empty when every slab is held, which is_low() tells before. Nothing is taken until commit().
  [[nodiscard]] Window window();
  // `count` bytes of the window were filled: returns them, with one reference held for the caller.
  std::span<std::byte> commit(const Window& window, std::uint32_t count);
  // Bytes of the slab up to `end` belong to somebody: the next window starts behind them.
  static void reserve_up_to(Slab& slab, const std::byte* end);

  static void hold(Slab& slab) { ++slab.refs; }
  void release(Slab& slab);

  [[nodiscard]] std::uint64_t free_bytes() const {
    return std::uint64_t{free_count_} * kWindow + (kWindow - std::min(current_->fill, kWindow));
  }
  [[nodiscard]] bool is_low() const { return free_bytes() < low_; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t mapped_ = 0;
  const std::uint64_t low_;
  std::uint32_t count_ = 0;
  std::unique_ptr<Slab[]> slabs_;
  Slab* free_ = nullptr;
  std::uint32_t free_count_ = 0;
  Slab* current_ = nullptr;
};

}  // namespace weft::tcp

#endif

#include "slab_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <new>

namespace weft::tcp {

SlabPool::SlabPool(std::uint64_t bytes, std::uint64_t low)
    : low_(low),
      count_(static_cast<std::uint32_t>(std::max<std::uint64_t>(bytes / kWindow, 2))),
      slabs_(new Slab[count_]) {
  mapped_ = std::size_t{count_} * kStride;
  void* memory = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  for (std::uint32_t i = count_; i-- > 0;) {
    slabs_[i].base = memory_ + std::size_t{i} * kStride;
    slabs_[i].next_free = free_;
    free_ = &slabs_[i];
  }
  current_ = free_;
  free_ = free_->next_free;
  free_count_ = count_ - 1;
}

SlabPool::~SlabPool() { ::munmap(memory_, mapped_); }

SlabPool::Window SlabPool::window() {
  if (current_->fill + kSmallestWindow > kWindow) {
    if (free_ == nullptr) return {};
    current_ = free_;  // the one left behind comes to the free list when its last reference goes
    free_ = free_->next_free;
    --free_count_;
  }
  return {current_, std::span(current_->base + current_->fill, kWindow - current_->fill)};
}

std::span<std::byte> SlabPool::commit(const Window& window, std::uint32_t count) {
  assert(window.slab == current_ && count <= window.bytes.size());
  window.slab->fill += count;
  hold(*window.slab);
  return window.bytes.first(count);
}

void SlabPool::reserve_up_to(Slab& slab, const std::byte* end) {
  const auto fill = static_cast<std::uint32_t>(end - slab.base);
  assert(fill <= kWindow + kReserve);
  slab.fill = std::max(slab.fill, fill);
}

void SlabPool::release(Slab& slab) {
  assert(slab.refs != 0);
  if (--slab.refs != 0) return;
  slab.fill = 0;
  if (&slab == current_) return;
  slab.next_free = free_;
  free_ = &slab;
  ++free_count_;
}

}  // namespace weft::tcp

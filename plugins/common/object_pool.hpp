// object_pool.hpp - places for objects of one kind, made large enough when queue pairs are opened, so that the data path
// takes and gives back without allocating.
//
// Memory is never given back before the pool dies; the place given back last is taken first, and those never used are
// never touched, so an idle queue pair costs address space only. T has a member `next`. Thread: the owner's. take() never
// fails within what was reserved; reserve() throws std::bad_alloc.
#ifndef WEFT_PLUGIN_OBJECT_POOL_HPP
#define WEFT_PLUGIN_OBJECT_POOL_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace weft::plugin {

template <class T>
class ObjectPool {
 public:
  void reserve(std::uint32_t more) {
    const std::uint64_t wanted = reserved_ + more;
    if (wanted > capacity_) {
      // Half as much again at least: each chunk begins with a page that is touched, and there are many queue pairs.
      const auto added = static_cast<std::uint32_t>(std::max(wanted - capacity_, capacity_ / 2));
      chunks_.reserve(chunks_.size() + 1);
      chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(std::size_t{added} * sizeof(T)), added, 0});
      capacity_ += added;
    }
    reserved_ = wanted;
  }
  void unreserve(std::uint32_t less) { reserved_ -= less; }

  // As it was left, or never used.
  T& take() {
    if (free_ != nullptr) {
      T* place = free_;
      free_ = place->next;
      return *place;
    }
    while (chunks_[fresh_].used == chunks_[fresh_].count) ++fresh_;
    Chunk& chunk = chunks_[fresh_];
    return *new (chunk.memory.get() + std::size_t{chunk.used++} * sizeof(T)) T;
  }
  void give_back(T& place) {
    place.next = free_;
    free_ = &place;
  }

 private:
  struct Chunk {  // its places are used in order
    std::unique_ptr<std::byte[]> memory;
    std::uint32_t count = 0;
    std::uint32_t used = 0;
  };
  std::vector<Chunk> chunks_;
  std::size_t fresh_ = 0;  // the first chunk that has unused places
  std::uint64_t capacity_ = 0, reserved_ = 0;
  T* free_ = nullptr;
};

}  // namespace weft::plugin

#endif

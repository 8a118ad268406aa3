// slot_table.hpp - a fixed number of slots, each free or in use: an index is all that is handed out.
//
// All memory is made by the constructor. take() gives the slot that was given back last: it is the one still in the cache.
// Thread rule: one thread. An index that is in use belongs to its taker until give_back().
#ifndef WEFT_CORE_UTIL_SLOT_TABLE_HPP
#define WEFT_CORE_UTIL_SLOT_TABLE_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft {

template <class T>
class SlotTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  explicit SlotTable(std::uint32_t size) : slots_(size), free_(size) {
    for (std::uint32_t i = 0; i < size; ++i) free_[i] = size - 1 - i;
    free_count_ = size;
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(slots_.size()); }
  [[nodiscard]] std::uint32_t used_count() const { return size() - free_count_; }
  [[nodiscard]] bool in_use(std::uint32_t index) const { return index < size() && slots_[index].used; }

  // kNone when all are in use. The value is what the last user left there.
  [[nodiscard]] std::uint32_t take() {
    if (free_count_ == 0) return kNone;
    const std::uint32_t index = free_[--free_count_];
    slots_[index].used = true;
    return index;
  }
  void give_back(std::uint32_t index) {
    assert(in_use(index));
    slots_[index].used = false;
    free_[free_count_++] = index;
  }

  [[nodiscard]] T& operator[](std::uint32_t index) {
    assert(index < size());
    return slots_[index].value;
  }
  [[nodiscard]] const T& operator[](std::uint32_t index) const {
    assert(index < size());
    return slots_[index].value;
  }

 private:
  struct Slot {
    T value{};
    bool used = false;
  };
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;  // the first free_count_ are free; the last of them is next
  std::uint32_t free_count_ = 0;
};

}  // namespace weft

#endif

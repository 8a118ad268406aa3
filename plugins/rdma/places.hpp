// places.hpp - the queue pairs of a group by number, for the upper half of a wr_id: a place in a table, and which of those
// that had the place it is, so that what a device still tells of one that is gone finds nobody.
//
// Thread: the group's. enter() allocates, find() does not.
#ifndef WEFT_RDMA_PLACES_HPP
#define WEFT_RDMA_PLACES_HPP

#include <cstdint>
#include <vector>

namespace weft::rdma {

template <class T>
class Places {
 public:
  [[nodiscard]] std::uint32_t enter(T& object) {
    if (free_.empty()) {
      free_.reserve(table_.size() + 1);  // leave() never allocates
      table_.push_back({});
      free_.push_back(static_cast<std::uint32_t>(table_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    table_[index].object = &object;
    return table_[index].turn << kIndexBits | index;
  }
  void leave(std::uint32_t number) {
    Entry& entry = table_[number & kIndexMask];
    entry.object = nullptr;
    entry.turn = (entry.turn + 1) & (UINT32_MAX >> kIndexBits);
    free_.push_back(number & kIndexMask);
  }
  [[nodiscard]] T* find(std::uint32_t number) const {
    const std::uint32_t index = number & kIndexMask;
    if (index >= table_.size() || table_[index].turn != number >> kIndexBits) return nullptr;
    return table_[index].object;
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Entry& entry : table_)
      if (entry.object != nullptr) visit(*entry.object);
  }

 private:
  static constexpr std::uint32_t kIndexBits = 20, kIndexMask = (1U << kIndexBits) - 1;
  struct Entry {
    T* object = nullptr;
    std::uint32_t turn = 0;
  };
  std::vector<Entry> table_;
  std::vector<std::uint32_t> free_;
};

}  // namespace weft::rdma

#endif

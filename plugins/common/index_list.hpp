// index_list.hpp - first-in first-out lists of elements of an array, linked by index: a queue of tokens or CIDs without
// memory of its own. An element is on at most one list. Thread: the owner's.
#ifndef WEFT_PLUGIN_INDEX_LIST_HPP
#define WEFT_PLUGIN_INDEX_LIST_HPP

#include <cstdint>

namespace weft::plugin {

constexpr std::uint32_t kNoIndex = 0xffffffffu;

struct IndexHook {
  std::uint32_t next = kNoIndex;
  std::uint32_t previous = kNoIndex;
  std::uint8_t list = 0;  // which one it is on; 0: none
};

// `at(index)` gives the element's IndexHook.
template <std::uint8_t Id>
class IndexList {
 public:
  [[nodiscard]] bool empty() const { return first_ == kNoIndex; }
  [[nodiscard]] std::uint32_t front() const { return first_; }

  template <class At>
  void push_back(std::uint32_t index, At&& at) {
    IndexHook& hook = at(index);
    hook = {.next = kNoIndex, .previous = last_, .list = Id};
    (last_ != kNoIndex ? at(last_).next : first_) = index;
    last_ = index;
  }
  template <class At>
  void remove(std::uint32_t index, At&& at) {
    const IndexHook hook = at(index);
    (hook.previous != kNoIndex ? at(hook.previous).next : first_) = hook.next;
    (hook.next != kNoIndex ? at(hook.next).previous : last_) = hook.previous;
    at(index) = IndexHook{};
  }

 private:
  std::uint32_t first_ = kNoIndex;
  std::uint32_t last_ = kNoIndex;
};

}  // namespace weft::plugin

#endif

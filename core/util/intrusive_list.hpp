// intrusive_list.hpp - a doubly linked list through a hook inside its elements: no memory of its own.
//
//   struct Wait : IntrusiveHook { ... };      IntrusiveList<Wait> waiting;
//
// An element is in one list at most. The list does not own its elements; an element must be unlinked before it dies
// (asserted), a list must be empty. Thread rule: one thread.
#ifndef WEFT_CORE_UTIL_INTRUSIVE_LIST_HPP
#define WEFT_CORE_UTIL_INTRUSIVE_LIST_HPP

#include <cassert>
#include <cstddef>

namespace weft {

class IntrusiveHook {
 public:
  IntrusiveHook() = default;
  IntrusiveHook(const IntrusiveHook&) = delete;
  IntrusiveHook& operator=(const IntrusiveHook&) = delete;
  ~IntrusiveHook() { assert(!linked()); }

  [[nodiscard]] bool linked() const { return next_ != nullptr; }
  // Out of whatever list it is in; no effect when in none.
  void unlink() {
    if (!linked()) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  IntrusiveHook* next_ = nullptr;
  IntrusiveHook* prev_ = nullptr;
};

template <class T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    assert(empty());
    head_.next_ = head_.prev_ = nullptr;
  }

  [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
  [[nodiscard]] T& front() {
    assert(!empty());
    return static_cast<T&>(*head_.next_);
  }
  [[nodiscard]] T& back() {
    assert(!empty());
    return static_cast<T&>(*head_.prev_);
  }
  void push_back(T& element) { insert(element, *head_.prev_); }
  void push_front(T& element) { insert(element, head_); }
  T& pop_front() {
    T& first = front();
    static_cast<IntrusiveHook&>(first).unlink();
    return first;
  }
  [[nodiscard]] std::size_t count() const {  // walks the list
    std::size_t n = 0;
    for (const IntrusiveHook* hook = head_.next_; hook != &head_; hook = hook->next_) ++n;
    return n;
  }
  // Calls f(T &) for each; f may unlink or destroy the element it is given, and no other.
  template <class F>
  void for_each(F&& f) {
    for (IntrusiveHook* hook = head_.next_; hook != &head_;) {
      IntrusiveHook* const next = hook->next_;
      f(static_cast<T&>(*hook));
      hook = next;
    }
  }

 private:
  static void insert(T& element, IntrusiveHook& after) {
    IntrusiveHook& hook = element;
    assert(!hook.linked());
    hook.prev_ = &after;
    hook.next_ = after.next_;
    after.next_->prev_ = &hook;
    after.next_ = &hook;
  }

  IntrusiveHook head_;
};

}  // namespace weft

#endif

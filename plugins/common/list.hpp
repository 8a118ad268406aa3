// list.hpp - doubly linked lists through a hook inside the object: no allocation, removal in constant time.
//
//   struct Item { Hook dirty; };   HookList<Item, &Item::dirty> list;
//
// An object is on at most one list per hook, and leaves it when it dies. Thread: the owner's.
#ifndef WEFT_PLUGIN_LIST_HPP
#define WEFT_PLUGIN_LIST_HPP

#include <cstdint>

namespace weft::plugin {

struct Hook {
  Hook* next = nullptr;
  Hook* previous = nullptr;
  void* owner = nullptr;
  Hook() = default;
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
  ~Hook() { unlink(); }
  [[nodiscard]] bool linked() const { return next != nullptr; }
  void unlink() {
    if (!linked()) return;
    previous->next = next;
    next->previous = previous;
    next = previous = nullptr;
  }
};

template <class T, Hook T::* Member>
class HookList {
 public:
  HookList() { head_.next = head_.previous = &head_; }
  ~HookList() {
    while (pop_front() != nullptr) {
    }
    head_.next = head_.previous = nullptr;
  }
  HookList(const HookList&) = delete;
  HookList& operator=(const HookList&) = delete;

  [[nodiscard]] bool empty() const { return head_.next == &head_; }
  // Does nothing when the object is on the list already.
  void push_back(T& object) {
    Hook& hook = object.*Member;
    if (hook.linked()) return;
    hook.owner = &object;
    hook.previous = head_.previous;
    hook.next = &head_;
    head_.previous->next = &hook;
    head_.previous = &hook;
  }
  void remove(T& object) { (object.*Member).unlink(); }
  [[nodiscard]] std::uint32_t size() const {
    std::uint32_t count = 0;
    for (const Hook* hook = head_.next; hook != &head_; hook = hook->next) ++count;
    return count;
  }
  [[nodiscard]] T* front() const { return empty() ? nullptr : static_cast<T*>(head_.next->owner); }
  T* pop_front() {
    if (empty()) return nullptr;
    Hook& hook = *head_.next;
    hook.unlink();
    return static_cast<T*>(hook.owner);
  }
  // Calls `visit` for each object; it may remove the object it is given, and no other.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Hook* hook = head_.next; hook != &head_;) {
      Hook* next = hook->next;
      visit(*static_cast<T*>(hook->owner));
      hook = next;
    }
  }

 private:
  Hook head_;
};

}  // namespace weft::plugin

#endif

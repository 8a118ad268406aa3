// fifo.hpp - things that wait, in order, linked through themselves: next_of(thing), found by its type, names the link. So
// waiting costs no memory. Owns nothing; a thing is in one list at a time. One thread.
#ifndef WEFT_CORE_UTIL_FIFO_HPP
#define WEFT_CORE_UTIL_FIFO_HPP

namespace weft {

template <class T>
class Fifo {
 public:
  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] T* front() const { return head_; }
  void push(T& thing) {
    next_of(thing) = nullptr;
    if (head_ == nullptr) {
      head_ = &thing;
    } else {
      next_of(*tail_) = &thing;
    }
    tail_ = &thing;
  }
  T& pop() {
    T& thing = *head_;
    head_ = next_of(thing);
    next_of(thing) = nullptr;
    return thing;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

}  // namespace weft

#endif

// Operations that wait for memory, in order. Linked through BackendOp::next; owns nothing. One thread.
#ifndef WEFT_CORE_BACKEND_WAIT_LIST_HPP
#define WEFT_CORE_BACKEND_WAIT_LIST_HPP

#include "weft/backend.hpp"

namespace weft {

class WaitList {
 public:
  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] BackendOp* front() const { return head_; }
  void push(BackendOp& op) {
    op.next = nullptr;
    if (head_ == nullptr)
      head_ = &op;
    else
      tail_->next = &op;
    tail_ = &op;
  }
  BackendOp& pop() {
    BackendOp& op = *head_;
    head_ = op.next;
    op.next = nullptr;
    return op;
  }

 private:
  BackendOp* head_ = nullptr;
  BackendOp* tail_ = nullptr;
};

}  // namespace weft

#endif

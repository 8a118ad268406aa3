// Requests that wait, in order; linked through the requests themselves, so that waiting costs no memory. One thread.
#ifndef WEFT_CORE_HOST_REQUEST_LIST_HPP
#define WEFT_CORE_HOST_REQUEST_LIST_HPP

#include "weft/host.hpp"

namespace weft {

inline IoRequest*& next_of(IoRequest& request) { return request.progress.next; }
inline PassthroughRequest*& next_of(PassthroughRequest& request) { return request.next; }

template <class Request>
class RequestList {
 public:
  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] Request* front() const { return head_; }
  void push(Request& request) {
    next_of(request) = nullptr;
    if (head_ == nullptr) {
      head_ = &request;
    } else {
      next_of(*tail_) = &request;
    }
    tail_ = &request;
  }
  Request& pop() {
    Request& request = *head_;
    head_ = next_of(request);
    next_of(request) = nullptr;
    return request;
  }

 private:
  Request* head_ = nullptr;
  Request* tail_ = nullptr;
};

}  // namespace weft

#endif

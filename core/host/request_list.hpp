// Requests that wait, in order.
#ifndef WEFT_CORE_HOST_REQUEST_LIST_HPP
#define WEFT_CORE_HOST_REQUEST_LIST_HPP

#include "core/util/fifo.hpp"
#include "weft/host.hpp"

namespace weft {

inline IoRequest*& next_of(IoRequest& request) { return request.progress.next; }
inline PassthroughRequest*& next_of(PassthroughRequest& request) { return request.next; }

template <class Request>
using RequestList = Fifo<Request>;

}  // namespace weft

#endif

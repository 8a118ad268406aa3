// Operations that wait for memory, in order.
#ifndef WEFT_CORE_BACKEND_WAIT_LIST_HPP
#define WEFT_CORE_BACKEND_WAIT_LIST_HPP

#include "core/util/fifo.hpp"
#include "weft/backend.hpp"

namespace weft {

inline BackendOp*& next_of(BackendOp& op) { return op.next; }

using WaitList = Fifo<BackendOp>;

}  // namespace weft

#endif

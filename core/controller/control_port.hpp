// control_port.hpp - what workers tell the control thread. Implemented by the Server; every call is made on its thread.
#ifndef WEFT_CORE_CONTROLLER_CONTROL_PORT_HPP
#define WEFT_CORE_CONTROLLER_CONTROL_PORT_HPP

#include <cstdint>

#include "core/controller/range_set.hpp"

namespace weft::controller {

struct AdminRequest;
struct IoSlot;
class Namespace;
class Queue;
class Worker;

class ControlPort {
 public:
  // Answers it, now or later, by Worker::answer().
  virtual void take(AdminRequest& request) = 0;
  // An asynchronous event request, taken before, is not waited for any more: goes back, unless it is on its way already.
  virtual void drop(AdminRequest& request) = 0;
  // A queue pair that had its Connect granted has closed. Its requests go back, then Worker::forget() is called.
  virtual void queue_closed(Queue& queue) = 0;
  // Errors lie in the queue pair's ring.
  virtual void errors_recorded(Queue& queue) = 0;
  // The gate of a namespace: ends in Worker::grant(), then exclusive_ended() is called.
  virtual void exclusive_wanted(Namespace& ns, Worker& worker, IoSlot& slot, BlockRange range) = 0;
  virtual void exclusive_ended(Namespace& ns, BlockRange range, Effect effect) = 0;
  // The namespace's storage failed in a new way.
  virtual void storage_failed(Namespace& ns) = 0;
  // While stopping: the worker has no queue pair any more.
  virtual void worker_empty(Worker& worker) = 0;

 protected:
  ~ControlPort() = default;
};

}  // namespace weft::controller

#endif

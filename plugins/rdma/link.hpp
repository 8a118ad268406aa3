// link.hpp - what a side (side.hpp) sees of the connection it belongs to: the verbs queue pair, the send queue, the
// core's events, and a way to say that something ended. Tests give a side a link of their own.
// Thread: the group's.
#ifndef WEFT_RDMA_LINK_HPP
#define WEFT_RDMA_LINK_HPP

#include <cstdint>

#include "../common/reason.hpp"
#include "send_queue.hpp"
#include "verbs.hpp"
#include "weft/transport_abi.h"

namespace weft::rdma {

class SharedRing;  // shared_ring.hpp: receives of several queue pairs
struct DataOp;     // data_op.hpp: one borrowed list of memory
class Memory;      // memory.hpp: registered memory and windows of one device, for the queue pairs of one group

using plugin::Reason;

class Link {
 public:
  virtual ~Link() = default;

  [[nodiscard]] virtual verbs::Device& device() = 0;
  [[nodiscard]] virtual verbs::QueuePair& pair() = 0;
  [[nodiscard]] virtual SendQueue& sends() = 0;
  [[nodiscard]] virtual Memory& memory() = 0;
  // Where its receives come from; nullptr: it has receives of its own.
  [[nodiscard]] virtual SharedRing* shared_ring() { return nullptr; }
  [[nodiscard]] virtual std::uint32_t place() const = 0;  // for WorkId::queue_pair
  [[nodiscard]] virtual const weft_qpair_params& params() const = 0;
  [[nodiscard]] virtual const weft_qpair_events& events() const = 0;
  [[nodiscard]] virtual void* context() const = 0;
  [[nodiscard]] virtual weft_stats& counters() = 0;

  // The core has not closed it, and it has not ended: commands that come are told.
  [[nodiscard]] virtual bool takes_commands() const { return true; }
  virtual void count_event() {}         // before each event that a side tells: what poll() returns
  virtual void mark_dirty() = 0;        // flush() of the side comes before the turn ends
  virtual void finish(DataOp& op) = 0;  // Side::tell_finished(op) comes from inside the next poll, not from this call
  virtual void end(Reason reason) = 0;  // operations end later, from inside a poll
  virtual void nothing_held() = 0;      // the core released the last command: the handle may go
};

}  // namespace weft::rdma

#endif

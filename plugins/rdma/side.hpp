// side.hpp - the two halves of a queue pair. Connection (connection.hpp) owns the connection manager's id, the verbs
// queue pair and the states; a Side (host_side.hpp, controller_side.hpp) owns the memory, the capsules and the data.
//
// Connection -> Side: open() when the sizes are agreed and before the connection is established, so that receives are
// posted before a peer can send; completed() for each completion of this queue pair that is good; flush() once a turn;
// end_operations() when nothing of the device can touch memory any more; idle() while it closes with what is queued.
// Side -> Connection: post through sends(), end(Reason) when the peer broke the protocol.
// Thread: the group's.
#ifndef WEFT_RDMA_SIDE_HPP
#define WEFT_RDMA_SIDE_HPP

#include <cstdint>

#include "link.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"
#include "weft/transport_abi.h"
#include "work.hpp"

namespace weft::rdma {

// What both ends and the device agreed on.
struct Agreed {
  std::uint32_t depth = 0;     // commands outstanding at a time (host: of params; controller: HSQSIZE + 1, clamped)
  std::uint32_t receives = 0;  // receive buffers of ours
  std::uint32_t peer_receives = 0;  // ... and of the peer: never more SENDs than that unanswered
  std::uint32_t reads_out = 0;      // controller: READs outstanding at a time
  std::uint32_t in_capsule = 0;     // bytes of data behind a command in a capsule
  std::uint32_t most_depth = 0;     // controller: what any queue here can have
  std::uint16_t qid = 0;
};

class Side {
 public:
  virtual ~Side() = default;

  // What it needs of the verbs queue pair, before that is made.
  [[nodiscard]] virtual verbs::QueuePairSizes sizes(const Agreed& agreed) const = 0;
  // Memory registered, receives posted. Fails with a sentence; then nothing is held.
  virtual plugin::Made<void> open(const Agreed& agreed) = 0;
  [[nodiscard]] virtual weft_limits limits() const = 0;  // for on_ready
  // A host's: how many receives the controller said that it has. Before on_ready.
  virtual void peer_receives(std::uint32_t) {}

  // A receive that is good, or a request of ours for which SendQueue::completed() was true.
  virtual void completed(WorkId id, const ibv_wc& completion) = 0;
  // One of this queue pair that is bad, before the connection ends for it: what is to be learnt from that.
  virtual void failed(WorkId, const ibv_wc&) {}
  // While it ends: requests were done before the queue pair failed. Nothing goes on; the bytes that they moved count.
  virtual void count_done() {}
  // From a turn, once it is ready: some of what is made little by little. True: there is more, for the next turn.
  virtual bool go_on() { return false; }
  virtual void flush() = 0;                    // everything queued is posted, or waits for room
  virtual void tell_finished(DataOp& op) = 0;  // the event of an operation that was given to Link::finish

  // Ends every operation with `error` (negative errno), by events (Group::finish). After it nothing of the core's is
  // borrowed but commands that the core holds.
  virtual void end_operations(std::int32_t error) = 0;
  [[nodiscard]] virtual bool idle() const = 0;  // nothing that the peer or we still wait for
};

}  // namespace weft::rdma

#endif

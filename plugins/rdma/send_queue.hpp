// send_queue.hpp - the send queue of one queue pair: work requests are made in place, chained, posted together, and told
// back in order when they are done.
//
// Signalling is selective: those that are asked to be, the last of each chain, and one in every quarter of the queue, so
// that all that is posted is told in the end and room always comes back. Completions come in order (one queue), so one
// stands for all requests before it: each of them comes out of next_done(), signalled or not.
//
// Thread: the group's. Memory is made by the constructor. An error of the queue pair stays: nothing is posted after it.
#ifndef WEFT_RDMA_SEND_QUEUE_HPP
#define WEFT_RDMA_SEND_QUEUE_HPP

#include <cstdint>
#include <memory>

#include "verbs.hpp"
#include "work.hpp"

namespace weft::rdma {

struct DataOp;

// What a request was for, kept until it is done.
struct Posted {
  Work work = Work::kSend;
  std::uint32_t index = 0;   // as in WorkId
  std::uint32_t length = 0;  // bytes of data it moves
  DataOp* op = nullptr;      // whose data, or whose response
};

class SendQueue {
 public:
  static constexpr std::uint32_t kLongestChain = 64;

  // `entries`: of the queue pair; one of them is kept for the drain request.
  SendQueue(std::uint32_t entries, std::uint32_t max_sge, std::uint32_t place);

  [[nodiscard]] std::uint32_t room() const;  // requests that may be added now
  // room() >= count, or will be after what was added is posted: that is done then. count <= kLongestChain.
  [[nodiscard]] bool make_room(verbs::QueuePair& pair, std::uint32_t count);
  [[nodiscard]] bool empty() const { return tail_ == head_; }  // nothing posted or to be posted is undone
  [[nodiscard]] std::uint64_t done() const { return done_; }   // requests that are done, in all: grows with progress
  [[nodiscard]] std::uint32_t max_sge() const { return max_sge_; }

  // The next request, zeroed, with `sg_list` on room for max_sge elements, wr_id set; only within room(), but for
  // Work::kDrain, which has a place of its own. Whoever calls it fills the rest before the next call.
  // `signalled`: it is not to wait for those behind it to be told.
  ibv_send_wr& add(const Posted& posted, ibv_wr_opcode opcode, bool signalled);
  ibv_send_wr& add(Work work, std::uint32_t index, ibv_wr_opcode opcode, bool signalled) {
    return add(Posted{.work = work, .index = index}, opcode, signalled);
  }
  // What the last call of add() was given, for what is known only afterwards.
  [[nodiscard]] Posted& latest() { return entry(head_ - 1).posted; }
  // What was added and not posted is forgotten, and one last request posted, also after an error: all that the device has
  // of this queue has come back when it does. The queue pair is in its error state. 0 or -errno: it never will.
  int drain(verbs::QueuePair& pair, std::uint32_t index);
  // Posts what was added since. 0 or -errno, also of an earlier call: then the queue pair is to be ended.
  int post(verbs::QueuePair& pair);

  // A completion with this wr_id came: it and all before it are done. False: no request waits for it (one that was not
  // signalled was flushed).
  bool completed(std::uint64_t wr_id);
  // The next request that is done, in the order of add(), which gives its place back. False: none.
  bool next_done(Posted& posted);

 private:
  struct Entry {
    Posted posted;
    bool signalled = false;
  };
  [[nodiscard]] Entry& entry(std::uint64_t number) { return entries_[number % capacity_]; }
  [[nodiscard]] std::uint64_t wr_id(const Posted& posted) const {
    return WorkId{.queue_pair = place_, .work = posted.work, .index = posted.index}.pack();
  }

  const std::uint32_t capacity_, max_sge_, place_, longest_chain_, signal_every_;
  std::unique_ptr<Entry[]> entries_;
  std::unique_ptr<ibv_send_wr[]> chain_;
  std::unique_ptr<ibv_sge[]> elements_;
  std::uint32_t chained_ = 0;      // requests in chain_
  std::uint32_t unsignalled_ = 0;  // since the last that was signalled
  // Numbers of requests, counted from the first: tail_ <= done_ <= posted <= head_.
  std::uint64_t tail_ = 0;  // the oldest not yet told by next_done()
  std::uint64_t done_ = 0;  // all before are done
  std::uint64_t head_ = 0;  // the next to be added
  int error_ = 0;
};

}  // namespace weft::rdma

#endif

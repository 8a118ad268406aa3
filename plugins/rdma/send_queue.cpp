#include "send_queue.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weft::rdma {

SendQueue::SendQueue(std::uint32_t entries, std::uint32_t max_sge, std::uint32_t place)
    : capacity_(std::max(entries, 2U)),
      max_sge_(std::max(max_sge, 1U)),
      place_(place),
      longest_chain_(std::min(capacity_, kLongestChain)),
      signal_every_(std::max(capacity_ / 4, 1U)),
      entries_(std::make_unique<Entry[]>(capacity_)),
      chain_(std::make_unique_for_overwrite<ibv_send_wr[]>(longest_chain_ + 1U)),
      elements_(std::make_unique_for_overwrite<ibv_sge[]>(std::size_t{longest_chain_ + 1U} * max_sge_)) {}

std::uint32_t SendQueue::room() const {
  if (error_ != 0) return 0;
  const auto used = static_cast<std::uint32_t>(head_ - tail_);
  const std::uint32_t places = used + 1 < capacity_ ? capacity_ - 1 - used : 0;
  return std::min(places, longest_chain_ - std::min(chained_, longest_chain_));
}

bool SendQueue::make_room(verbs::QueuePair& pair, std::uint32_t count) {
  if (room() >= count) return true;
  if (chained_ != 0 && post(pair) == 0) return room() >= count;
  return false;
}

ibv_send_wr& SendQueue::add(const Posted& posted, ibv_wr_opcode opcode, bool signalled) {
  assert(posted.work == Work::kDrain || room() != 0);
  const bool ask = signalled || ++unsignalled_ >= signal_every_;
  if (ask) unsignalled_ = 0;
  entry(head_++) = Entry{.posted = posted, .signalled = ask};
  ibv_send_wr& request = chain_[chained_];
  request = ibv_send_wr{};
  request.wr_id = wr_id(posted);
  request.sg_list = &elements_[std::size_t{chained_} * max_sge_];
  request.opcode = opcode;
  if (ask) request.send_flags = IBV_SEND_SIGNALED;
  if (chained_ != 0) chain_[chained_ - 1].next = &request;
  ++chained_;
  return request;
}

int SendQueue::post(verbs::QueuePair& pair) {
  if (chained_ == 0 || error_ != 0) return error_;
  chain_[chained_ - 1].send_flags |= IBV_SEND_SIGNALED;
  entry(head_ - 1).signalled = true;
  unsignalled_ = 0;
  ibv_send_wr* failed = nullptr;
  error_ = verbs::minus_errno(pair.post_sends(chain_[0], failed));
  // What was not taken will never complete, and is nothing that the device knows of.
  if (error_ != 0) head_ -= chained_ - static_cast<std::uint32_t>(failed != nullptr ? failed - chain_.get() : 0);
  chained_ = 0;
  return error_;
}

int SendQueue::drain(verbs::QueuePair& pair, std::uint32_t index) {
  head_ -= chained_;
  chained_ = 0;
  const int before = std::exchange(error_, 0);
  add(Work::kDrain, index, IBV_WR_RDMA_WRITE, true).num_sge = 0;
  const int result = post(pair);
  if (before != 0) error_ = before;
  return result;
}

bool SendQueue::completed(std::uint64_t wr_id_done) {
  for (std::uint64_t number = done_; number != head_; ++number) {
    const Entry& candidate = entry(number);
    if (!candidate.signalled) continue;
    if (wr_id(candidate.posted) != wr_id_done) return false;
    done_ = number + 1;
    return true;
  }
  return false;
}

bool SendQueue::next_done(Posted& posted) {
  if (tail_ == done_) return false;
  posted = entry(tail_++).posted;
  return true;
}

}  // namespace weft::rdma

// submission_queue.hpp - a host's view of one submission queue: how many more entries the controller has room for.
//
// Under SQ flow control at most size-1 entries are in use, and the head (SQHD of responses) says which of them the
// controller has taken. Without it, size commands may be outstanding and SQHD means nothing. Before Connect was answered
// there is room for one command.
// Thread rule: one thread. No memory, no division.
#ifndef WEFT_CORE_QPAIR_SUBMISSION_QUEUE_HPP
#define WEFT_CORE_QPAIR_SUBMISSION_QUEUE_HPP

#include <algorithm>
#include <cstdint>

#include "weft/fabrics.hpp"

namespace weft {

class SubmissionQueue {
 public:
  // `size` entries; at most `most` commands are outstanding (there is one CID fewer than entries in the largest queue).
  SubmissionQueue(std::uint32_t size, std::uint32_t most) : size_(size), most_(most) {}

  // SQHD of the Connect response. False: no such entry. Without being `wanted`, flow control still is what the controller
  // says, as long as its heads exist: some targets (go-nvme) that do not keep SQHD send the queue's size.
  [[nodiscard]] bool start(std::uint16_t sqhd, bool wanted = true) {
    wanted_ = wanted;
    if (sqhd == fabrics::kSqhdFlowControlDisabled || (sqhd >= size_ && !wanted)) {
      mode_ = Mode::kOff;
      capacity_ = std::min(size_, most_);
      return true;
    }
    if (sqhd >= size_) return false;
    mode_ = Mode::kOn;
    capacity_ = std::min(size_ - 1, most_);
    head_ = tail_ = sqhd;
    used_ = 0;
    return true;
  }

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  [[nodiscard]] std::uint32_t room() const {
    const std::uint32_t taken = std::max(outstanding_, used_);
    return taken < capacity_ ? capacity_ - taken : 0;
  }

  void submitted() {
    ++outstanding_;
    if (mode_ != Mode::kOn) return;
    ++used_;
    tail_ = next(tail_);
  }

  // A command ended without a word on the head: a response folded into data, or an end on this side.
  void ended() {
    if (mode_ == Mode::kOn && used_ > 0) {  // a controller takes one entry for each command that it answers
      --used_;
      head_ = next(head_);
    }
    settle();
  }
  // A response came with SQHD. False: no such entry.
  [[nodiscard]] bool ended(std::uint16_t sqhd) {
    if (mode_ == Mode::kOn) {
      if (sqhd >= size_) {
        if (!wanted_) return ended(), true;
        settle();
        return false;
      }
      const std::uint32_t taken = sqhd >= head_ ? sqhd - head_ : sqhd + size_ - head_;
      // More than is in use is a head from before: responses of a controller with several threads (Linux has them) may
      // overtake each other. The newer head stays.
      if (taken <= used_) {
        used_ -= taken;
        head_ = sqhd;
      }
    }
    settle();
    return true;
  }

 private:
  enum class Mode : std::uint8_t { kNotStarted, kOn, kOff };

  [[nodiscard]] std::uint32_t next(std::uint32_t entry) const { return entry + 1 == size_ ? 0 : entry + 1; }
  void settle() {
    --outstanding_;
    if (outstanding_ == 0) {  // what was answered was taken, whatever the last head said
      used_ = 0;
      head_ = tail_;
    }
  }

  const std::uint32_t size_;
  const std::uint32_t most_;
  Mode mode_ = Mode::kNotStarted;
  bool wanted_ = true;  // by the host: then heads are judged
  std::uint32_t capacity_ = 1;
  std::uint32_t outstanding_ = 0;  // submitted and not ended
  std::uint32_t used_ = 0;         // entries from head_ to tail_
  std::uint32_t head_ = 0, tail_ = 0;
};

}  // namespace weft

#endif

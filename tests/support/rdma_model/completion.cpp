#include "completion.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>

#include "machine.hpp"
#include "queue_pair.hpp"

namespace weft::rdma::model {

Signal::Signal() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
Signal::~Signal() { ::close(fd_); }
void Signal::raise() const { static_cast<void>(::eventfd_write(fd_, 1)); }
void Signal::lower() const {
  eventfd_t value = 0;
  static_cast<void>(::eventfd_read(fd_, &value));
}

CompletionChannel::CompletionChannel(Machine& machine)
    : machine_(machine), birth_(machine.record, Kind::kCompletionChannel) {}

void CompletionChannel::drain() {
  const auto guard = machine_.fabric().lock();
  signal_.lower();
}

CompletionQueue::CompletionQueue(Device& device, std::uint32_t entries, CompletionChannel& channel)
    : device_(device),
      machine_(device.machine()),
      birth_(machine_.record, Kind::kCompletionQueue),
      entries_(entries),
      channel_(channel) {
  device.completion_queues.push_back(this);
}

CompletionQueue::~CompletionQueue() {
  const auto guard = machine_.fabric().lock();
  std::erase(device_.completion_queues, this);
  for (const auto& [number, pair] : machine_.fabric().queue_pairs) {
    if (!pair->tells(*this)) continue;
    machine_.record.fault("a completion queue is deleted before a queue pair on it");
    pair->tell_nobody();
  }
}

int CompletionQueue::poll(std::span<ibv_wc> out) {
  const auto guard = machine_.fabric().lock();
  if (const int error = machine_.script.next(Call::kPoll); error != 0) return -error;
  if (overrun_ || device_.silent()) return -EIO;
  int count = 0;
  for (ibv_wc& slot : out) {
    if (waiting_.empty()) break;
    const Completion completion = waiting_.front();
    waiting_.pop_front();
    slot = completion.told;
    ++count;
    const auto pair = machine_.fabric().queue_pairs.find(slot.qp_num);
    if (pair != machine_.fabric().queue_pairs.end()) pair->second->give_back(completion);
  }
  return count;
}

int CompletionQueue::arm() {
  const auto guard = machine_.fabric().lock();
  if (const int error = machine_.script.next(Call::kArm); error != 0) return -error;
  if (machine_.script.before_arm) machine_.script.before_arm();
  if (overrun_ || device_.silent()) return -EIO;
  armed_ = true;
  return 0;
}

void CompletionQueue::push(const Completion& completion) {
  if (device_.silent() || overrun_) return;
  if (waiting_.size() == entries_) {
    machine_.record.fault("a completion queue of " + std::to_string(entries_) + " entries overran");
    overrun_ = true;
    return;
  }
  waiting_.push_back(completion);
  ++machine_.record.counts.completions;
  if (armed_) channel_.tell();
  armed_ = false;
}

void CompletionQueue::forget(std::uint32_t queue_pair) {
  std::erase_if(waiting_, [&](const Completion& completion) { return completion.told.qp_num == queue_pair; });
}

}  // namespace weft::rdma::model

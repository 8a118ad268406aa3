// completion.hpp - completion queues and channels of the model, with a real descriptor to wait on.
//
// Arming means what it means on a device: the next completion after arm() makes the channel readable, once; what was
// there before is not told. A queue that gets more than it holds has overrun: a fault, and it is of no use any more.
// Thread: under the fabric's lock.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_COMPLETION_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_COMPLETION_HPP

#include <cstdint>
#include <deque>

#include "plugins/rdma/verbs.hpp"
#include "record.hpp"

namespace weft::rdma::model {

class Device;
class Machine;

// A descriptor that is readable while it is raised.
class Signal {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  void raise() const;
  void lower() const;

 private:
  const int fd_;
};

class CompletionChannel final : public verbs::CompletionChannel {
 public:
  explicit CompletionChannel(Machine& machine);
  [[nodiscard]] int fd() const override { return signal_.fd(); }
  void drain() override;
  void tell() { signal_.raise(); }

 private:
  Machine& machine_;
  const Birth birth_;
  const Signal signal_;
};

// A completion, and what it gives back when it is polled: the slots of its queue up to and with `serial`.
struct Completion {
  ibv_wc told{};
  std::uint64_t serial = 0;
  bool of_send = false;
};

class CompletionQueue final : public verbs::CompletionQueue {
 public:
  CompletionQueue(Device& device, std::uint32_t entries, CompletionChannel& channel);
  ~CompletionQueue() override;
  int poll(std::span<ibv_wc> out) override;
  int arm() override;

  void push(const Completion& completion);
  void forget(std::uint32_t queue_pair);  // completions of a queue pair that is gone

 private:
  Device& device_;
  Machine& machine_;
  const Birth birth_;
  const std::uint32_t entries_;
  CompletionChannel& channel_;
  std::deque<Completion> waiting_;
  bool armed_ = false;
  bool overrun_ = false;
};

}  // namespace weft::rdma::model

#endif

// side_bench.hpp - a HostSide and a ControllerSide, each with a link of the test's own, over two queue pairs of the model:
// everything of the transport but the connection. Or one of the two, with a peer that the test plays by hand.
//
//   SideBench bench({.seed = 7});
//   bench.controller.on_command = [&](const weft_command& c) { ... };
//   bench.host_side().send_command(...);
//   bench.run_until([&] { return bench.host.responses.size() == 1; });
//
// Thread: the test's.
#ifndef WEFT_TESTS_UNIT_RDMA_SIDE_BENCH_HPP
#define WEFT_TESTS_UNIT_RDMA_SIDE_BENCH_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "plugins/rdma/controller_side.hpp"
#include "plugins/rdma/host_side.hpp"
#include "plugins/rdma/memory.hpp"
#include "plugins/rdma/region.hpp"
#include "support/rdma_model/completion.hpp"
#include "support/rdma_model/device.hpp"
#include "support/rdma_model/fabric.hpp"
#include "support/rdma_model/machine.hpp"
#include "support/rdma_model/queue_pair.hpp"

namespace weft::rdma {

struct BenchOptions {
  std::uint64_t seed = 1;
  std::uint32_t depth = 8;
  std::uint32_t receives = 8;
  std::uint32_t reads_out = 4;
  std::uint32_t in_capsule = 4096;
  std::uint16_t descriptors = 1;  // that the controller takes
  std::uint32_t sends = 0;        // entries of the send queues; 0: what the sides ask for
  std::uint32_t max_inline = 512;
  bool flow_control = false;
  bool windows = true;
  bool invalidate = true;
  MemoryOptions memory = {};
  model::Traits traits = {};
};

// One end: a queue pair of the model and, once a side was given to it, what a connection does with one.
class End final : public Link {
 public:
  struct Response {
    std::optional<nvme::Cqe> cqe;
    std::uint64_t moved = 0;
    std::int32_t error = 0;
    std::uint16_t cid = 0;
  };
  struct Data {
    std::uint64_t cookie = 0, moved = 0;
    std::int32_t error = 0;
    std::uint32_t flags = 0;
  };

  End(model::Fabric& fabric, const char* name, const BenchOptions& options, bool host);
  ~End() override;

  // Made with the queue pair that it asks for, then opened. False: open() failed, `failure` says why.
  bool take(std::unique_ptr<Side> side, const Agreed& agreed);
  // Without a side: the test posts and polls itself.
  void play(const verbs::QueuePairSizes& sizes);
  void join(const End& peer, std::uint8_t reads_out);
  // What Group::poll does: flush, tell what ended, take completions.
  void turn();
  void flush();
  // The queue pair is in error, then gone; operations end.
  void break_off(std::int32_t error = -ECONNRESET);

  [[nodiscard]] Region& own(void* base, std::uint64_t length);  // registered memory; released with the end
  [[nodiscard]] model::Device& model_device() { return model_device_; }
  [[nodiscard]] model::QueuePair& model_pair() { return *model_pair_; }
  [[nodiscard]] verbs::CompletionQueue& completions() { return *completion_queue_; }

  // Link
  [[nodiscard]] verbs::Device& device() override { return model_device_; }
  [[nodiscard]] verbs::QueuePair& pair() override { return *pair_; }
  [[nodiscard]] SendQueue& sends() override { return *sends_; }
  [[nodiscard]] Memory& memory() override { return *memory_; }
  [[nodiscard]] std::uint32_t place() const override { return 5; }
  [[nodiscard]] const weft_qpair_params& params() const override { return params_; }
  [[nodiscard]] const weft_qpair_events& events() const override { return kEvents; }
  [[nodiscard]] void* context() const override { return const_cast<End*>(this); }
  [[nodiscard]] weft_stats& counters() override { return stats_; }
  [[nodiscard]] bool takes_commands() const override { return !closed && !ended; }
  void count_event() override { ++events_told; }
  void mark_dirty() override { dirty_ = true; }
  void finish(DataOp& op) override;
  void end(Reason reason) override { ended = std::move(reason); }
  void nothing_held() override { ++nothing_held_calls; }

  model::Machine& machine;
  bool closed = false;  // by the core
  std::optional<Reason> ended;
  std::optional<plugin::Failure> failure;
  std::vector<ibv_wc> bad;  // completions that are errors
  std::vector<Response> responses;
  std::vector<Data> data;
  std::uint64_t commands = 0, events_told = 0;
  std::uint32_t nothing_held_calls = 0;
  std::function<void(const weft_command&)> on_command;
  std::function<void(const Response&)> on_response;
  std::function<void(const Data&)> on_data;

 private:
  static const weft_qpair_events kEvents;
  void take_completions();
  void leave_device();
  void make_pair(const verbs::QueuePairSizes& sizes);

  const BenchOptions options_;
  model::Device& model_device_;
  std::unique_ptr<verbs::CompletionChannel> channel_;
  std::unique_ptr<verbs::CompletionQueue> completion_queue_;
  std::unique_ptr<Memory> memory_;
  std::vector<Region*> regions_;
  std::unique_ptr<Side> side_;
  std::unique_ptr<SendQueue> sends_;
  std::unique_ptr<verbs::QueuePair> pair_;
  model::QueuePair* model_pair_ = nullptr;
  weft_qpair_params params_{};
  weft_stats stats_{};
  bool dirty_ = false;
  bool inside_poll_ = false;
  DataOp *first_ = nullptr, *last_ = nullptr;
};

class SideBench {
 public:
  // With only one side, the other end is played by the test.
  enum class Sides : std::uint8_t { kBoth, kHost, kController };
  explicit SideBench(const BenchOptions& options = {}, Sides sides = Sides::kBoth);

  HostSide& host_side() { return *host_side_; }
  ControllerSide& controller_side() { return *controller_side_; }
  void turn();
  bool run_until(const std::function<bool()>& done);
  void settle();  // until nothing happens any more
  // No program did anything to its device that it may not.
  void expect_no_faults() const;

  const BenchOptions options;
  model::Fabric fabric;
  End host, controller;
  const Agreed agreed;

 private:
  HostSide* host_side_ = nullptr;
  ControllerSide* controller_side_ = nullptr;
};

// A command as the core gives it.
nvme::Sqe make_sqe(std::uint16_t cid, std::uint8_t opcode);
nvme::Cqe make_cqe(std::uint16_t cid, std::uint16_t status = 0);

}  // namespace weft::rdma

#endif

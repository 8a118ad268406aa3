// In steady state neither side allocates or registers anything: both run over a device that does everything at once and
// allocates nothing itself, with operator new counted.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

#include "plugins/rdma/controller_side.hpp"
#include "plugins/rdma/host_side.hpp"
#include "plugins/rdma/memory.hpp"
#include "plugins/rdma/region.hpp"
#include "plugins/rdma/shared_ring.hpp"

namespace {

thread_local std::uint64_t allocations = 0;

// Not inlined, so that the compiler does not take new and delete for malloc and free that do not match.
[[gnu::noinline]] void* counted(std::size_t size) {
  ++allocations;
  void* place = std::malloc(size);
  if (place == nullptr) throw std::bad_alloc();
  return place;
}
[[gnu::noinline]] void uncounted(void* place) { std::free(place); }

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* place) noexcept { uncounted(place); }
void operator delete[](void* place) noexcept { uncounted(place); }
void operator delete(void* place, std::size_t) noexcept { uncounted(place); }
void operator delete[](void* place, std::size_t) noexcept { uncounted(place); }

namespace weft::rdma {
namespace {

constexpr std::uint32_t kDepth = 16, kMost = 256;

template <class T>
class Ring {
 public:
  void push(const T& value) { values_[last_++ % kMost] = value; }
  bool pop(T& value) {
    if (first_ == last_) return false;
    value = values_[first_++ % kMost];
    return true;
  }

 private:
  std::array<T, kMost> values_{};
  std::uint64_t first_ = 0, last_ = 0;
};

struct Receive {
  std::uint64_t wr_id = 0, address = 0;
};

void post_to(Ring<Receive>& receives, ibv_recv_wr& chain) {
  for (ibv_recv_wr* request = &chain; request != nullptr; request = request->next)
    receives.push({request->wr_id, request->sg_list[0].addr});
}

// Of one device and one queue pair, which takes from it.
class InstantShared final : public verbs::SharedReceives {
 public:
  explicit InstantShared(Ring<Receive>& receives) : receives_(receives) {}
  int post(ibv_recv_wr& chain) override {
    post_to(receives_, chain);
    return 0;
  }

 private:
  Ring<Receive>& receives_;
};

// A queue pair whose requests are done when they are posted.
class InstantPair final : public verbs::QueuePair {
 public:
  int post_sends(ibv_send_wr& chain, ibv_send_wr*&) override {
    for (ibv_send_wr* request = &chain; request != nullptr; request = request->next) {
      perform(*request);
      if ((request->send_flags & IBV_SEND_SIGNALED) != 0) complete(request->wr_id, 0, {});
    }
    return 0;
  }
  int post_receives(ibv_recv_wr& chain, ibv_recv_wr*&) override {
    post_to(receives_, chain);
    return 0;
  }
  int fail() override { return 0; }
  [[nodiscard]] std::uint32_t number() const override { return 1; }
  [[nodiscard]] std::uint32_t inline_bytes() const override { return 64; }

  InstantPair* peer = nullptr;
  Ring<Receive>* shared = nullptr;
  Ring<ibv_wc> completions;

 private:
  static std::byte* at(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }

  void complete(std::uint64_t wr_id, std::uint32_t bytes, std::optional<std::uint32_t> invalidated) {
    ibv_wc completion{};
    completion.wr_id = wr_id;
    completion.byte_len = bytes;
    if (invalidated) completion.wc_flags = IBV_WC_WITH_INV, completion.invalidated_rkey = *invalidated;
    completions.push(completion);
  }
  void perform(const ibv_send_wr& request) {
    const bool sends = request.opcode == IBV_WR_SEND || request.opcode == IBV_WR_SEND_WITH_INV;
    std::uint64_t remote = request.wr.rdma.remote_addr;
    Receive receive;
    if (sends) {
      ASSERT_TRUE((peer->shared != nullptr ? *peer->shared : peer->receives_).pop(receive));
      remote = receive.address;
    }
    std::uint32_t bytes = 0;
    for (int i = 0; i < request.num_sge; ++i) {
      const ibv_sge& piece = request.sg_list[i];
      std::byte *here = at(piece.addr), *there = at(remote + bytes);
      if (request.opcode == IBV_WR_RDMA_READ) std::swap(here, there);
      std::memcpy(there, here, piece.length);
      bytes += piece.length;
    }
    if (!sends) return;
    const bool invalidates = request.opcode == IBV_WR_SEND_WITH_INV;
    peer->complete(receive.wr_id, bytes, invalidates ? std::optional(request.invalidate_rkey) : std::nullopt);
  }

  Ring<Receive> receives_;
};

class InstantRegion final : public verbs::Region {
 public:
  [[nodiscard]] ibv_mr* handle() const override { return &mr_; }

 private:
  mutable ibv_mr mr_{};
};

class InstantWindow final : public verbs::Window {
 public:
  [[nodiscard]] ibv_mw* handle() const override { return &mw_; }

 private:
  mutable ibv_mw mw_{};
};

class InstantDevice final : public verbs::Device {
 public:
  explicit InstantDevice(bool windows) {
    attributes_.max_work_requests = kMost;
    attributes_.max_sge = 4;
    attributes_.max_message = 65536;
    attributes_.windows = attributes_.invalidates = windows;
  }
  [[nodiscard]] const verbs::DeviceAttributes& attributes() const override { return attributes_; }
  verbs::Made<std::unique_ptr<verbs::CompletionChannel>> make_completion_channel() override { return {}; }
  verbs::Made<std::unique_ptr<verbs::CompletionQueue>> make_completion_queue(std::uint32_t, verbs::CompletionChannel&,
                                                                             std::uint32_t) override {
    return {};
  }
  verbs::Made<std::unique_ptr<verbs::SharedReceives>> make_shared_receives(std::uint32_t, std::uint32_t) override {
    return std::make_unique<InstantShared>(shared_receives);
  }
  verbs::Made<std::unique_ptr<verbs::Region>> register_memory(void*, std::uint64_t, int) override {
    ++registrations;
    return std::make_unique<InstantRegion>();
  }
  verbs::Made<std::unique_ptr<verbs::Window>> make_window() override { return std::make_unique<InstantWindow>(); }

  [[nodiscard]] int event_fd() const override { return -1; }
  [[nodiscard]] bool next_event(verbs::AsyncEvent&) override { return false; }

  std::uint64_t registrations = 0;
  Ring<Receive> shared_receives;

 private:
  verbs::DeviceAttributes attributes_;
};

class InstantLink final : public Link {
 public:
  InstantLink(InstantDevice& device, const weft_qpair_events& events, void* ctx)
      : device_(device), events_(events), ctx_(ctx), memory_(std::move(*Memory::make(device, {.staging = 1U << 20}))) {
    params_.depth = kDepth;
  }
  void take(Side& side, const Agreed& agreed) {
    side_ = &side;
    const verbs::QueuePairSizes sizes = side.sizes(agreed);
    sends_ = std::make_unique<SendQueue>(sizes.sends, sizes.send_sge, 0);
    ASSERT_TRUE(side.open(agreed));
  }
  // For controllers, before take().
  void share_receives(std::uint32_t in_capsule) {
    shared_ = std::move(*SharedRing::make(device_, kDepth, ControllerSide::slot_size(in_capsule), 0));
    instant.shared = &device_.shared_receives;
  }
  void turn() {
    ASSERT_EQ(shared_ != nullptr ? shared_->post() : 0, 0);
    while (std::exchange(dirty_, false)) side_->flush();
    for (ibv_wc completion; instant.completions.pop(completion);) {
      WorkId id = WorkId::unpack(completion.wr_id);
      if (id.work == Work::kSharedReceive) id.work = Work::kReceive;
      if (id.work == Work::kReceive || sends_->completed(completion.wr_id)) side_->completed(id, completion);
    }
    while (DataOp* op = first_) {
      first_ = op->next;
      side_->tell_finished(*op);
    }
  }

  [[nodiscard]] verbs::Device& device() override { return device_; }
  [[nodiscard]] verbs::QueuePair& pair() override { return instant; }
  [[nodiscard]] SendQueue& sends() override { return *sends_; }
  [[nodiscard]] Memory& memory() override { return *memory_; }
  [[nodiscard]] SharedRing* shared_ring() override { return shared_.get(); }
  [[nodiscard]] std::uint32_t place() const override { return 0; }
  [[nodiscard]] const weft_qpair_params& params() const override { return params_; }
  [[nodiscard]] const weft_qpair_events& events() const override { return events_; }
  [[nodiscard]] void* context() const override { return ctx_; }
  [[nodiscard]] weft_stats& counters() override { return stats_; }
  void mark_dirty() override { dirty_ = true; }
  void finish(DataOp& op) override {
    op.next = first_;
    first_ = &op;
  }
  void end(Reason reason) override { ADD_FAILURE() << reason.text; }
  void nothing_held() override {}

  InstantPair instant;

 private:
  InstantDevice& device_;
  const weft_qpair_events& events_;
  void* const ctx_;
  const std::unique_ptr<Memory> memory_;
  std::unique_ptr<SharedRing> shared_;
  std::unique_ptr<SendQueue> sends_;
  Side* side_ = nullptr;
  weft_qpair_params params_{};
  weft_stats stats_{};
  bool dirty_ = false;
  DataOp* first_ = nullptr;
};

// A host that keeps commands of four kinds under way, and a controller that serves them.
struct Pump {
  Pump(bool windows, bool registered, bool shared)
      : device(windows),
        host(device, kEvents, this),
        controller(device, kEvents, this),
        host_side(host),
        controller_side(controller) {
    const Agreed agreed{
        .depth = kDepth, .receives = kDepth, .peer_receives = kDepth, .reads_out = 4, .in_capsule = 4096, .qid = 1};
    host.instant.peer = &controller.instant;
    controller.instant.peer = &host.instant;
    if (shared) controller.share_receives(agreed.in_capsule);
    controller.take(controller_side, agreed);
    host.take(host_side, agreed);
    if (!registered) return;
    verbs::Device* known = &device;
    region =
        *Region::make({&known, 1}, data.data(), data.size(), WEFT_ACCESS_REMOTE_READ | WEFT_ACCESS_REMOTE_WRITE, true);
  }
  ~Pump() {
    if (region != nullptr) region->release();
  }

  void send(std::uint16_t cid) {
    static constexpr std::array<std::uint64_t, 4> kSizes = {0, 4096, 16384, 131072};
    const std::uint64_t length = kSizes[cid % kSizes.size()];
    const bool in = cid % 3 == 0;
    nvme::Sqe sqe;
    sqe.opcode = length == 0 ? nvme::io::kFlush : in ? nvme::io::kRead : nvme::io::kWrite;
    sqe.cid = cid;
    const weft_iov iov{data.data(), length, reinterpret_cast<weft_region*>(region)};
    const std::uint32_t direction = length == 0 ? 0 : in ? WEFT_DIR_IN : WEFT_DIR_OUT;
    ASSERT_EQ(host_side.send_command(&sqe, {&iov, length == 0 ? 0U : 1U}, direction), 0);
  }
  void serve(const weft_command& command) {
    const auto sqe = load<nvme::Sqe>(command.sqe);
    cids[command.token] = sqe.cid;
    const weft_iov iov{data.data() + data.size() / 2, command.data_len, reinterpret_cast<weft_region*>(region)};
    nvme::Cqe cqe;
    cqe.cid = sqe.cid;
    if (command.data_len == 0) {
      answer(command.token);
    } else if (sqe.opcode == nvme::io::kRead) {
      ASSERT_EQ(controller_side.send_data(command.token, 0, {&iov, 1}, &cqe, command.token, 0), 0);
    } else {
      ASSERT_EQ(controller_side.receive_data(command.token, 0, {&iov, 1}, command.token, 0), 0);
    }
  }
  void answer(std::uint64_t token) {
    nvme::Cqe cqe;
    cqe.cid = cids[token];
    ASSERT_EQ(controller_side.send_response(token, &cqe, 0), 0);
    ASSERT_EQ(controller_side.release_command(token), 0);
  }
  void ended(std::uint64_t token, std::uint32_t flags) {
    if ((flags & WEFT_RESPONSE_SENT) == 0) return answer(token);
    ASSERT_EQ(controller_side.release_command(token), 0);
  }
  void answered(const weft_response& response) {
    ++responses;
    ASSERT_EQ(response.error, 0);
    send(response.cid);
  }

  static const weft_qpair_events kEvents;
  InstantDevice device;
  InstantLink host, controller;
  HostSide host_side;
  ControllerSide controller_side;
  std::vector<std::byte> data = std::vector<std::byte>(512U << 10);
  Region* region = nullptr;
  std::array<std::uint16_t, kDepth> cids{};
  std::uint64_t responses = 0;
};

const weft_qpair_events Pump::kEvents = {
    .size = sizeof(weft_qpair_events),
    .reserved = 0,
    .on_ready = nullptr,
    .on_command = [](void* ctx, const weft_command* command) { static_cast<Pump*>(ctx)->serve(*command); },
    .on_response = [](void* ctx, const weft_response* response) { static_cast<Pump*>(ctx)->answered(*response); },
    .on_data = [](void* ctx, std::uint64_t cookie, std::uint64_t, std::int32_t, std::uint16_t,
                  std::uint32_t flags) { static_cast<Pump*>(ctx)->ended(cookie, flags); },
    .on_closed = nullptr};

void expect_steady(bool windows, bool registered, bool shared) {
  Pump pump(windows, registered, shared);
  for (std::uint16_t cid = 0; cid < kDepth; ++cid) pump.send(cid);
  const std::uint64_t registrations = pump.device.registrations;
  const std::uint64_t before = allocations;
  for (int turns = 0; pump.responses < 20000 && !testing::Test::HasFailure(); ++turns) {
    ASSERT_LT(turns, 100000) << "nothing goes on";
    pump.host.turn();
    pump.controller.turn();
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(pump.device.registrations, registrations);
}

TEST(SteadyState, AllocatesAndRegistersNothingPerCommand) {
  for (const bool windows : {true, false})
    for (const bool registered : {true, false})
      for (const bool shared : {true, false}) expect_steady(windows, registered, shared);
}

}  // namespace
}  // namespace weft::rdma

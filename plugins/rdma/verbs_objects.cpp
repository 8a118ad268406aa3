// verbs_objects.cpp - what is made of a device: registered memory, windows, completion queues.
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "verbs_library.hpp"

namespace weft::rdma::verbs {

namespace {

// Providers return errno, -errno, or -1 with errno set.
int told(int result) {
  if (result == -1 && errno != 0) return -errno;
  return minus_errno(result);
}

class RealRegion final : public Region {
 public:
  explicit RealRegion(ibv_mr* region) : region_(region) {}
  ~RealRegion() override { ibv_dereg_mr(region_); }
  RealRegion(const RealRegion&) = delete;
  RealRegion& operator=(const RealRegion&) = delete;
  [[nodiscard]] ibv_mr* handle() const override { return region_; }

 private:
  ibv_mr* const region_;
};

class RealWindow final : public Window {
 public:
  explicit RealWindow(ibv_mw* window) : window_(window) {}
  ~RealWindow() override { ibv_dealloc_mw(window_); }
  RealWindow(const RealWindow&) = delete;
  RealWindow& operator=(const RealWindow&) = delete;
  [[nodiscard]] ibv_mw* handle() const override { return window_; }

 private:
  ibv_mw* const window_;
};

class RealChannel final : public CompletionChannel {
 public:
  explicit RealChannel(ibv_comp_channel* channel) : channel_(channel) {}
  ~RealChannel() override { ibv_destroy_comp_channel(channel_); }
  RealChannel(const RealChannel&) = delete;
  RealChannel& operator=(const RealChannel&) = delete;
  [[nodiscard]] int fd() const override { return channel_->fd; }
  [[nodiscard]] ibv_comp_channel* handle() const { return channel_; }
  void drain() override {
    ibv_cq* queue = nullptr;
    void* context = nullptr;
    while (ibv_get_cq_event(channel_, &queue, &context) == 0) ibv_ack_cq_events(queue, 1);
  }

 private:
  ibv_comp_channel* const channel_;
};

// Soft-RoCE gives applications the kernel's flags of a completion, in which "a key was invalidated" has the bit that
// libibverbs calls "the IP checksum is good"; a reliable connection has no use for that one.
constexpr unsigned kKernelsWithInvalidate = IBV_WC_IP_CSUM_OK;

class RealCompletionQueue final : public CompletionQueue {
 public:
  RealCompletionQueue(ibv_cq* queue, bool has_kernels_flags) : queue_(queue), has_kernels_flags_(has_kernels_flags) {}
  ~RealCompletionQueue() override { ibv_destroy_cq(queue_); }
  RealCompletionQueue(const RealCompletionQueue&) = delete;
  RealCompletionQueue& operator=(const RealCompletionQueue&) = delete;
  [[nodiscard]] ibv_cq* handle() const { return queue_; }
  int poll(std::span<ibv_wc> out) override {
    const int count = ibv_poll_cq(queue_, static_cast<int>(out.size()), out.data());
    if (count < 0) return -EIO;
    if (has_kernels_flags_)
      for (ibv_wc& completion : out.first(static_cast<std::size_t>(count)))
        if ((completion.wc_flags & kKernelsWithInvalidate) != 0) completion.wc_flags |= IBV_WC_WITH_INV;
    return count;
  }
  int arm() override { return told(ibv_req_notify_cq(queue_, 0)); }

 private:
  ibv_cq* const queue_;
  const bool has_kernels_flags_;
};

class RealSharedReceives final : public SharedReceives {
 public:
  explicit RealSharedReceives(ibv_srq* queue) : queue_(queue) {}
  ~RealSharedReceives() override { ibv_destroy_srq(queue_); }
  RealSharedReceives(const RealSharedReceives&) = delete;
  RealSharedReceives& operator=(const RealSharedReceives&) = delete;
  [[nodiscard]] ibv_srq* handle() const { return queue_; }
  int post(ibv_recv_wr& chain) override {
    ibv_recv_wr* refused = nullptr;
    return told(ibv_post_srq_recv(queue_, &chain, &refused));
  }

 private:
  ibv_srq* const queue_;
};

class RealQueuePair final : public QueuePair {
 public:
  RealQueuePair(rdma_cm_id* id, std::uint32_t inline_bytes)
      : id_(id), number_(id->qp->qp_num), inline_bytes_(inline_bytes) {}
  // By the connection manager, which else would go on using it.
  ~RealQueuePair() override { rdma_destroy_qp(id_); }
  RealQueuePair(const RealQueuePair&) = delete;
  RealQueuePair& operator=(const RealQueuePair&) = delete;
  int post_sends(ibv_send_wr& chain, ibv_send_wr*& refused) override {
    return told(ibv_post_send(id_->qp, &chain, &refused));
  }
  int post_receives(ibv_recv_wr& chain, ibv_recv_wr*& refused) override {
    return told(ibv_post_recv(id_->qp, &chain, &refused));
  }
  int fail() override {
    ibv_qp_attr attributes{};
    attributes.qp_state = IBV_QPS_ERR;
    return told(ibv_modify_qp(id_->qp, &attributes, IBV_QP_STATE));
  }
  [[nodiscard]] std::uint32_t number() const override { return number_; }
  [[nodiscard]] std::uint32_t inline_bytes() const override { return inline_bytes_; }

 private:
  rdma_cm_id* const id_;
  const std::uint32_t number_, inline_bytes_;
};

}  // namespace

Made<std::unique_ptr<CompletionChannel>> RealDevice::make_completion_channel() {
  ibv_comp_channel* const channel = ibv_create_comp_channel(context_);
  if (channel == nullptr) return failed(errno, fmt::format("make a completion channel on {}", attributes_.name));
  auto made = std::make_unique<RealChannel>(channel);
  const int flags = ::fcntl(channel->fd, F_GETFL);
  if (flags < 0 || ::fcntl(channel->fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return failed(errno, "make a completion channel non-blocking");
  return made;
}

Made<std::unique_ptr<CompletionQueue>> RealDevice::make_completion_queue(std::uint32_t entries, CompletionChannel& told,
                                                                         std::uint32_t vector) {
  ibv_cq* const queue =
      ibv_create_cq(context_, static_cast<int>(entries), nullptr, static_cast<RealChannel&>(told).handle(),
                    static_cast<int>(vector % attributes_.completion_vectors));
  if (queue == nullptr)
    return failed(errno, fmt::format("make a completion queue of {} entries on {}", entries, attributes_.name));
  auto made = std::make_unique<RealCompletionQueue>(queue, attributes_.vendor_id == kVendorSoftRoce);
  queue->cq_context = static_cast<CompletionQueue*>(made.get());  // for next_event()
  return made;
}

Made<std::unique_ptr<SharedReceives>> RealDevice::make_shared_receives(std::uint32_t entries, std::uint32_t sge) {
  ibv_srq_init_attr attributes{};
  attributes.attr.max_wr = entries;
  attributes.attr.max_sge = sge;
  ibv_srq* const queue = ibv_create_srq(domain_, &attributes);
  if (queue == nullptr)
    return failed(errno, fmt::format("make a shared receive queue of {} entries on {}", entries, attributes_.name));
  auto made = std::make_unique<RealSharedReceives>(queue);
  queue->srq_context = static_cast<SharedReceives*>(made.get());  // for next_event()
  return made;
}

Made<std::unique_ptr<Region>> RealDevice::register_memory(void* base, std::uint64_t length, int access) {
  ibv_mr* const region = ibv_reg_mr(domain_, base, length, static_cast<unsigned>(access));
  if (region == nullptr) return failed(errno, fmt::format("register {} bytes with {}", length, attributes_.name));
  return std::make_unique<RealRegion>(region);
}

// Acknowledged before anybody looks at it: whoever deletes what an event is about waits for that.
bool RealDevice::next_event(AsyncEvent& out) {
  ibv_async_event event{};
  if (context_ == nullptr || ibv_get_async_event(context_, &event) != 0) return false;
  out = AsyncEvent{.type = event.event_type};
  switch (event.event_type) {
    case IBV_EVENT_CQ_ERR:
      out.completions = static_cast<CompletionQueue*>(event.element.cq->cq_context);
      break;
    case IBV_EVENT_SRQ_ERR:
    case IBV_EVENT_SRQ_LIMIT_REACHED:
      out.receives = static_cast<SharedReceives*>(event.element.srq->srq_context);
      break;
    case IBV_EVENT_QP_FATAL:
    case IBV_EVENT_QP_REQ_ERR:
    case IBV_EVENT_QP_ACCESS_ERR:
    case IBV_EVENT_COMM_EST:
    case IBV_EVENT_SQ_DRAINED:
    case IBV_EVENT_PATH_MIG:
    case IBV_EVENT_PATH_MIG_ERR:
    case IBV_EVENT_QP_LAST_WQE_REACHED:
      out.queue_pair = event.element.qp->qp_num;
      break;
    case IBV_EVENT_DEVICE_FATAL:
    case IBV_EVENT_WQ_FATAL:
      break;
    default:
      out.port = static_cast<std::uint32_t>(event.element.port_num);
  }
  ibv_ack_async_event(&event);
  return true;
}

Made<std::unique_ptr<Window>> RealDevice::make_window() {
  ibv_mw* const window = ibv_alloc_mw(domain_, IBV_MW_TYPE_2);
  if (window == nullptr) return failed(errno, fmt::format("make a memory window on {}", attributes_.name));
  return std::make_unique<RealWindow>(window);
}

Made<std::unique_ptr<QueuePair>> make_real_queue_pair(rdma_cm_id* id, RealDevice& device, CompletionQueue& completions,
                                                      SharedReceives* shared, const QueuePairSizes& sizes) {
  ibv_qp_init_attr attributes{};
  attributes.send_cq = attributes.recv_cq = static_cast<RealCompletionQueue&>(completions).handle();
  if (shared != nullptr) attributes.srq = static_cast<RealSharedReceives&>(*shared).handle();
  attributes.cap = {.max_send_wr = sizes.sends,
                    .max_recv_wr = shared != nullptr ? 0 : sizes.receives,
                    .max_send_sge = sizes.send_sge,
                    .max_recv_sge = shared != nullptr ? 0 : sizes.receive_sge,
                    .max_inline_data = sizes.inline_bytes};
  attributes.qp_type = IBV_QPT_RC;
  if (rdma_create_qp(id, device.domain(), &attributes) != 0)
    return failed(errno, fmt::format("make a queue pair of {} sends and {} receives on {}", sizes.sends, sizes.receives,
                                     device.attributes().name));
  return std::make_unique<RealQueuePair>(id, attributes.cap.max_inline_data);
}

}  // namespace weft::rdma::verbs

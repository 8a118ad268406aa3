#include "core/controller/async_events.hpp"

#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

namespace async_event = nvme::async_event;

struct Kind {
  nvme::AsyncEvent event;
  std::uint32_t enable;
};

constexpr std::array<Kind, 2> kKinds = {{
    {{async_event::kTypeNotice, async_event::kNoticeNamespaceAttribute, nvme::log_page::kChangedNamespaces},
     async_event::kEnableNamespaceAttribute},
    {{async_event::kTypeNotice, async_event::kNoticeDiscovery, nvme::log_page::kDiscovery},
     async_event::kEnableDiscovery},
}};

}  // namespace

void give_back(AdminRequest& request, const Answer& answer) {
  request.answer = answer;
  request.queue->worker().answer(request);
}

bool AsyncEvents::hold(AdminRequest& request) {
  if (count_ == kMaxAsyncEventRequests) return false;
  held_.push_back(request);
  ++count_;
  report();
  return true;
}

void AsyncEvents::raise(Event event) {
  if ((enables_ & kKinds[event].enable) == 0 || masked_[event]) return;
  pending_[event] = true;
  report();
}

void AsyncEvents::report() {
  for (std::size_t i = 0; i < kEvents && !held_.empty(); ++i) {
    if (!pending_[i]) continue;
    pending_[i] = false;
    masked_[i] = true;
    --count_;
    give_back(static_cast<AdminRequest&>(held_.pop_front()), success(kKinds[i].event.encode()));
  }
}

void AsyncEvents::log_page_read(std::uint8_t lid) {
  for (std::size_t i = 0; i < kEvents; ++i) {
    if (kKinds[i].event.log_page == lid) masked_[i] = pending_[i] = false;
  }
}

bool AsyncEvents::abort(std::uint16_t cid) {
  AdminRequest* found = nullptr;
  held_.for_each([&](Claim& claim) {
    auto& request = static_cast<AdminRequest&>(claim);
    if (request.sqe.cid == cid) found = &request;
  });
  if (found == nullptr) return false;
  found->unlink();
  --count_;
  give_back(*found, {nvme::status::kAbortRequested, kNoLocation, 0});
  return true;
}

void AsyncEvents::drop(AdminRequest& request) {
  bool held = false;
  held_.for_each([&](Claim& claim) { held = held || &claim == &request; });
  if (!held) return;
  request.unlink();
  --count_;
  give_back(request, {nvme::status::kAbortRequested, kNoLocation, 0});
}

void AsyncEvents::answer_all(NvmeStatus status) {
  while (!held_.empty()) {
    --count_;
    give_back(static_cast<AdminRequest&>(held_.pop_front()), {status, kNoLocation, 0});
  }
  pending_ = masked_ = {};
}

}  // namespace weft::controller

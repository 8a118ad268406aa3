// The data path: requests to queues, in order, and back.

#include <cerrno>

#include "core/host/impl.hpp"
#include "core/host/pieces.hpp"

namespace weft {

namespace {

// What must get through when others fill the admin queue: properties, and Abort.
bool is_urgent(const PassthroughRequest& request) {
  return request.queue == 0 && (request.sqe.is_fabrics() || request.sqe.opcode == nvme::admin::kAbort);
}

std::uint32_t reserved_for(const PassthroughRequest& request) {
  return request.queue == 0 && !is_urgent(request) ? kAdminReserve : 0;
}

}  // namespace

HostQueue* Host::Impl::io_queue(std::uint16_t qid) {
  return qid >= 1 && qid <= io_.size() ? io_[qid - 1U].get() : nullptr;
}

void Host::Impl::submit(IoRequest& request) {
  request.completion = Completion();
  request.progress = IoRequest::Progress();
  if (state_ != State::kReady && state_ != State::kResetting) return finish_later(request, -ENOTCONN);
  HostQueue* const bound = request.queue == 0 ? nullptr : io_queue(request.queue);
  if (io_.empty() || (request.queue != 0 && bound == nullptr)) return finish_later(request, -EINVAL);
  if (const std::int32_t error = check_request(request); error != 0) return finish_later(request, error);
  RequestList<IoRequest>& list = bound != nullptr ? bound->waiting : waiting_;
  bool sent = false;
  if (list.empty())
    sent = bound != nullptr ? bound->usable() && bound->send(request, timeout()) : send_somewhere(request);
  if (!sent) {
    request.progress.queued = true;
    list.push(request);
  } else if (request.progress.pieces == 0) {
    finish_later(request, request.completion.error);
  }
}

// Over the queues in turn; false: none has room.
bool Host::Impl::send_somewhere(IoRequest& request) {
  for (std::size_t tried = 0; tried < io_.size(); ++tried) {
    HostQueue& queue = *io_[next_queue_];
    next_queue_ = next_queue_ + 1 == io_.size() ? 0 : next_queue_ + 1;
    if (queue.usable() && queue.room() != 0 && queue.send(request, timeout())) return true;
  }
  return false;
}

void Host::Impl::submit(PassthroughRequest& request) {
  request.completion = Completion();
  // While an association that was lost comes down, what asks on would wait for an end that waits for it.
  if (lost_.code != 0 || (!alive() && !(state_ == State::kClosing && request.queue == 0)))
    return finish_later(request, -ENOTCONN);
  HostQueue* const queue = request.queue == 0 ? admin_.get() : io_queue(request.queue);
  if (queue == nullptr) return finish_later(request, -EINVAL);
  std::int32_t error = -EAGAIN;
  const bool in_turn = queue->passthrough_waiting.empty() || is_urgent(request);
  if (in_turn && (queue->usable() || state_ != State::kResetting))
    error = queue->send(request, timeout(), reserved_for(request));
  if (error == -EAGAIN) return queue->passthrough_waiting.push(request);
  if (error != 0) finish_later(request, error);
}

// Never from inside a call: on the next turn.
void Host::Impl::finish_later(IoRequest& request, std::int32_t error) {
  request.completion.error = error;
  ended_io_.push(request);
  finishing_ = shared_from_this();
  finish_timer_.set(reactor_.now());
}

void Host::Impl::finish_later(PassthroughRequest& request, std::int32_t error) {
  request.completion.error = error;
  ended_passthrough_.push(request);
  finishing_ = shared_from_this();
  finish_timer_.set(reactor_.now());
}

void Host::Impl::finish_now() {
  const std::shared_ptr<Impl> alive_until_here = shared_from_this();
  finishing_.reset();
  RequestList<IoRequest> io = std::exchange(ended_io_, {});
  RequestList<PassthroughRequest> passthrough = std::exchange(ended_passthrough_, {});
  while (!io.empty()) finish(io.pop());
  while (!passthrough.empty()) {
    PassthroughRequest& request = passthrough.pop();
    finish(request, request.completion, request.completion.error);
  }
}

void Host::Impl::queue_has_room(HostQueue& queue) { pump(queue); }

void Host::Impl::pump(HostQueue& queue) {
  while (!queue.passthrough_waiting.empty()) {
    PassthroughRequest& first = *queue.passthrough_waiting.front();
    const std::int32_t error = queue.send(first, timeout(), reserved_for(first));
    if (error == -EAGAIN) return;
    PassthroughRequest& request = queue.passthrough_waiting.pop();
    if (error != 0) finish_later(request, error);
  }
  if (queue.qid() == 0 || !drain(queue.waiting, queue)) return;
  drain(waiting_, queue);
}

// True: the list is empty, the queue may have room.
bool Host::Impl::drain(RequestList<IoRequest>& list, HostQueue& queue) {
  while (!list.empty()) {
    IoRequest& request = *list.front();
    if (!queue.usable() || !queue.send(request, timeout())) return false;
    list.pop();
    request.progress.queued = false;
    if (request.progress.pieces == 0) finish_later(request, request.completion.error);
  }
  return true;
}

void Host::Impl::fail_waiting(std::int32_t error) {
  auto fail = [&](RequestList<IoRequest>& list) {
    while (!list.empty()) {
      IoRequest& request = list.pop();
      request.progress.queued = false;
      // With commands under way it ends by the last of them.
      if (request.completion.ok()) request.completion.error = error;
      if (request.progress.pieces == 0) finish_later(request, request.completion.error);
    }
  };
  auto fail_passthrough = [&](HostQueue& queue) {
    while (!queue.passthrough_waiting.empty()) finish_later(queue.passthrough_waiting.pop(), error);
  };
  fail(waiting_);
  for (auto& queue : io_) {
    fail(queue->waiting);
    fail_passthrough(*queue);
  }
  if (admin_ != nullptr) fail_passthrough(*admin_);
}

}  // namespace weft

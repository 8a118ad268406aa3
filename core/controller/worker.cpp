#include "core/controller/worker.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/controller/io_commands.hpp"
#include "core/controller/namespace.hpp"
#include "core/util/log.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kAdminChunks = 256;  // 1 MiB

// Chunks hold at least the data of one fused pair; a quarter of the bound otherwise.
std::uint32_t chunk_count(const TargetOptions& options) {
  const std::uint64_t bytes = std::max<std::uint64_t>(2ull * options.max_transfer, options.data_memory / 4);
  return static_cast<std::uint32_t>(bytes / kChunkSize);
}

std::uint64_t budget(const TargetOptions& options) {
  return options.data_memory - std::uint64_t{chunk_count(options)} * kChunkSize;
}

// Pages of the longest transfer, and one more when it begins in the middle of one.
std::uint32_t max_entries(const TargetOptions& options) { return options.max_transfer / kChunkSize + 2; }

}  // namespace

Worker::Worker(Reactor& reactor, Reactor& control_reactor, ControlPort& control, const TargetOptions& options)
    : reactor_(reactor),
      control_reactor_(control_reactor),
      control_(control),
      options_(options),
      resources_(budget(options), chunk_count(options), max_entries(options)),
      admin_memory_(0, kAdminChunks, 0),
      admin_turns_(admin_memory_),
      long_commands_(reactor),
      shortage_(*this) {
  resources_.on_wait = admin_memory_.on_wait = [this] { shortage_.begin(); };
}

Worker::~Worker() { assert(queues_.empty() && views_.empty()); }

void Worker::set_reserve(bool reserve) {
  resources_.set_reserve(reserve);
  admin_memory_.set_reserve(reserve);
}

void Worker::accept(Transport& transport, weft_pending* pending, Origin origin, Tickets tickets) {
  if (stopping_) return transport.table().reject(pending, WEFT_REJECT_RESOURCES);
  const std::string peer = origin.peer;
  auto queue = std::make_unique<Queue>(*this, std::move(origin), std::move(tickets));
  if (const Status opened = queue->open(transport, pending); !opened) {
    log::warning("connection from {} not accepted: {}", peer, opened.error().text);
    return transport.table().reject(pending, WEFT_REJECT_RESOURCES);
  }
  const Queue* const key = queue.get();
  if (queues_.empty()) {
    reactor_.add(arrivals_);
    reactor_.add(admin_turns_);
    reactor_.add(long_commands_);
  }
  queues_.emplace(key, std::move(queue));
}

void Worker::retire(Queue& queue) {
  reactor_.post([this, &queue] {
    queues_.erase(&queue);
    if (queues_.empty()) {
      reactor_.remove(arrivals_);
      reactor_.remove(admin_turns_);
      reactor_.remove(long_commands_);
    }
    maybe_empty();
  });
}

void Worker::stop(Nanoseconds deadline) {
  stopping_ = true;
  for (const auto& [key, queue] : queues_) queue->drain(deadline);
  maybe_empty();
}

void Worker::maybe_empty() {
  if (!stopping_ || !queues_.empty()) return;
  shortage_.stop();
  control_reactor_.post([this] { control_.worker_empty(*this); });
}

std::uint64_t Worker::commands() {
  std::uint64_t held = 0;
  for (const auto& [key, queue] : queues_) held += queue->pair().held();
  return held;
}

// Requests and answers take the short way when worker and control share a thread.
void Worker::to_control(AdminRequest& request) {
  if (is_control()) return control_.take(request);
  control_reactor_.post([this, &request] { control_.take(request); });
}

void Worker::drop(AdminRequest& request) {
  if (is_control()) return control_.drop(request);
  control_reactor_.post([this, &request] { control_.drop(request); });
}

void Worker::answer(AdminRequest& request) {
  if (is_control()) return request.queue->admin().answered(request);
  reactor_.post([&request] { request.queue->admin().answered(request); });
}

void Worker::tell_closed(Queue& queue) {
  control_reactor_.post([this, &queue] { control_.queue_closed(queue); });
}

void Worker::tell_errors(Queue& queue) {
  control_reactor_.post([this, &queue] { control_.errors_recorded(queue); });
}

void Worker::storage_failed(IoSlot& slot) {
  Namespace& ns = slot.ns->owner();
  if (!ns.faults()->add(storage_step(slot), slot.status, slot.error, slot.lba)) return;
  control_reactor_.post([this, &ns] { control_.storage_failed(ns); });
}

void Worker::want_exclusive(Namespace& ns, BlockRange range, IoSlot& slot) {
  control_reactor_.post([this, &ns, range, &slot] { control_.exclusive_wanted(ns, *this, slot, range); });
}

void Worker::end_exclusive(Namespace& ns, BlockRange range, Effect effect) {
  control_reactor_.post([this, &ns, range, effect] { control_.exclusive_ended(ns, range, effect); });
}

void Worker::post(std::function<void(Worker&)> task) {
  reactor_.post([this, task = std::move(task)] { task(*this); });
}

void Worker::close_queue(Queue& queue, std::uint32_t flags, Nanoseconds deadline) {
  reactor_.post([&queue, flags, deadline] { queue.close(flags, deadline); });
}

void Worker::forget(Queue& queue) {
  reactor_.post([&queue] { queue.forget(); });
}

void Worker::grant(IoSlot& slot) {
  reactor_.post([&slot] { IoQueue::granted(slot); });
}

Status Worker::open_namespace(const Subsystem& key, Namespace& ns, std::uint32_t nsid, Backend& backend) {
  auto context = backend.open(reactor_, budget(options_));
  if (!context) return context.error();
  if ((*context)->polled()) reactor_.add(**context);
  auto view = std::make_unique<NamespaceView>(ns, nsid, backend.info(), std::move(*context));
  subsystem(key).set(nsid, view.get());
  views_.emplace(&ns, std::move(view));
  return {};
}

void Worker::close_namespace(const Subsystem& key, Namespace& ns, std::function<void()> gone) {
  NamespaceView* const view = this->view(ns);
  if (view == nullptr) return gone();
  subsystem(key).set(view->nsid(), nullptr);
  view->detach([this, &ns, gone = std::move(gone)] {
    reactor_.post([this, &ns, gone] {
      if (BackendContext& context = views_.at(&ns)->context(); context.polled()) reactor_.remove(context);
      views_.erase(&ns);
      gone();
    });
  });
}

NamespaceView* Worker::view(const Namespace* key) {
  const auto it = views_.find(key);
  return it == views_.end() ? nullptr : it->second.get();
}

}  // namespace weft::controller

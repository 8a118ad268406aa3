#include "core/controller/controller.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/controller/queue.hpp"
#include "core/controller/worker.hpp"
#include "core/wire/text_field.hpp"

namespace weft::controller {

Controller::Controller(Owner& owner, Reactor& reactor, const TargetOptions& options, std::uint32_t max_queue_size,
                       Identity identity)
    : owner_(owner),
      reactor_(reactor),
      options_(options),
      identity_(std::move(identity)),
      registers_(max_queue_size, identity_.subsystem == nullptr),
      keep_alive_(reactor, *this, identity_.subsystem == nullptr ? options.linger : 0),
      linger_(
          reactor,
          [](void* ctx) {
            auto& c = *static_cast<Controller*>(ctx);
            c.owner_.notice(c.title() + " stayed disabled: its association ends");
            c.end(true);
          },
          this) {
  features_.io_queues = discovery() ? 0 : options.max_io_queues;
  linger();
}

Controller::~Controller() = default;

std::string Controller::title() const {
  return fmt::format("controller {} of {} at {}", identity_.cntlid, host_words(identity_.hostnqn),
                     identity_.origin.peer);
}

std::string host_words(std::string_view hostnqn) {
  return hostnqn.empty() ? "a host without a name" : "host " + wire::printable(hostnqn);
}

void Controller::linger() { linger_.set(reactor_.now() + options_.linger); }

std::shared_ptr<QueueShared> Controller::add_queue(std::uint16_t qid, Queue& queue) {
  auto shared = std::make_shared<QueueShared>();
  queues_.emplace(qid, QueueRecord{&queue, shared});
  return shared;
}

void Controller::queue_closed(std::uint16_t qid) {
  const auto it = queues_.find(qid);
  error_log_.collect(it->second.shared->errors, trtype());
  past_.add(*it->second.shared);
  queues_.erase(it);
  if (qid == 0) {
    events_.answer_all(nvme::status::kAbortedSqDeletion);
    end(true);
  }
  if (queues_.empty()) return owner_.controller_gone(*this);
  if (io_queues() != 0) return;
  io_queues_gone();
  if (stopping_) drain_admin();
}

Queue* Controller::queue(std::uint16_t qid) {
  const auto it = queues_.find(qid);
  return it == queues_.end() ? nullptr : it->second.queue;
}

std::uint16_t Controller::io_queues() const {
  return static_cast<std::uint16_t>(queues_.size() - (queues_.contains(0) ? 1 : 0));
}

ErrorLog& Controller::error_log() {
  for (auto& [qid, record] : queues_) error_log_.collect(record.shared->errors, trtype());
  return error_log_;
}

Totals Controller::totals() const {
  Totals totals = past_;
  for (const auto& [qid, record] : queues_) totals.add(*record.shared);
  return totals;
}

std::uint64_t Controller::traffic() { return totals().commands; }

void Controller::keep_alive_expired() {
  owner_.notice(
      fmt::format("{}: nothing came for {} ms; its association ends", title(), keep_alive_.period() / 1'000'000));
  registers_.fail();
  events_.answer_all(nvme::status::kKeepAliveTimerExpired);
  end(true);
}

void Controller::write_cc(std::uint32_t value) { act(registers_.write_cc(value)); }

void Controller::act(CcAction action) {
  switch (action) {
    case CcAction::kNone:
      return;
    case CcAction::kEnabled:
      linger_.cancel();
      keep_alive_.restart();
      return;
    case CcAction::kReset:
      resetting_ = true;
      shutting_down_ = false;
      events_.answer_all(nvme::status::kAbortedSqDeletion);
      events_.configure(0);
      changed_.clear();
      features_ = {};
      features_.io_queues = discovery() ? 0 : options_.max_io_queues;
      break;
    case CcAction::kShutdown:
      shutting_down_ = true;
      keep_alive_.stop();
      break;
  }
  close_io_queues();
  if (io_queues() == 0) io_queues_gone();
}

void Controller::close_io_queues() {
  for (const auto& [qid, record] : queues_) {
    if (qid != 0) record.queue->worker().close_queue(*record.queue, WEFT_CLOSE_FLUSH, reactor_.now() + kCloseTime);
  }
}

void Controller::io_queues_gone() {
  if (std::exchange(shutting_down_, false)) owner_.flush_for_shutdown(*this);
  if (std::exchange(resetting_, false)) {
    linger();
    act(registers_.reset_done());
  }
}

void Controller::shutdown_flushed(bool durable) {
  if (!durable) {
    owner_.notice(title() + ": its shutdown does not complete, for a flush failed");
  }
  registers_.shutdown_done(durable);
  if (!ending_) linger();
}

void Controller::namespace_changed(std::uint32_t nsid) {
  changed_.add(nsid);
  events_.raise(AsyncEvents::kNamespaceAttribute);
}

void Controller::stop(Nanoseconds deadline) {
  stopping_ = true;
  stop_deadline_ = deadline;
  keep_alive_.stop();
  linger_.cancel();
  events_.answer_all(nvme::status::kAbortedSqDeletion);
  if (io_queues() == 0) drain_admin();
}

void Controller::drain_admin() {
  Queue* const queue = this->queue(0);
  if (queue == nullptr) return;
  queue->worker().post([queue, deadline = stop_deadline_](Worker&) { queue->drain_admin(deadline); });
}

void Controller::end(bool flush) {
  if (std::exchange(ending_, true)) return;
  keep_alive_.stop();
  linger_.cancel();
  resetting_ = shutting_down_ = false;
  for (const auto& [qid, record] : queues_) {
    record.queue->worker().close_queue(*record.queue, flush ? WEFT_CLOSE_FLUSH : 0, reactor_.now() + kCloseTime);
  }
}

}  // namespace weft::controller

// A command that is not answered in time: Abort, and when that does not end it either, a reset of the controller.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/host/impl.hpp"
#include "core/wire/sqe.hpp"

namespace weft {
namespace {

constexpr Nanoseconds kGrace = 2'000'000'000;  // from the time-out to the reset, at most
constexpr Nanoseconds kPoll = 10'000'000;

}  // namespace

void Host::Impl::command_timed_out(HostQueue& queue, std::uint16_t cid) {
  if (!alive()) return close_queues();  // the farewell is not answered: go without
  if (queue.qid() == 0 || state_ != State::kReady) {
    // Nothing can be asked of a controller whose admin queue does not answer.
    return lose(
        Error(ETIMEDOUT, fmt::format("{} on queue {} was not answered in time", queue.describe(cid), queue.qid())));
  }
  run_abort(shared_from_this(), queue, cid);
}

// How the Abort itself ends does not matter: the command ends, or it does not.
Detached Host::Impl::run_abort(std::shared_ptr<Impl> self, HostQueue& queue, std::uint16_t cid) {
  const Flow flow(*self);
  std::string what =
      fmt::format("{} on I/O queue {} was not answered in time, nor after an Abort", queue.describe(cid), queue.qid());
  const Nanoseconds deadline = self->reactor_.now() + std::min(kGrace, self->timeout());
  if (self->aborts_ <= self->identity_.acl) send_abort(self, queue.qid(), cid);
  while (self->state_ == State::kReady && queue.still_waits_for(cid)) {
    if (self->reactor_.now() >= deadline) {
      run_reset(self, std::move(what), [](Result<bool>) {});
      co_return;
    }
    Pause pause(*self, kPoll);
    co_await pause;
  }
}

Detached Host::Impl::send_abort(std::shared_ptr<Impl> self, std::uint16_t qid, std::uint16_t cid) {
  const Flow flow(*self);
  ++self->aborts_;
  const Answer answer = co_await self->admin(wire::abort(qid, cid));
  --self->aborts_;
}

Detached Host::Impl::run_reset(std::shared_ptr<Impl> self, std::string timed_out, Reply<bool> done) {
  const Flow flow(*self);
  if (self->state_ != State::kReady) {
    Pause next_turn(*self);
    co_await next_turn;
    done(Error(EBUSY, "the controller is being reset, or the association is over"));
    co_return;
  }
  self->state_ = State::kResetting;
  Status status = co_await self->reset_controller();
  if (self->state_ != State::kResetting)
    status = Error(ECANCELED, "the association ended while the controller was being reset");
  if (!status) {
    Error error = std::move(status).error().with_context("the reset of the controller failed");
    self->lose(error);
    done(std::move(error));
    co_return;
  }
  self->state_ = State::kReady;
  run_async_events(self);
  for (auto& queue : self->io_) self->pump(*queue);
  const std::shared_ptr<Events> events = self->events_;
  if (!timed_out.empty() && events != nullptr && events->on_reset)
    events->on_reset(Error(ETIMEDOUT, std::move(timed_out)));
  done(true);
}

Task<Status> Host::Impl::reset_controller() {
  keep_alive_on_ = false;  // a controller that is being reset takes none
  close_io_queues();
  co_await io_closed();
  Status status = co_await disable();
  if (status) status = co_await enable();
  keep_alive_on_ = status && keep_alive_timer_.armed();
  if (status && wants_io_queues()) status = co_await ask_for_queues();
  if (status && wants_io_queues()) status = co_await connect_io_queues();
  co_return status;
}

}  // namespace weft

// Ending an association, politely or not. The order that callers lean on: each queue closes and ends its commands, what still
// waited ends, background flows end, and then on_lost and close()'s callbacks say so.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/host/impl.hpp"

namespace weft {
namespace {

constexpr Nanoseconds kPoll = 2'000'000;
constexpr Nanoseconds kLossWait = 5'000'000'000;  // from a command that ended with its connection to on_closed
constexpr Nanoseconds kShutdownLeast = 5'000'000'000;

}  // namespace

void Host::Impl::close_io_queues() {
  for (auto& queue : io_) queue->close();
}

void Host::Impl::close_queues() {
  close_io_queues();
  if (admin_ != nullptr) admin_->close();
}

std::uint32_t Host::Impl::open_io_queues() const {
  return static_cast<std::uint32_t>(
      std::count_if(io_.begin(), io_.end(), [](const auto& queue) { return queue->open(); }));
}

std::uint32_t Host::Impl::open_queues() const {
  return open_io_queues() + (admin_ != nullptr && admin_->open() ? 1 : 0);
}

void Host::Impl::queue_closed(HostQueue& queue, const Error& reason) {
  // While resetting, I/O queues come and go by our will; whether all are there is looked at when that is over.
  if (state_ == State::kReady || state_ == State::kConnecting || (state_ == State::kResetting && queue.qid() == 0)) {
    const std::string which = queue.qid() == 0 ? "the admin queue" : fmt::format("I/O queue {}", queue.qid());
    lose(Error(reason).with_context(which + " was closed"));
  }
  // From a turn of its own: this queue is still inside its callback.
  reactor_.post([self = shared_from_this()] {
    const std::vector<AwaitingClosed> waiting = std::exchange(self->awaiting_closed_, {});
    for (const AwaitingClosed& one : waiting) {
      if ((one.io_only ? self->open_io_queues() : self->open_queues()) == 0) {
        one.handle.resume();
      } else {
        self->awaiting_closed_.push_back(one);
      }
    }
  });
}

// The association is over, not by our will.
void Host::Impl::lose(Error reason) {
  if (!alive() || lost_.code != 0) return;
  lost_ = std::move(reason);
  if (state_ == State::kConnecting) {
    wake_pauses();
    return close_queues();
  }
  state_ = State::kClosing;
  run_close(shared_from_this(), false);
}

void Host::Impl::close(std::move_only_function<void()> done) {
  if (state_ == State::kClosed) {
    run_later(shared_from_this(), std::move(done));
    return;
  }
  closed_.push_back(std::move(done));
  if (!alive()) return;  // its end is this one's too
  const bool polite = state_ == State::kReady;
  state_ = State::kClosing;
  run_close(shared_from_this(), polite);
}

bool Host::Impl::a_queue_fails() const {
  const auto fails = [](const auto& queue) { return queue != nullptr && queue->open() && queue->failing(); };
  return fails(admin_) || std::any_of(io_.begin(), io_.end(), fails);
}

Detached Host::Impl::run_ask_loss(std::shared_ptr<Impl> self, std::move_only_function<void(const Error&)> done) {
  const Nanoseconds deadline = self->reactor_.now() + kLossWait;
  while (self->lost_.code == 0 && self->state_ == State::kReady && self->a_queue_fails() &&
         self->reactor_.now() < deadline) {
    Pause pause(*self, kPoll);
    co_await pause;
  }
  done(self->lost_.code == 0 ? Error() : Error(self->lost_).with_context(self->target_words()));
}

Detached Host::Impl::run_later(std::shared_ptr<Impl> self, std::move_only_function<void()> call) {
  Pause next_turn(*self);
  co_await next_turn;
  call();
}

Detached Host::Impl::run_close(std::shared_ptr<Impl> self, bool polite) {
  self->stop_keep_alive();
  self->wake_pauses();
  if (polite) co_await self->shut_down();
  self->close_queues();
  co_await self->all_closed();
  self->ended();
  // A turn at least, so that nobody hears of the end from inside a call.
  do {
    Pause next_turn(*self);
    co_await next_turn;
  } while (self->flows_ != 0);
  self->finish_now();
  self->tell_closed();
}

// CC.SHN, and waiting for CSTS.SHST; how that goes changes nothing.
Task<bool> Host::Impl::shut_down() {
  close_io_queues();
  co_await io_closed();
  fail_waiting(-ECANCELED);
  Status set = co_await property_set(nvme::property::kCc, cc_.with_shn(nvme::Cc::kShutdownNormal).value(), false);
  const Nanoseconds asked = Nanoseconds{identity_.rtd3e} * 1000;
  const Nanoseconds deadline = reactor_.now() + std::min(std::max(asked, kShutdownLeast), 4 * kShutdownLeast);
  while (set && admin_->usable() && reactor_.now() < deadline) {
    auto value = co_await property_get(nvme::property::kCsts, false);
    if (!value || nvme::Csts(static_cast<std::uint32_t>(*value)).shst() == nvme::Csts::kShutdownComplete) break;
    Pause pause(*this, kPoll);
    co_await pause;
  }
  co_return set.has_value();
}

// No queue is open any more. The caller is a flow that keeps this alive.
void Host::Impl::ended() {
  stop_keep_alive();
  fail_waiting(lost_.code != 0 ? -lost_.code : -ECANCELED);
  self_.reset();
}

void Host::Impl::tell_closed() {
  state_ = State::kClosed;
  const std::shared_ptr<Events> events = events_;
  if (lost_.code != 0 && events != nullptr && events->on_lost)
    events->on_lost(Error(lost_).with_context(target_words()));
  for (auto& done : std::exchange(closed_, {})) done();
}

void Host::Impl::wake_pauses() {
  pauses_.for_each([](Pause& pause) { pause.wake(); });
}

}  // namespace weft

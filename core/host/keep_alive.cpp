// Keep Alive: on a path of its own, so that no queue full of other commands can hold it up.

#include <cerrno>

#include "core/host/impl.hpp"
#include "core/wire/sqe.hpp"

namespace weft {
namespace {

Nanoseconds nanoseconds(std::chrono::milliseconds time) { return static_cast<Nanoseconds>(time.count()) * 1'000'000; }

}  // namespace

// Half of the time-out. Where any command counts as a sign of life, a quarter: traffic just after one look lets the next
// one pass without a Keep Alive.
Nanoseconds Host::Impl::keep_alive_interval() const {
  const bool by_traffic = (identity_.ctratt & nvme::ctratt::kTrafficBasedKeepAlive) != 0;
  return nanoseconds(options_.kato) / (by_traffic ? 4 : 2);
}

// The controller's time runs from Connect on, so this does not wait until all I/O queues are there.
void Host::Impl::start_keep_alive() {
  keep_alive_on_ = options_.kato.count() != 0;
  if (!keep_alive_on_) return;
  keep_alive_request_.sqe = wire::keep_alive();
  keep_alive_request_.timeout = nanoseconds(options_.kato);
  keep_alive_request_.ctx = this;
  keep_alive_request_.done = [](PassthroughRequest& request) {
    static_cast<Impl*>(request.ctx)->keep_alive_answered();
  };
  keep_alive_timer_.set(reactor_.now() + keep_alive_interval());
}

void Host::Impl::stop_keep_alive() {
  keep_alive_on_ = false;
  keep_alive_timer_.cancel();
}

void Host::Impl::keep_alive_due() {
  keep_alive_timer_.set(reactor_.now() + keep_alive_interval());
  const bool heard = std::exchange(traffic_, false);
  const bool by_traffic = (identity_.ctratt & nvme::ctratt::kTrafficBasedKeepAlive) != 0;
  // While queues are connected, what is heard is Connect, which is no traffic to every controller.
  if (!keep_alive_on_ || keep_alive_sent_ || (by_traffic && heard && state_ == State::kReady)) return;
  keep_alive_sent_ = admin_->send(keep_alive_request_, timeout()) == 0;
}

void Host::Impl::keep_alive_answered() {
  keep_alive_sent_ = false;
  const Completion& completion = keep_alive_request_.completion;
  if (completion.error == 0 && !completion.status.ok() && keep_alive_on_) {
    lose(Error(EIO, "Keep Alive was refused: " + outcome_words(completion)));
  }
}

}  // namespace weft

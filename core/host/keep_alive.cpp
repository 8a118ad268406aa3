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

void Host::Impl::start_keep_alive() {
  if (options_.kato.count() == 0) return;
  keep_alive_request_.sqe = wire::keep_alive();
  keep_alive_request_.timeout = nanoseconds(options_.kato);
  keep_alive_request_.ctx = this;
  keep_alive_request_.done = [](PassthroughRequest& request) {
    static_cast<Impl*>(request.ctx)->keep_alive_answered();
  };
  keep_alive_timer_.set(reactor_.now() + keep_alive_interval());
}

void Host::Impl::keep_alive_due() {
  keep_alive_timer_.set(reactor_.now() + keep_alive_interval());
  const bool heard = std::exchange(traffic_, false);
  const bool by_traffic = (identity_.ctratt & nvme::ctratt::kTrafficBasedKeepAlive) != 0;
  // A controller that is being reset takes no Keep Alive.
  if (state_ != State::kReady || keep_alive_sent_ || (by_traffic && heard)) return;
  keep_alive_sent_ = admin_->send(keep_alive_request_, timeout()) == 0;
}

void Host::Impl::keep_alive_answered() {
  keep_alive_sent_ = false;
  const Completion& completion = keep_alive_request_.completion;
  if (completion.error == 0 && !completion.status.ok() && state_ == State::kReady) {
    lose(Error(EIO, "Keep Alive was refused: " + outcome_words(completion)));
  }
}

}  // namespace weft

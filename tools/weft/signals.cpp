#include "signals.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace weft::tools {
namespace {

constexpr Nanoseconds kOneRequest = 100'000'000;

int make_descriptor() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

}  // namespace

SignalWatch::SignalWatch() : fd_(make_descriptor()) {}

SignalWatch::~SignalWatch() {
  detach();
  if (fd_ >= 0) close(fd_);
}

Status SignalWatch::attach(Reactor& reactor, std::function<void(int)> on_signal) {
  if (fd_ < 0) return Error(EMFILE, "there is no descriptor left to hear of signals");
  on_signal_ = std::move(on_signal);
  Status watched = reactor.watch(fd_, &SignalWatch::ready, this);
  if (watched) reactor_ = &reactor;
  return watched;
}

void SignalWatch::detach() {
  if (reactor_ != nullptr) reactor_->unwatch(fd_);
  reactor_ = nullptr;
}

void SignalWatch::ready(void* ctx) {
  auto& self = *static_cast<SignalWatch*>(ctx);
  signalfd_siginfo info{};
  while (read(self.fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const Nanoseconds now = monotonic_now();
    if (self.count_ != 0 && now - self.counted_ < kOneRequest) continue;
    self.counted_ = now;
    self.on_signal_(++self.count_);
  }
}

}  // namespace weft::tools

// signals.hpp - SIGINT, SIGTERM and SIGHUP as events of a reactor: nothing runs in a signal handler.
//
//   SignalWatch signals;                       // before any thread is made: threads inherit the blocked signals
//   signals.attach(reactor, [&](int count) { if (count == 1) stop(); else std::_Exit(1); });
// Belongs to the thread of the reactor it is attached to. Owns its descriptor; detaches when it dies.
#ifndef WEFT_TOOLS_SIGNALS_HPP
#define WEFT_TOOLS_SIGNALS_HPP

#include <functional>

#include "weft/reactor.hpp"
#include "weft/status.hpp"

namespace weft::tools {

class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // On the reactor's thread. `on_signal` is told how many there were so far. Those that come within 100 ms of one that counted
  // are the same request: coreutils' timeout signals its command and then its process group.
  [[nodiscard]] Status attach(Reactor& reactor, std::function<void(int count)> on_signal);
  void detach();

 private:
  static void ready(void* ctx);

  const int fd_;
  int count_ = 0;
  Nanoseconds counted_ = 0;  // the last one, when
  Reactor* reactor_ = nullptr;
  std::function<void(int)> on_signal_;
};

}  // namespace weft::tools

#endif

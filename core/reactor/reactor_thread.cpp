#include <fmt/format.h>
#include <pthread.h>

#include <cassert>
#include <csignal>
#include <future>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/reactor/reactor_impl.hpp"

namespace weft {

struct ReactorThread::Impl {
  std::unique_ptr<Reactor> reactor;
  std::thread thread;
};

Result<std::unique_ptr<ReactorThread>> ReactorThread::start(const ReactorOptions& options, const char* name) {
  auto reactor = Reactor::create(options);
  if (!reactor) return reactor.error();
  auto impl = std::make_unique<Impl>();
  impl->reactor = std::move(*reactor);

  std::promise<void> running;
  std::future<void> runs = running.get_future();
  impl->reactor->post([running = std::move(running)]() mutable { running.set_value(); });
  const auto body = [target = impl->reactor.get(), title = std::string(name).substr(0, 15)] {
    ::pthread_setname_np(::pthread_self(), title.c_str());
    target->run();
    target->shut_down();  // groups end on the thread that used them
  };

  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited: signals are for the program's own threads
  int code = 0;
  try {
    impl->thread = std::thread(body);
  } catch (const std::system_error& error) {
    code = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (code != 0) return Error(code, fmt::format("cannot start the reactor thread '{}'", name));
  runs.wait();
  return std::unique_ptr<ReactorThread>(new ReactorThread(std::move(impl)));
}

ReactorThread::ReactorThread(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ReactorThread::~ReactorThread() {
  impl_->reactor->stop();
  impl_->thread.join();
}

Reactor& ReactorThread::reactor() { return *impl_->reactor; }

void ReactorThread::call(const std::function<void()>& task) {
  assert(!impl_->reactor->on_thread() && "call() from the reactor's own thread");
  std::promise<void> done;
  impl_->reactor->post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace weft

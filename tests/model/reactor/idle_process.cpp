// A process with reactors of every kind that may sleep, each with work behind it and a timer far ahead of it. Says "idle"
// when all is quiet, and ends when its standard input does.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "weft/reactor.hpp"

namespace {

constexpr weft::Nanoseconds kFarAhead = 3'600'000'000'000;

struct Worker {
  std::unique_ptr<weft::ReactorThread> thread;
  std::unique_ptr<weft::Timer> timer;
};

}  // namespace

int main() {
  std::vector<Worker> workers;
  for (const weft::WaitPolicy wait : {weft::WaitPolicy::kAdaptive, weft::WaitPolicy::kSleep}) {
    for (int i = 0; i < 2; ++i) {
      auto started = weft::ReactorThread::start({.wait = wait}, "weft-idle");
      if (!started) return 1;
      workers.push_back({std::move(*started), nullptr});
    }
  }
  int ran = 0;
  for (Worker& worker : workers) {
    worker.thread->call([&] {
      weft::Reactor& reactor = worker.thread->reactor();
      worker.timer = std::make_unique<weft::Timer>(reactor, [](void*) {}, nullptr);
      worker.timer->set(weft::monotonic_now() + kFarAhead);
    });
    for (int i = 0; i < 1000; ++i) worker.thread->reactor().post([&] { ++ran; });
    worker.thread->call([] {});
  }
  if (ran != 4000) return 1;
  std::puts("idle");
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  for (Worker& worker : workers) worker.thread->call([&] { worker.timer.reset(); });
  return 0;
}

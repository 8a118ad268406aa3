// A host that connects and then does nothing: idle_host PLUGIN_FOLDER ADDRESS [ASSOCIATIONS]
// Prints "connected" when all associations stand, then keeps them alive until SIGTERM.

#include <signal.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "weft/host.hpp"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const unsigned wanted = argc > 3 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)) : 1;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

  auto address = weft::Address::parse(argv[2]);
  if (!address) return 1;
  auto options = weft::take_host_options(*address);
  if (!options) return 1;
  weft::TransportRegistry registry(weft::SearchPath{{argv[1]}});
  auto reactor = weft::Reactor::create();
  if (!reactor) return 1;
  std::vector<std::unique_ptr<weft::Host>> hosts;
  for (unsigned i = 0; i < wanted; ++i) {
    bool failed = false;
    weft::Host::connect(**reactor, registry, *address, *options, [&](weft::Result<std::unique_ptr<weft::Host>> host) {
      failed = !host;
      if (host)
        hosts.push_back(std::move(*host));
      else
        std::fprintf(stderr, "idle_host: %s: %s\n", host.error().stage.c_str(), host.error().text.c_str());
    });
    const weft::Nanoseconds deadline = weft::monotonic_now() + 60'000'000'000;
    if (!(*reactor)->run_until([&] { return failed || hosts.size() > i; }, deadline) || failed) return 1;
  }
  std::puts("connected");
  std::fflush(stdout);

  weft::Reactor* const running = reactor->get();
  if (!running->watch(fd, [](void* ctx) { static_cast<weft::Reactor*>(ctx)->stop(); }, running)) return 1;
  running->run();
  running->unwatch(fd);
  std::size_t closed = 0;
  for (auto& host : hosts) host->close([&closed] { ++closed; });
  return running->run_until([&] { return closed == hosts.size(); }, weft::monotonic_now() + 60'000'000'000) ? 0 : 1;
}

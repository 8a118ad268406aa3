#include "perf_host.hpp"

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "limits.hpp"
#include "output.hpp"

namespace weft::tools {
namespace {

// Every step has its own deadline in the host; this is only for a host that forgets one.
constexpr Nanoseconds kLongest = 3600ull * 1'000'000'000;
constexpr std::uint64_t kOwnFiles = 24;

}  // namespace

Outcome<std::unique_ptr<PerfHost>> PerfHost::connect(Program& program, const Remote& remote,
                                                     std::uint32_t associations) {
  const std::uint64_t connections = std::uint64_t{associations} * (remote.options.queues + 1u);
  const char* const purpose = associations == 1 ? "this connection" : "so many connections";
  if (Status enough = require_open_files(kOwnFiles + connections, purpose); !enough) return failed(enough.error());
  std::unique_ptr<PerfHost> self(new PerfHost);
  if (Outcome<void> opened = self->open(program, remote, associations); !opened) return std::unexpected(opened.error());
  return self;
}

Outcome<void> PerfHost::open(Program& program, const Remote& remote, std::uint32_t associations) {
  ReactorOptions options;
  options.wait = remote.options.wait;
  Result<std::unique_ptr<Reactor>> reactor = Reactor::create(options);
  if (!reactor) return failed(reactor.error());
  reactor_ = std::move(*reactor);
  if (Status attached = signals_.attach(*reactor_, [this, &program](int count) { on_signal(program, count); });
      !attached) {
    return failed(attached.error());
  }
  for (std::uint32_t i = 0; i < associations; ++i) {
    if (Outcome<void> added = add_host(program, remote); !added) return added;
  }
  connected_ = true;
  return {};
}

Outcome<void> PerfHost::add_host(Program& program, const Remote& remote) {
  std::optional<Result<std::unique_ptr<Host>>> connected;
  Host::connect(*reactor_, program.registry(), remote.address, remote.options,
                [&connected](Result<std::unique_ptr<Host>> result) { connected.emplace(std::move(result)); });
  while (!connected) reactor_->run_once(reactor_->clock_now() + kLongest);
  if (!*connected) return unreachable(remote, connected->error());
  hosts_.push_back(std::move(**connected));
  Host::Events events;
  events.on_lost = [this](const Error& error) {
    lost_ = error;
    if (stop_) stop_();
  };
  hosts_.back()->set_events(std::move(events));
  return {};
}

PerfHost::~PerfHost() {
  std::size_t open = hosts_.size();
  for (const auto& host : hosts_) host->close([&open] { --open; });
  while (open != 0) reactor_->run_once(reactor_->clock_now() + kLongest);
  hosts_.clear();
  signals_.detach();
}

void PerfHost::on_signal(Program& program, int count) {
  if (count > 1 || !connected_) {
    const char* const when = connected_ ? "interrupted again" : "interrupted while connecting";
    print_failure(program, {Exit::kFailed, Error(EINTR, when)});
    std::_Exit(static_cast<int>(Exit::kFailed));
  }
  interrupted_ = true;
  if (stop_) stop_();
}

Outcome<Namespace> PerfHost::find_namespace(std::uint32_t nsid) {
  std::optional<Result<Namespace>> found;
  hosts_.front()->identify_namespace(nsid, [&found](Result<Namespace> result) { found.emplace(std::move(result)); });
  while (!found) reactor_->run_once(reactor_->clock_now() + kLongest);
  if (!*found) {
    const std::string which = fmt::format("namespace {}", nsid);
    const bool told = found->error().text.starts_with(which);
    return failed(found->error(), told ? "" : which);
  }
  return **found;
}

void PerfHost::ask_loss() {
  std::size_t asked = hosts_.size();
  for (const auto& host : hosts_) {
    host->ask_loss([this, &asked](const Error& why) {
      if (why.code != 0 && lost_.code == 0) lost_ = why;
      --asked;
    });
  }
  while (asked != 0) reactor_->run_once(reactor_->clock_now() + kLongest);
}

void PerfHost::run(const std::function<bool()>& done, std::function<void()> stop) {
  stop_ = std::move(stop);
  if (interrupted_ || lost_.code != 0) stop_();
  while (!done()) reactor_->run_once(reactor_->clock_now() + kLongest);
  stop_ = nullptr;
}

}  // namespace weft::tools

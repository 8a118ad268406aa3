// Target: a Server over threads of its own, with calls that wait.
#include <mutex>
#include <optional>
#include <utility>

#include "core/controller/server.hpp"
#include "core/util/handover.hpp"
#include "weft/controller.hpp"

namespace weft {
struct Target::Impl {
  std::vector<std::unique_ptr<ReactorThread>> threads;
  std::unique_ptr<controller::Server> server;
  std::mutex calls;  // one change at a time
  bool stopped = false;

  // Runs `task` on the control thread and waits for it.
  template <class F>
  auto call(F task) {
    std::optional<decltype(task())> result;
    const std::lock_guard lock(calls);
    threads.front()->call([&] { result = task(); });
    return std::move(*result);
  }
  // The same for what ends later: task(done).
  template <class T, class F>
  T call_later(F task) {
    Handover<T> outcome;
    const std::lock_guard lock(calls);
    threads.front()->call([&] { task([&outcome](T value) { outcome.give(std::move(value)); }); });
    return outcome.wait();
  }
};

Target::Target(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Target>> Target::start(TransportRegistry& registry, const TargetOptions& options) {
  if (const Status valid = controller::Server::check_options(options); !valid) return valid.error();
  auto impl = std::make_unique<Impl>();
  std::vector<Reactor*> reactors;
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    ReactorOptions reactor;
    reactor.wait = options.wait;
    reactor.spin_ns = options.spin_ns;
    reactor.cpu = i < options.cpus.size() ? options.cpus[i] : -1;
    auto thread = ReactorThread::start(reactor, "weft-target");
    if (!thread) return thread.error();
    reactors.push_back(&(*thread)->reactor());
    impl->threads.push_back(std::move(*thread));
  }
  // Made on the control thread, which is the only one that uses it.
  impl->threads.front()->call(
      [&] { impl->server = std::make_unique<controller::Server>(registry, options, reactors); });
  return std::unique_ptr<Target>(new Target(std::move(impl)));
}

Target::~Target() {
  stop(monotonic_now());
  impl_->threads.front()->call([&] { impl_->server.reset(); });
  // No reactor goes while a thread may still be on its way out of a post() to it.
  for (const auto& thread : impl_->threads) thread->call([] {});
}

void Target::stop(Nanoseconds deadline) {
  const std::lock_guard lock(impl_->calls);
  if (std::exchange(impl_->stopped, true)) return;
  Handover<bool> outcome;
  impl_->threads.front()->call([&] { impl_->server->stop(deadline, [&outcome] { outcome.give(true); }); });
  static_cast<void>(outcome.wait());
}

Status Target::add_subsystem(const SubsystemOptions& options) {
  return impl_->call([&] { return impl_->server->add_subsystem(options); });
}
Status Target::remove_subsystem(std::string_view nqn) {
  return impl_->call_later<Status>([&](auto done) { impl_->server->remove_subsystem(nqn, done); });
}
Status Target::allow_host(std::string_view nqn, std::string_view hostnqn) {
  return impl_->call([&] { return impl_->server->allow_host(nqn, hostnqn); });
}
Status Target::disallow_host(std::string_view nqn, std::string_view hostnqn) {
  return impl_->call([&] { return impl_->server->disallow_host(nqn, hostnqn); });
}
Result<std::uint32_t> Target::add_namespace(std::string_view nqn, NamespaceOptions options) {
  // Here, because it may read and write files: the control thread also serves I/O.
  const bool configured = options.uuid || options.nguid || options.identity;
  if (!configured && options.backend != nullptr) options.identity = options.backend->identity();
  return impl_->call_later<Result<std::uint32_t>>(
      [&](auto done) { impl_->server->add_namespace(nqn, std::move(options), done); });
}
Status Target::remove_namespace(std::string_view nqn, std::uint32_t nsid) {
  return impl_->call_later<Status>([&](auto done) { impl_->server->remove_namespace(nqn, nsid, done); });
}
Status Target::resize_namespace(std::string_view nqn, std::uint32_t nsid, std::uint64_t blocks) {
  return impl_->call_later<Status>([&](auto done) { impl_->server->resize_namespace(nqn, nsid, blocks, done); });
}
Result<Address> Target::listen(const Address& address, bool discovery_only) {
  return impl_->call([&] { return impl_->server->listen(address, discovery_only); });
}
Status Target::unlisten(const Address& bound) {
  return impl_->call_later<Status>([&](auto done) { impl_->server->unlisten(bound, done); });
}
std::vector<ControllerInfo> Target::controllers() {
  return impl_->call([&] { return impl_->server->controllers(); });
}
TargetCounts Target::counts() {
  return impl_->call_later<TargetCounts>([&](auto done) { impl_->server->counts(done); });
}
void Target::set_notice(std::function<void(std::string_view)> notice) {
  static_cast<void>(impl_->call([&] {
    impl_->server->notice_to = std::move(notice);
    return true;
  }));
}

}  // namespace weft

#include "weft/reactor.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/reactor/reactor_impl.hpp"
#include "core/reactor/transport_services.hpp"
#include "core/util/log.hpp"

namespace weft {
namespace {

const void* this_thread() {
  static thread_local const char mark = 0;
  return &mark;
}

std::string descriptor_limit_hint(int code) {
  if (code != EMFILE) return "";
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return fmt::format(" (this process may have {} open; raise it with ulimit -n)", limit.rlim_cur);
}

void pin_to_cpu(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  int code = EINVAL;
  if (cpu < CPU_SETSIZE) {
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    code = ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
  }
  if (code != 0) log::warning("a reactor is not pinned to CPU {}: {}", cpu, std::strerror(code));
}

}  // namespace

Reactor::Impl::Impl(const ReactorOptions& given, UniqueFd epoll_fd, std::shared_ptr<Mailbox> box)
    : options(given),
      epoll(std::move(epoll_fd)),
      mailbox(std::move(box)),
      owner(this_thread()),
      now(given.clock()),
      spinning(given.spin_ns, now),
      resolver(mailbox) {}

void Reactor::Impl::adopt_thread() { owner.store(this_thread(), std::memory_order_relaxed); }
bool Reactor::Impl::on_thread() const { return owner.load(std::memory_order_relaxed) == this_thread(); }

void Reactor::Impl::shut_down() {
  mailbox->discard();  // a task may own timers or queue pairs, which need the reactor whole
  for (const Group& group : groups) {
    if (TransportServices* const services = TransportServices::of(*group.transport)) services->detach(group.handle);
    if (group.fd >= 0) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, group.fd, nullptr);
    group.transport->table().group_close(group.handle);
  }
  groups.clear();
}

Result<std::unique_ptr<Reactor>> Reactor::create(const ReactorOptions& options) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    const int code = errno;
    return Error(code, fmt::format("cannot make a reactor: no epoll descriptor: {}{}", std::strerror(code),
                                   descriptor_limit_hint(code)));
  }
  auto mailbox = Mailbox::create();
  if (!mailbox) {
    Error error = std::move(mailbox.error());
    error.text += descriptor_limit_hint(error.code);
    return std::move(error).with_context("cannot make a reactor");
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = Impl::kMailboxId;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, (*mailbox)->fd(), &event) != 0) {
    const int code = errno;
    return Error(code, fmt::format("cannot make a reactor: its mailbox is refused: {}", std::strerror(code)));
  }
  auto impl = std::make_unique<Impl>(options, std::move(epoll), std::move(*mailbox));
  return std::unique_ptr<Reactor>(new Reactor(std::move(impl)));
}

Reactor::Reactor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reactor::~Reactor() { shut_down(); }
void Reactor::shut_down() { impl_->shut_down(); }

void Reactor::run() {
  impl_->adopt_thread();
  pin_to_cpu(impl_->options.cpu);
  while (!impl_->stopping) run_once(kForever);
  impl_->stopping = false;
}

std::uint32_t Reactor::run_once(Nanoseconds until) {
  assert(!impl_->in_turn && "run_once() from inside a callback");
  std::uint32_t events = impl_->turn();
  if (events != 0 || until == 0 || !impl_->may_sleep()) return events;
  events = impl_->sleep(until);
  return events + impl_->turn();
}

bool Reactor::run_until(const std::function<bool()>& done, Nanoseconds deadline) {
  const Nanoseconds until = deadline == 0 ? kForever : deadline;
  while (!done()) {
    if (clock_now() >= until) return false;
    run_once(until);
  }
  return true;
}

void Reactor::stop() {
  post([impl = impl_.get()] { impl->stopping = true; });
}
void Reactor::post(Task task) { impl_->mailbox->post(std::move(task)); }
bool Reactor::on_thread() const { return impl_->on_thread(); }

Nanoseconds Reactor::now() const { return impl_->in_turn ? impl_->now : impl_->options.clock(); }
Nanoseconds Reactor::clock_now() const { return impl_->options.clock(); }
ReactorStats Reactor::stats() const { return impl_->stats; }
const ReactorOptions& Reactor::options() const { return impl_->options; }

Result<weft_group*> Reactor::group(Transport& transport) {
  const auto found = std::ranges::find(impl_->groups, &transport, &Impl::Group::transport);
  if (found != impl_->groups.end()) return found->handle;
  const Result<weft_domain*> domain = TransportServices::open_domain(transport, impl_->options.clock);
  if (!domain) return domain.error();
  const weft_transport& table = transport.table();
  weft_error error = empty_error();
  Impl::Group group{.transport = &transport,
                    .handle = nullptr,
                    .poll = table.group_poll,
                    .flush = table.group_flush,
                    .arm = table.group_arm};
  impl_->groups.reserve(impl_->groups.size() + 1);
  const int rc = table.group_open(*domain, &group.handle, &error);
  if (rc != 0) return to_error(rc, error, fmt::format("transport '{}' opens no group", transport.name()));
  impl_->groups.push_back(group);
  if (TransportServices* const services = TransportServices::of(transport)) services->attach(group.handle, *this);
  return group.handle;
}

void Reactor::add(Poller& poller) { impl_->pollers.push_back({.poller = &poller}); }

void Reactor::remove(Poller& poller) {
  const auto found = std::ranges::find(impl_->pollers, &poller, &Impl::PollerEntry::poller);
  if (found == impl_->pollers.end()) return;
  if (found->fd >= 0) ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, found->fd, nullptr);
  *found = {};
  impl_->pollers_removed = true;
  if (!impl_->in_turn) impl_->drop_removed_pollers();
}

Status Reactor::watch(int fd, void (*ready)(void* ctx), void* ctx) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = impl_->next_watch_id;
  if (::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    const int code = errno;
    return Error(code, fmt::format("cannot watch descriptor {}: {}", fd, std::strerror(code)));
  }
  impl_->watches.push_back({impl_->next_watch_id++, fd, ready, ctx});
  return {};
}

void Reactor::unwatch(int fd) {
  const auto found = std::ranges::find(impl_->watches, fd, &Impl::Watch::fd);
  if (found == impl_->watches.end()) return;
  ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  impl_->watches.erase(found);
}

void Reactor::resolve(const char* host, const char* service, void* key,
                      void (*done)(void* key, std::int32_t error, const void* sockaddr, std::uint32_t len)) {
  impl_->resolver.resolve(host, service, key, done);
}
void Reactor::resolve_cancel(void* key) { impl_->resolver.cancel(key); }

Timer::Timer(Reactor& reactor, Function function, void* ctx) : reactor_(reactor), function_(function), ctx_(ctx) {
  reactor_.impl_->timers.timer_made();
}

Timer::~Timer() {
  cancel();
  reactor_.impl_->timers.timer_gone();
}

void Timer::set(Nanoseconds deadline) {
  if (deadline == 0) return cancel();
  reactor_.impl_->timers.set(*this, deadline);
}

void Timer::cancel() { reactor_.impl_->timers.cancel(*this); }

}  // namespace weft

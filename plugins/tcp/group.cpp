#include "group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include <sys/epoll.h>

#include "../common/arguments.hpp"
#include "connector.hpp"
#include "socket_setup.hpp"

namespace weft::tcp {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint32_t kMostEvents = 64;  // of one epoll_wait
constexpr std::uint64_t kBetweenWords = 10 * plugin::kSecond;

}  // namespace

Made<std::unique_ptr<Group>> Group::open(const plugin::Services& services, const Options& options) {
  plugin::UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd)
    return std::unexpected(
        Failure{.code = errno, .text = fmt::format("cannot make an epoll descriptor: {}", std::strerror(errno))});
  return std::make_unique<Group>(services, options, std::move(fd));
}

Group::Group(const plugin::Services& services, const Options& options, plugin::UniqueFd fd)
    : services_(services),
      options_(options),
      epoll_(std::move(fd)),
      slabs_(options.receive_memory, options.receive_memory / 4),
      host_slabs_(2 * SlabPool::kWindow),
      now_(services.now()) {}

Group::~Group() {
  delete_all();
  // What finished last was given back with its connection's other memory: nobody is told any more.
}

// ---- a turn --------------------------------------------------------------------------------------------------------

int Group::poll(std::uint32_t budget) {
  now_ = services_.now();
  const std::uint64_t before = events();
  ++counters().polls;
  {
    const InCall call(*this);
    flush();
    deliver();
    resume_stopped();
    read_ready(budget);
    judge_deadlines(now_);
    deliver();
  }
  empty_graves();
  const std::uint64_t told = events() - before;
  if (told == 0) ++counters().empty_polls;
  return static_cast<int>(std::min<std::uint64_t>(told, INT32_MAX));
}

void Group::flush() {
  const InCall call(*this);
  while (Connection* connection = dirty_.pop_front()) connection->flush();
}

void Group::deliver() {
  for (;;) {
    if (finished_first_ != nullptr) {
      DataOp* op = finished_first_;
      finished_first_ = op->next;
      if (finished_first_ == nullptr) finished_last_ = nullptr;
      op->next = nullptr;
      op->connection->tell_finished(*op);
      continue;
    }
    if (!tell_one_end()) return;
  }
}

void Group::resume_stopped() {
  if (!waiting_.empty() && !slabs_.is_low())
    waiting_.for_each([](Connection& connection) { connection.memory_is_free(); });
  resume_all();
}

void Group::read_ready(std::uint32_t budget) {
  if (hot_.read()) return;
  epoll_event events[kMostEvents];
  const std::uint32_t most = budget == 0 ? kMostEvents : std::min(budget, kMostEvents);
  const int count = ::epoll_wait(epoll_.get(), events, static_cast<int>(most), 0);
  for (int i = 0; i < count; ++i) static_cast<Pollable*>(events[i].data.ptr)->on_events(events[i].events);
  if (count > static_cast<int>(HotSet::kMost)) hot_.cool_all();
}

int Group::arm(int& fd, std::uint64_t& deadline_ns) {
  ++counters().arms;
  if (!dirty_.empty() || finished_first_ != nullptr || !quiet()) return -EAGAIN;
  if (!waiting_.empty() && !slabs_.is_low()) return -EAGAIN;
  hot_.cool_all();
  fd = epoll_.get();
  deadline_ns = next_deadline();
  return 0;
}

void Group::stats(weft_stats& out) const { sum_stats(out); }

// ---- what is opened on it ------------------------------------------------------------------------------------------

namespace {

Made<Options> options_of(const weft_address& address, const Options& base) {
  const Made<void> known = plugin::check_address(address);
  if (!known) return std::unexpected(known.error());
  return Options::parse({address.options, address.option_count}, base);
}

}  // namespace

Made<Connection*> Group::connect(const weft_address& address, const weft_qpair_params& params,
                                 const weft_qpair_events& events, void* ctx) {
  const Made<void> fit = plugin::check_params(params);
  if (!fit) return std::unexpected(fit.error());
  const Made<Options> options = options_of(address, options_);
  if (!options) return std::unexpected(options.error());
  if (address.fd >= 0) {
    const Made<FdKind> kind = classify_fd(address.fd);
    if (!kind) return std::unexpected(kind.error());
    if (*kind != FdKind::kConnected)
      return std::unexpected(
          Failure{.code = EINVAL, .text = fmt::format("descriptor {} is a listening socket", address.fd)});
    auto connection = std::make_unique<Connection>(*this, Role::kHost, *options, params, events, ctx);
    // Not make_unique: a new-expression has its memory before it takes the descriptor, which else stays the caller's.
    std::unique_ptr<Socket> socket(new KernelSocket(plugin::UniqueFd(address.fd)));
    tune_connected(socket->fd(), *options);
    connection->start(std::move(socket));
    return connection.release();
  }
  auto connection = std::make_unique<Connection>(*this, Role::kHost, *options, params, events, ctx);
  auto connector = std::make_unique<Connector>(*this, *connection, address, *options, params.deadline_ns);
  const Made<void> begun = connector->begin();
  if (!begun) return std::unexpected(begun.error());
  connection->connect_by(std::move(connector));
  // Until an address is tried: the name has as long as one address has, when nothing else was said.
  set_deadline(*connection, params.deadline_ns != 0 ? params.deadline_ns : services_.now() + options->connect_timeout);
  return connection.release();
}

Made<Listener*> Group::listen(const weft_address& address, const weft_listener_events& events, void* ctx) {
  const Made<Options> options = options_of(address, options_);
  if (!options) return std::unexpected(options.error());
  if (address.fd >= 0) {
    const Made<FdKind> kind = classify_fd(address.fd);
    if (!kind) return std::unexpected(kind.error());
    return new Listener(*this, plugin::UniqueFd(address.fd), *kind == FdKind::kConnected, *options, events, ctx);
  }
  Made<plugin::UniqueFd> fd = Listener::open_socket(address, *options);
  if (!fd) return std::unexpected(fd.error());
  if (const std::string changed = changed_buffers(fd->get(), *options); !changed.empty())
    services_.log(WEFT_LOG_INFO, changed);
  return new Listener(*this, std::move(*fd), false, *options, events, ctx);
}

Made<Connection*> Group::accept(Pending& pending, const weft_qpair_params& params, const weft_qpair_events& events,
                                void* ctx) {
  const Made<void> fit = plugin::check_params(params);
  if (!fit) return std::unexpected(fit.error());
  auto connection = std::make_unique<Connection>(*this, Role::kController, pending.options(), params, events, ctx);
  std::unique_ptr<Socket> socket(new KernelSocket(pending.take_fd()));  // memory first, as in connect()
  tune_accepted(socket->fd(), pending.options());
  connection->start(std::move(socket));
  delete &pending;
  return connection.release();
}

// ---- for what lives on it ------------------------------------------------------------------------------------------

void Group::watch(Pollable& object, int fd, std::uint32_t known, std::uint32_t wanted) {
  if (known == wanted) return;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = &object;
  const int operation = wanted == 0 ? EPOLL_CTL_DEL : known == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0 && operation == EPOLL_CTL_ADD)
    services_.log(WEFT_LOG_ERROR, fmt::format("cannot watch descriptor {}: {}", fd, std::strerror(errno)));
}

void Group::finish(DataOp& op) {
  op.next = nullptr;
  (finished_last_ != nullptr ? finished_last_->next : finished_first_) = &op;
  finished_last_ = &op;
}

void Group::say_changed_buffers(int fd, const Options& options) {
  if (said_buffers_) return;
  const std::string text = changed_buffers(fd, options);
  said_buffers_ = !text.empty();
  if (said_buffers_) services_.log(WEFT_LOG_INFO, text);
}

void Group::say_memory_is_low() {
  if (now_ < say_low_) return;
  say_low_ = now_ + kBetweenWords;
  services_.log(
      WEFT_LOG_WARNING,
      "the memory for received bytes is in use (option rxmem): commands with data in their capsule come one at a time");
}

}  // namespace weft::tcp

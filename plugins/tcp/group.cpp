#include "group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include <sys/epoll.h>

#include "connector.hpp"

namespace weft::tcp {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr std::uint32_t kMostEvents = 64;  // of one epoll_wait
constexpr std::uint64_t kBetweenWords = 10 * kSecond;

}  // namespace

void add_up(weft_stats& sum, const weft_stats& more) {
  sum.commands += more.commands;
  sum.responses += more.responses;
  sum.bytes_in += more.bytes_in;
  sum.bytes_out += more.bytes_out;
  sum.syscalls_in += more.syscalls_in;
  sum.syscalls_out += more.syscalls_out;
  sum.copies += more.copies;
  sum.copied_bytes += more.copied_bytes;
  sum.digest_errors += more.digest_errors;
  sum.polls += more.polls;
  sum.empty_polls += more.empty_polls;
  sum.arms += more.arms;
  sum.region_hits += more.region_hits;
  sum.region_misses += more.region_misses;
}

Made<std::unique_ptr<Group>> Group::open(const Services& services, const Options& options) {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd)
    return std::unexpected(
        Failure{.code = errno, .text = fmt::format("cannot make an epoll descriptor: {}", std::strerror(errno))});
  return std::make_unique<Group>(services, options, std::move(fd));
}

Group::Group(const Services& services, const Options& options, UniqueFd fd)
    : services_(services),
      options_(options),
      epoll_(std::move(fd)),
      slabs_(options.receive_memory),
      host_slabs_(2 * SlabPool::kWindow),
      now_(services.now()) {}

Group::~Group() {
  empty_graves();
  while (Pollable* object = objects_.pop_front()) {
    bury(*object);
    empty_graves();
  }
  // What finished last was given back with its connection's other memory: nobody is told any more.
}

// ---- a turn --------------------------------------------------------------------------------------------------------

int Group::poll(std::uint32_t budget) {
  now_ = services_.now();
  const std::uint64_t before = events_;
  ++retired_.polls;
  {
    const InCall call(*this);
    flush();
    deliver();
    resume_stopped();
    read_ready(budget);
    judge_deadlines();
    deliver();
  }
  empty_graves();
  const std::uint64_t events = events_ - before;
  if (events == 0) ++retired_.empty_polls;
  return static_cast<int>(std::min<std::uint64_t>(events, INT32_MAX));
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
    Pollable* object = ending_.pop_front();
    if (object == nullptr) return;
    object->tell_end();
  }
}

void Group::resume_stopped() {
  if (!waiting_.empty() && slabs_.window().slab != nullptr)
    waiting_.for_each([this](Connection& connection) {
      waiting_.remove(connection);
      connection.memory_is_free();
    });
  // Only those that are on it now: who stops again goes on in the next turn.
  std::uint32_t count = resumed_.size();
  while (count-- != 0) {
    Pollable* object = resumed_.pop_front();
    if (object == nullptr) return;
    object->on_resume();
  }
}

void Group::read_ready(std::uint32_t budget) {
  epoll_event events[kMostEvents];
  const std::uint32_t most = budget == 0 ? kMostEvents : std::min(budget, kMostEvents);
  const int count = ::epoll_wait(epoll_.get(), events, static_cast<int>(most), 0);
  for (int i = 0; i < count; ++i) static_cast<Pollable*>(events[i].data.ptr)->on_events(events[i].events);
}

// Most turns look at none of them: a flood of connections, each with its deadline, costs the others nothing here.
void Group::judge_deadlines() {
  if (now_ < earliest_) return;
  earliest_ = UINT64_MAX;
  timed_.for_each([this](Pollable& object) {
    if (object.deadline > now_) {
      earliest_ = std::min(earliest_, object.deadline);
      return;
    }
    set_deadline(object, 0);
    object.on_deadline();
  });
}

int Group::arm(int& fd, std::uint64_t& deadline_ns) {
  ++retired_.arms;
  if (!dirty_.empty() || !resumed_.empty() || !ending_.empty() || finished_first_ != nullptr) return -EAGAIN;
  if (!waiting_.empty() && slabs_.window().slab != nullptr) return -EAGAIN;
  fd = epoll_.get();
  deadline_ns = timed_.empty() ? 0 : earliest_;
  return 0;
}

void Group::stats(weft_stats& out) const {
  add_up(out, retired_);
  objects_.for_each([&](Pollable& object) { object.add_stats(out); });
}

// ---- what is opened on it ------------------------------------------------------------------------------------------

namespace {

Made<Options> options_of(const weft_address& address, const Options& base) {
  if (address.reserved != 0)
    return std::unexpected(
        Failure{.code = ENOTSUP, .text = "the address has a field that this transport does not know"});
  return Options::parse({address.options, address.option_count}, base);
}

Made<void> check_params(const weft_qpair_params& params) {
  if (params.depth == 0 || params.depth > 65536)
    return std::unexpected(
        Failure{.code = EINVAL, .text = fmt::format("a queue of {} entries is impossible", params.depth)});
  if ((params.flags & WEFT_QP_SECURE_REQUIRED) != 0)
    return std::unexpected(Failure{.code = ENOTSUP, .text = "this transport cannot encrypt"});
  if ((params.flags & ~(WEFT_QP_ADMIN | WEFT_QP_SQ_FLOW_CONTROL)) != 0)
    return std::unexpected(
        Failure{.code = ENOTSUP, .text = fmt::format("unknown queue pair flags {:#x}", params.flags)});
  return {};
}

}  // namespace

Made<Connection*> Group::connect(const weft_address& address, const weft_qpair_params& params,
                                 const weft_qpair_events& events, void* ctx) {
  const Made<void> fit = check_params(params);
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
    std::unique_ptr<Socket> socket(new KernelSocket(UniqueFd(address.fd)));
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
    return new Listener(*this, UniqueFd(address.fd), *kind == FdKind::kConnected, *options, events, ctx);
  }
  Made<UniqueFd> fd = Listener::open_socket(address, *options);
  if (!fd) return std::unexpected(fd.error());
  return new Listener(*this, std::move(*fd), false, *options, events, ctx);
}

Made<Connection*> Group::accept(Pending& pending, const weft_qpair_params& params, const weft_qpair_events& events,
                                void* ctx) {
  const Made<void> fit = check_params(params);
  if (!fit) return std::unexpected(fit.error());
  auto connection = std::make_unique<Connection>(*this, Role::kController, pending.options(), params, events, ctx);
  std::unique_ptr<Socket> socket(new KernelSocket(pending.take_fd()));  // memory first, as in connect()
  tune_connected(socket->fd(), pending.options());
  connection->start(std::move(socket));
  delete &pending;
  return connection.release();
}

Connection& Group::adopt(std::unique_ptr<Socket> socket, Role role, const Options& options,
                         const weft_qpair_params& params, const weft_qpair_events& events, void* ctx) {
  auto connection = std::make_unique<Connection>(*this, role, options, params, events, ctx);
  connection->start(std::move(socket));
  return *connection.release();
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

void Group::wait_for_memory(Connection& connection) {
  waiting_.push_back(connection);
  if (now_ < say_starved_) return;
  say_starved_ = now_ + kBetweenWords;
  services_.log(WEFT_LOG_WARNING, "the memory for received bytes is in use (option rxmem): connections wait for it");
}

void Group::set_deadline(Pollable& object, std::uint64_t deadline) {
  object.deadline = deadline;
  if (deadline == 0) {
    timed_.remove(object);
  } else {
    earliest_ = std::min(earliest_, deadline);
    timed_.push_back(object);
  }
}

void Group::bury(Pollable& object) {
  graves_.push_back(object);
  if (depth_of_calls_ == 0) empty_graves();
}

void Group::empty_graves() {
  while (Pollable* object = graves_.pop_front()) delete object;
}

void Group::retire(const weft_stats& stats) { add_up(retired_, stats); }

}  // namespace weft::tcp

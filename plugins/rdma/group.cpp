#include "group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/epoll.h>

#include "../common/arguments.hpp"
#include "connector.hpp"
#include "domain.hpp"
#include "reasons.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

// While a thread polls without sleeping the connection manager costs it a system call now and then, not one a turn.
constexpr std::uint64_t kBetweenLooks = 100'000;
constexpr std::uint64_t kBetweenDeviceEvents = 10'000'000;  // likewise; a queue pair that fails says so by itself, too
constexpr int kMostCmEvents = 16;                           // of one turn
constexpr std::uint32_t kMostCompletions = 256;

Made<void> watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return std::unexpected(
      Failure{.code = errno, .text = fmt::format("cannot watch descriptor {}: {}", fd, std::strerror(errno))});
}

}  // namespace

Made<std::unique_ptr<Group>> Group::open(Domain& domain) {
  plugin::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll)
    return std::unexpected(
        Failure{.code = errno, .text = fmt::format("cannot make an epoll descriptor: {}", std::strerror(errno))});
  Made<std::unique_ptr<verbs::CmChannel>> channel = domain.library().make_cm_channel();
  if (!channel) return std::unexpected(channel.error());
  if (const Made<void> watched = watch(epoll.get(), (*channel)->fd()); !watched)
    return std::unexpected(watched.error());
  auto group = std::make_unique<Group>(domain, std::move(*channel), std::move(epoll));
  if (const Made<void> watched = watch(group->epoll_.get(), group->device_events_.fd()); !watched)
    return std::unexpected(watched.error());
  return group;
}

Group::Group(Domain& domain, std::unique_ptr<verbs::CmChannel> channel, plugin::UniqueFd epoll)
    : domain_(domain),
      channel_(std::move(channel)),
      epoll_(std::move(epoll)),
      now_(domain.services().now()),
      vector_(domain.next_vector()) {
  domain_.listen(device_events_);
}

Group::~Group() {
  domain_.unlisten(device_events_);
  delete_all();
  drop_idle_shares();
}

const plugin::Services& Group::services() const { return domain_.services(); }

// ---- a turn --------------------------------------------------------------------------------------------------------

int Group::poll(std::uint32_t budget) {
  now_ = services().now();
  const std::uint64_t before = events();
  ++counters().polls;
  {
    const InCall call(*this);
    flush();
    deliver();
    resume_all();
    take_completions(budget == 0 ? kMostCompletions : std::min(budget, kMostCompletions));
    take_device_events();
    take_cm_events();
    judge_deadlines(now_);
    deliver();
    post_receives();
  }
  empty_graves();
  drop_idle_shares();
  const std::uint64_t told = events() - before;
  if (told == 0) ++counters().empty_polls;
  return static_cast<int>(std::min<std::uint64_t>(told, INT32_MAX));
}

void Group::flush() {
  const InCall call(*this);
  post_receives();
  while (Connection* connection = dirty_.pop_front()) connection->flush();
}

void Group::deliver() {
  for (;;) {
    if (finished_first_ != nullptr) {
      DataOp* op = finished_first_;
      finished_first_ = op->next;
      if (finished_first_ == nullptr) finished_last_ = nullptr;
      op->next = nullptr;
      static_cast<Connection*>(op->link)->tell_finished(*op);
      continue;
    }
    if (!tell_one_end()) return;
  }
}

void Group::take_completions(std::uint32_t budget) {
  for (std::size_t i = 0; i < shares_.size(); ++i) {  // an event may accept a host, and so bring another device
    DeviceShare& share = *shares_[i];
    std::uint32_t taken = 0;
    while (taken < budget) {
      const std::span<const ibv_wc> batch = share.poll();
      if (batch.empty()) break;
      taken += static_cast<std::uint32_t>(batch.size());
      for (const ibv_wc& completion : batch) take(share, completion);
    }
    if (share.error() != 0) end_all_on(share.device());
  }
}

void Group::take(DeviceShare& share, const ibv_wc& completion) {
  WorkId id = WorkId::unpack(completion.wr_id);
  if (id.work != Work::kSharedReceive) {
    if (Connection* connection = places_.find(id.queue_pair); connection != nullptr)
      connection->completed(id, completion);
    return;
  }
  SharedRing* const ring = share.ring(id.queue_pair);
  if (ring == nullptr) return;  // it went with the last of its queue pairs
  id.work = Work::kReceive;
  Connection* const connection = share.find(completion.qp_num, id.queue_pair) ? places_.find(id.queue_pair) : nullptr;
  // Whoever was told gives the slot back; where nobody is left it goes back at once.
  if (connection == nullptr || !connection->completed(id, completion)) ring->capsules().repost(id.index);
}

// Slots of shared rings go back to the device ahead of the responses of whose commands they held.
void Group::post_receives() {
  for (const auto& share : shares_)
    if (!share->post_receives()) places_.for_each([](Connection& connection) { connection.ring_gone(); });
}

void Group::take_device_events() {
  if (now_ >= look_at_devices_ || device_events_.any()) look_at_device_events();
}

void Group::look_at_device_events() {
  look_at_devices_ = now_ + kBetweenDeviceEvents;
  for (const auto& share : shares_) domain_.read_events(share->device());
  if (!device_events_.any()) return;
  for (const DeviceEvents::Event& event : device_events_.take()) on_device_event(event);
}

void Group::on_device_event(const DeviceEvents::Event& event) {
  const auto& [device, told, number] = event;
  if (told.type == IBV_EVENT_DEVICE_FATAL || told.queue_pair != 0)
    return places_.for_each([&](Connection& connection) { connection.on_device_event(event); });
  for (const auto& share : shares_) {
    if (&share->device() != device) continue;
    if (told.type == IBV_EVENT_CQ_ERR) share->queue_failed(told.completions);
    if (told.type == IBV_EVENT_SRQ_ERR) share->ring_failed(told.receives);
  }
}

// Its completion queues cannot be polled, or it says so itself.
void Group::end_all_on(const verbs::Device& device) {
  places_.for_each([&](Connection& connection) { connection.device_gone(device); });
}

void Group::device_goes_away(verbs::Device& device) {
  end_all_on(device);
  domain_.goes_away(device);
}

// Nothing is kept on a device for connections to come: a device that goes away waits for whoever has something on it.
void Group::drop_idle_shares() {
  for (std::size_t i = shares_.size(); i-- != 0;) {
    if (shares_[i]->users != 0) continue;
    verbs::Device& device = shares_[i]->device();
    if (!shares_[i]->may_invalidate()) domain_.invalidate_failed(device);
    // Its channel closes with the share; this descriptor is the device's, and outlives it.
    static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, device.event_fd(), nullptr));
    shares_.erase(shares_.begin() + static_cast<std::ptrdiff_t>(i));
    domain_.left(device);
  }
}

void Group::take_cm_events() {
  if (now_ < look_at_cm_) return;
  look_at_cm_ = now_ + kBetweenLooks;
  for (int i = 0; i < kMostCmEvents; ++i) {
    verbs::CmEvent event;
    const Made<bool> taken = channel_->next(event);
    if (!taken) {
      services().log(WEFT_LOG_ERROR, taken.error().text);
      return;
    }
    if (!*taken) return;
    if (event.id == nullptr && event.device != nullptr) {
      if (event.type == RDMA_CM_EVENT_DEVICE_REMOVAL) device_goes_away(*event.device);
      continue;
    }
    // Nobody: an id that was handed to another thread, or rejected, meanwhile.
    if (const auto user = users_.find(event.id); user != users_.end()) user->second->on_cm_event(event);
  }
  look_at_cm_ = 0;  // there may be more
}

int Group::arm(int& fd, std::uint64_t& deadline_ns) {
  ++counters().arms;
  post_receives();
  if (!dirty_.empty() || finished_first_ != nullptr || !quiet()) return -EAGAIN;
  if (device_events_.any()) return -EAGAIN;
  look_at_cm_ = look_at_devices_ = 0;  // what wakes us may be the connection manager, or a device
  for (const auto& share : shares_)
    if (!share->arm()) return -EAGAIN;
  fd = epoll_.get();
  deadline_ns = next_deadline();
  return 0;
}

// ---- what is opened on it ------------------------------------------------------------------------------------------

namespace {

Made<Options> options_of(const weft_address& address, const Options& base) {
  const Made<void> known = plugin::check_address(address);
  if (!known) return std::unexpected(known.error());
  if (address.fd >= 0)
    return std::unexpected(Failure{.code = ENOTSUP, .text = "this transport takes no open descriptor"});
  return Options::parse({address.options, address.option_count}, base);
}

}  // namespace

Made<Connection*> Group::connect(const weft_address& address, const weft_qpair_params& params,
                                 const weft_qpair_events& events, void* ctx) {
  const Made<void> fit = plugin::check_params(params);
  if (!fit) return std::unexpected(fit.error());
  const Made<Options> options = options_of(address, domain_.options());
  if (!options) return std::unexpected(options.error());
  auto connection = std::make_unique<Connection>(*this, Role::kHost, *options, params, events, ctx);
  const Made<void> begun = connection->connect(address);
  if (!begun) return std::unexpected(begun.error());
  return connection.release();
}

Made<Listener*> Group::listen(const weft_address& address, const weft_listener_events& events, void* ctx) {
  const Made<Options> options = options_of(address, domain_.options());
  if (!options) return std::unexpected(options.error());
  auto listener = std::make_unique<Listener>(*this, *options, events, ctx);
  const Made<void> bound = listener->open(address);
  if (!bound) return std::unexpected(bound.error());
  return listener.release();
}

Made<Connection*> Group::accept(Pending& pending, const weft_qpair_params& params, const weft_qpair_events& events,
                                void* ctx) {
  const Made<void> fit = plugin::check_params(params);
  if (!fit) return std::unexpected(fit.error());
  auto connection = std::make_unique<Connection>(*this, Role::kController, pending.options(), params, events, ctx);
  const Made<void> accepted = connection->accept(pending);
  if (!accepted) return std::unexpected(accepted.error());
  delete &pending;
  return connection.release();
}

Made<DeviceShare*> Group::share(verbs::Device& device) {
  for (const auto& share : shares_)
    if (&share->device() == &device) return share.get();
  if (!domain_.entered(device))
    return std::unexpected(Failure{.code = ENODEV, .text = "the RDMA device went away", .stage = "connect"});
  Options options = domain_.options();
  options.invalidate = options.invalidate && domain_.may_invalidate(device);
  Made<std::unique_ptr<DeviceShare>> made = DeviceShare::make(device, options, vector_);
  Made<void> watched;
  if (made) watched = watch(epoll_.get(), (*made)->fd());
  if (made && watched) watched = watch(epoll_.get(), device.event_fd());
  if (!made || !watched) {
    Failure why = made ? watched.error() : made.error();
    if (made) made->reset();
    domain_.left(device);
    return std::unexpected(std::move(why));
  }
  if (options.windows != WindowUse::kOff && device.attributes().windows && !device.makes_windows())
    services().log(WEFT_LOG_INFO, fmt::format("the device {} says that it has memory windows and makes none: a peer's "
                                              "key is good for all of a region, as with windows=off",
                                              device.attributes().name));
  shares_.push_back(std::move(*made));
  return shares_.back().get();
}

// ---- for what lives on it ------------------------------------------------------------------------------------------

void Group::finish(DataOp& op) {
  op.next = nullptr;
  (finished_last_ != nullptr ? finished_last_->next : finished_first_) = &op;
  finished_last_ = &op;
}

}  // namespace weft::rdma

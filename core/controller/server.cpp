// Listeners, controllers and workers: their comings and goings.
#include "core/controller/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <mutex>
#include <utility>

#include "core/controller/admin_commands.hpp"
#include "core/controller/network_address.hpp"
#include "core/util/log.hpp"

namespace weft::controller {
namespace {

constexpr Nanoseconds kBetweenSummaries = 10'000'000'000;
constexpr std::uint64_t kMostDataMemory = std::uint64_t{64} << 30;  // pages of it are counted in 32 bits

// Where a transport tells addresses and services apart, each connection of a machine comes from a service of its own,
// and an IPv6 address stands in brackets.
std::string machine_of_peer(std::string_view peer, const Transport& transport) {
  if (!transport.splits_service()) return std::string(peer);
  std::string_view address = peer.substr(0, peer.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return machine_of(address);
}

}  // namespace

Status Server::check_options(const TargetOptions& o) {
  if (o.threads == 0 || o.threads > 1024)
    return Error(EINVAL, fmt::format("a target has 1 to 1024 threads, not {}", o.threads));
  if (o.max_queue_size < 32 || o.max_queue_size > 65536) {
    return Error(EINVAL, fmt::format("the largest queue has 32 to 65536 entries, not {}", o.max_queue_size));
  }
  if (o.max_queue_entries / 4 < o.max_queue_size) {
    return Error(EINVAL,
                 fmt::format("all queues together have at least four times the entries of the largest ({}), not {}",
                             o.max_queue_size, o.max_queue_entries));
  }
  if (o.max_io_queues == 0 || o.max_io_queues > 128) {
    return Error(EINVAL, fmt::format("a controller has 1 to 128 I/O queues, not {}", o.max_io_queues));
  }
  if (o.max_transfer < kChunkSize || o.max_transfer > (64u << 20) || !std::has_single_bit(o.max_transfer)) {
    return Error(EINVAL, fmt::format("the largest transfer is a power of two from 4 KiB to 64 MiB, not {} bytes",
                                     o.max_transfer));
  }
  if (o.data_memory < 4ull * o.max_transfer) {
    return Error(
        EINVAL,
        fmt::format("memory for data under way ({} bytes a thread) must be four of the largest transfers ({} bytes)",
                    o.data_memory, o.max_transfer));
  }
  if (o.data_memory > kMostDataMemory) {
    return Error(EINVAL, fmt::format("memory for data under way is at most {} GiB a thread, not {} bytes",
                                     kMostDataMemory >> 30, o.data_memory));
  }
  if (o.max_unconnected == 0)
    return Error(EINVAL, "a machine that may open no connection before it has connected never connects");
  if (o.max_connections == 0) return Error(EINVAL, "a target that takes no connections serves nobody");
  if (o.max_controllers == 0 || o.max_controllers > fabrics::kCntlidMax || o.max_controllers_per_host == 0) {
    return Error(EINVAL, fmt::format("a target has 1 to {} controllers, not {}, and at least one for each host",
                                     fabrics::kCntlidMax, o.max_controllers));
  }
  if (o.max_discovery_controllers == 0 || o.max_discovery_controllers > fabrics::kCntlidMax) {
    return Error(EINVAL, fmt::format("a target has 1 to {} discovery controllers, not {}", fabrics::kCntlidMax,
                                     o.max_discovery_controllers));
  }
  if (Status valid = check_cntlid_range(o.cntlids); !valid) return valid;
  if (o.data_timeout == 0) return Error(EINVAL, "data that a host does not send or take must time out");
  return {};
}

Server::Server(TransportRegistry& registry, const TargetOptions& options, std::span<Reactor* const> reactors)
    : registry_(registry),
      options_(options),
      control_(*reactors.front()),
      cntlids_(options_.cntlids),
      discovery_(subsystems_, listener_facts_, options_),
      admission_(options_.max_connections, options_.max_unconnected),
      queue_entries_(options_.max_queue_entries),
      storage_watch_(control_, {.has_hosts =
                                    [this] {
                                      return std::any_of(controllers_.begin(), controllers_.end(),
                                                         [](const auto& c) { return !c.second->discovery(); });
                                    },
                                .changed = [this](Subsystem& subsystem, Namespace& ns,
                                                  std::uint64_t blocks) { storage_changed(subsystem, ns, blocks); }}),
      faults_timer_(
          control_, [](void* ctx) { static_cast<Server*>(ctx)->sum_up_faults(); }, this),
      started_(control_.clock_now()) {
  for (Reactor* const reactor : reactors) {
    workers_.push_back(std::make_unique<Worker>(*reactor, control_, static_cast<ControlPort&>(*this), options_));
    worker_list_.push_back(workers_.back().get());
  }
}

Server::~Server() { assert(controllers_.empty() && listeners_.empty() && queues_.empty()); }

void Server::notice(std::string_view sentence) {
  if (notice_to) notice_to(terminal_text(sentence));
}

// ---- Listeners

Status Server::check_access_rules(const ListenerFacts& facts) const {
  if (facts.loopback || facts.discovery_only) return {};
  for (const auto& [nqn, subsystem] : subsystems_) {
    if (subsystem->has_rule()) continue;
    return Error(EINVAL,
                 fmt::format("hosts on other machines could reach {} at {}: say who may use {}, or that any host may",
                             facts.info.traddr, facts.info.trsvcid, nqn));
  }
  return {};
}

Result<Address> Server::listen(const Address& wanted, bool discovery_only) {
  if (stopping_) return Error(ESHUTDOWN, "the target is stopping");
  Address address = wanted;
  auto transport = registry_.find(address, WEFT_ROLE_CONTROLLER);
  if (!transport) return transport.error();
  if (const Status ok = check_transport_options(address, (*transport)->options(), {}); !ok) return ok.error();
  if ((*transport)->splits_service()) {
    const weft_transport& table = (*transport)->table();
    const bool discovery = discovery_only && table.discovery_trsvcid != nullptr;
    const Status split = address.split_service(discovery ? table.discovery_trsvcid : table.default_trsvcid);
    if (!split) return split.error();
  }
  if (!address.subnqn.empty()) {
    return Error(EINVAL,
                 fmt::format("{}: a listener serves every subsystem, so its address names none", address.to_string()));
  }
  auto listener = std::make_unique<Listener>(static_cast<Listener::Owner&>(*this), **transport);
  if (const Status opened = listener->open(control_, address, discovery_only, next_port_id_); !opened)
    return opened.error();
  Listener& opened = *listener;
  listeners_.push_back(std::move(listener));
  if (Status rules = check_access_rules(*opened.facts()); !rules) {
    opened.close();
    return rules.error();
  }
  ++next_port_id_;
  listener_facts_.push_back(opened.facts());
  discovery_changed();
  return opened.bound();
}

void Server::unlisten(const Address& bound, Done done) {
  const auto it = std::find_if(listeners_.begin(), listeners_.end(), [&](const auto& l) { return l->is_at(bound); });
  if (it == listeners_.end()) return done(Error(ENOENT, fmt::format("nothing listens on {}", bound.to_string())));
  unlistening_.emplace_back(it->get(), std::move(done));
  std::erase(listener_facts_, (*it)->facts());
  discovery_changed();
  (*it)->close();
}

// Queues are dealt out in turn: which of them will carry the load is not known when they come.
void Server::connection(Listener& listener, weft_pending* pending, std::string peer) {
  std::string machine = machine_of_peer(peer, listener.transport());
  Admission::Outcome outcome = admission_.admit(machine, control_.now());
  if (!outcome.why_not.empty()) {
    listener.transport().table().reject(pending, WEFT_REJECT_RESOURCES);
    return refused(fmt::format("a connection from {}: {}, as many as may be", peer, outcome.why_not));
  }
  Worker& worker = *worker_list_[next_worker_];
  next_worker_ = (next_worker_ + 1) % worker_list_.size();
  outcome.tickets.newcomer->worker = &worker;
  if (outcome.makes_room != nullptr) close_for_room(outcome.makes_room);
  worker.post([&transport = listener.transport(), pending,
               origin = Origin{listener.facts(), std::move(peer), std::move(machine)},
               tickets = std::move(outcome.tickets)](Worker& w) { w.accept(transport, pending, origin, tickets); });
}

std::uint64_t Server::count(Summary& summary) {
  ++summary.untold;
  if (control_.now() < summary.tell_at) return 0;
  summary.tell_at = control_.now() + kBetweenSummaries;
  return std::exchange(summary.untold, 0);
}

// It may connect, or go, before its worker hears of this.
void Server::close_for_room(const std::shared_ptr<Newcomer>& newcomer) {
  newcomer->worker->post([newcomer](Worker&) {
    if (newcomer->queue != nullptr) newcomer->queue->make_room();
  });
  if (const std::uint64_t closed = count(closed_for_room_); closed != 0) {
    const std::string last = fmt::format("{} that had not connected, to make room for others", newcomer->machine);
    notice(closed == 1 ? "closed a connection from " + last
                       : fmt::format("closed {} times a connection, the last from {}", closed, last));
  }
}

void Server::refused(const std::string& sentence) {
  const std::uint64_t count = this->count(refusals_);
  if (count == 0) return;
  notice(count == 1 ? "refused " + sentence : fmt::format("refused {} times, the last: {}", count, sentence));
}

void Server::listener_closed(Listener& listener, const Error& reason) {
  if (reason.code != 0) notice(fmt::format("listener {} ended: {}", listener.bound().to_string(), reason.text));
  if (std::erase(listener_facts_, listener.facts()) != 0) discovery_changed();
  control_.post([this, &listener] {  // not inside its own event
    const auto waiting = std::find_if(unlistening_.begin(), unlistening_.end(),
                                      [&](const auto& entry) { return entry.first == &listener; });
    Done done = waiting == unlistening_.end() ? Done() : std::move(waiting->second);
    if (waiting != unlistening_.end()) unlistening_.erase(waiting);
    std::erase_if(listeners_, [&](const auto& l) { return l.get() == &listener; });
    if (done) done({});
    listeners_gone();
  });
}

// ---- Requests and queue pairs

void Server::take(AdminRequest& request) {
  const auto it = queues_.find(request.queue);
  if (it == queues_.end()) return connect(request);
  Controller& controller = *it->second.controller;
  if (controller.ending() || stopping_)
    return give_back(request, {nvme::status::kControllerPathingError, kNoLocation, 0});
  controller.keep_alive().command_came();
  AdminContext context{controller, request, options_, discovery_, control_.now() - started_};
  if (const MaybeAnswer answer = dispatch(context)) give_back(request, *answer);
}

// It cannot have been used for another command meanwhile: its worker would have said so after this.
void Server::drop(AdminRequest& request) {
  const auto it = queues_.find(request.queue);
  if (it != queues_.end()) it->second.controller->events().drop(request);
}

void Server::queue_closed(Queue& queue) {
  const auto it = queues_.find(&queue);
  const QueueKey key = it->second;
  queues_.erase(it);
  queue_entries_.give_back(key.entries);
  key.controller->queue_closed(key.qid);
  queue.worker().forget(queue);
}

void Server::errors_recorded(Queue& queue) {
  const auto it = queues_.find(&queue);
  if (it != queues_.end()) static_cast<void>(it->second.controller->error_log());
}

void Server::exclusive_wanted(Namespace& ns, Worker& worker, IoSlot& slot, BlockRange range) {
  ns.gate().want(range, [&worker, &slot] { worker.grant(slot); }, &slot.queue().share());
}

void Server::exclusive_ended(Namespace& ns, BlockRange range, Effect effect) { ns.gate().ended(range, effect); }

// ---- Controllers

void Server::controller_gone(Controller& controller) {
  control_.post([this, &controller] {
    const Subsystem* const subsystem = controller.identity().subsystem;
    controllers_.erase(controller.identity().cntlid);
    const bool used = std::any_of(controllers_.begin(), controllers_.end(),
                                  [&](const auto& c) { return c.second->identity().subsystem == subsystem; });
    if (used) return;
    for (auto it = emptying_.begin(); it != emptying_.end();) {
      if (it->first != subsystem) {
        ++it;
        continue;
      }
      const auto done = std::move(it->second);
      it = emptying_.erase(it);
      done();
    }
  });
}

void Server::end_controllers(const std::function<bool(const Controller&)>& which) {
  for (const auto& [cntlid, controller] : controllers_) {
    if (which(*controller)) controller->end(true);
  }
}

std::vector<ControllerInfo> Server::controllers() {
  std::vector<ControllerInfo> all;
  for (const auto& [cntlid, c] : controllers_) {
    all.push_back({cntlid, c->identity().subnqn, c->identity().hostnqn, c->identity().origin.peer, c->io_queues()});
  }
  return all;
}

void Server::discovery_changed() {
  tell_reserve();
  for (const auto& [cntlid, controller] : controllers_) {
    if (!controller->discovery() || controller->ending()) continue;
    if (Queue* const queue = controller->queue(0)) discovery_.check(*controller, queue->info());
  }
}

void Server::counts(std::function<void(TargetCounts)> done) {
  struct Shared {
    std::mutex mutex;
    TargetCounts counts;
  };
  auto shared = std::make_shared<Shared>();
  shared->counts.listeners = static_cast<std::uint32_t>(listeners_.size());
  shared->counts.controllers = static_cast<std::uint32_t>(controllers_.size());
  on_workers(
      [shared](Worker& worker) {
        const std::lock_guard lock(shared->mutex);
        shared->counts.queue_pairs += worker.queue_pairs();
        shared->counts.borrowed_buffers += worker.resources().held();
        shared->counts.commands += worker.commands();
      },
      [shared, done = std::move(done)] { done(shared->counts); });
}

void Server::on_workers(std::function<void(Worker&)> each, std::function<void()> done) {
  struct Left {
    std::size_t workers;
    std::function<void()> done;
  };
  auto left = std::make_shared<Left>(workers_.size(), std::move(done));
  for (Worker* const worker : worker_list_) {
    worker->post([this, each, left](Worker& w) {
      each(w);
      control_.post([left] {
        if (--left->workers == 0) left->done();
      });
    });
  }
}

// ---- The end

void Server::stop(Nanoseconds deadline, std::function<void()> done) {
  stopping_ = true;
  stop_deadline_ = deadline;
  stopped_ = std::move(done);
  for (const auto& listener : listeners_) listener->close();
  listeners_gone();
}

// No connection comes any more; those that came lie before this in the workers' mailboxes.
void Server::listeners_gone() {
  if (!stopping_ || !listeners_.empty() || std::exchange(workers_told_, true)) return;
  for (const auto& [cntlid, controller] : controllers_) controller->stop(stop_deadline_);
  for (Worker* const worker : worker_list_) {
    worker->post([deadline = stop_deadline_](Worker& w) { w.stop(deadline); });
  }
}

void Server::worker_empty(Worker&) {
  if (++workers_empty_ == workers_.size()) close_everything();
}

void Server::close_everything() {
  if (subsystems_.empty()) {
    if (!faults_.empty()) sum_up_faults();  // nobody will hear of those that are counted and not told yet
    return std::exchange(stopped_, nullptr)();
  }
  Subsystem& subsystem = *subsystems_.begin()->second;
  close_namespaces(subsystem, [this, &subsystem] {
    subsystems_.erase(subsystem.nqn());
    close_everything();
  });
}

}  // namespace weft::controller

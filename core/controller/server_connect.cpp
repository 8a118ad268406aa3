// Connect: who may come in, and to what.
//
// A host learns of a subsystem only when it may use it: while there is one here that it may not use, every name that it may
// not use is answered alike (Invalid Host), whether there is such a subsystem or not. A host that may use all of them is
// told of a wrong name as such.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/controller/connect_check.hpp"
#include "core/controller/server.hpp"
#include "core/controller/shares.hpp"
#include "core/controller/told_sizes.hpp"
#include "core/wire/nqn.hpp"

namespace weft::controller {
namespace {

namespace where = fabrics::invalid_parameter;

Answer busy() { return {fabrics::status::kConnectControllerBusy, kNoLocation, 0}; }

fabrics::ConnectData read_data(const AdminRequest& request) { return load<fabrics::ConnectData>(request.connect_data); }

std::string name(const WireText<fabrics::kNqnFieldSize>& field) {  // judged before; "": a host without a name
  const auto nqn = wire::read_nqn(field);
  return nqn ? std::string(*nqn) : std::string();
}

// A transport that does not tell peers apart gives them all the same empty text, which proves nothing.
bool same_machine(const Origin& a, const Origin& b) { return !a.machine.empty() && a.machine == b.machine; }

// Hosts send another HOSTID on each queue, or none. From the machine of the admin queue that is taken; from elsewhere the
// HOSTID is the only proof that name and CNTLID were not guessed.
bool may_join(const Controller::Identity& admin, const wire::Uuid& hostid, const Origin& from) {
  if (same_machine(admin.origin, from)) return true;
  return !wire::is_nil(hostid) && hostid == admin.hostid;
}

// Counted for the controller's machine, wherever a queue comes from.
QueueEntries::Grant entries_of(const fabrics::ConnectCommand& command, const Controller::Identity& identity) {
  return {.host = {identity.listed, identity.origin.machine, identity.hostnqn},
          .entries = QueueEntries::counted(command.qid == 0, command.sqsize + 1U)};
}

}  // namespace

void Server::connect(AdminRequest& request) {
  const auto command = fabrics::as<fabrics::ConnectCommand>(request.sqe);
  const fabrics::ConnectData data = read_data(request);
  Answer answer = check_connect_data(command, data);
  const std::uint32_t max_depth = request.queue->limits().max_depth;
  if (answer.ok() && max_depth != 0 && command.sqsize >= max_depth) answer = connect_invalid(where::kSqsize);
  if (answer.ok() && stopping_) answer = busy();
  if (answer.ok()) {
    answer = command.qid == 0 ? connect_admin(request, command, data) : connect_io(request, command, data);
  }
  give_back(request, answer);
}

Answer Server::admit(std::string_view subnqn, std::string_view hostnqn, const ListenerFacts& by,
                     Subsystem*& subsystem) {
  if (by.discovery_only) return connect_invalid(where::kSubnqn);
  const auto it = subsystems_.find(subnqn);
  if (it != subsystems_.end() && it->second->admits(hostnqn, by)) {
    subsystem = it->second.get();
    return success();
  }
  const bool may_use_all = std::all_of(subsystems_.begin(), subsystems_.end(), [&](const auto& s) {
    return s.second->removing || s.second->admits(hostnqn, by);
  });
  if (may_use_all) return connect_invalid(where::kSubnqn);
  return {fabrics::status::kConnectInvalidHost, kNoLocation, 0};
}

// Whoever names an access list is not proved to be that host; it is bounded all the same.
bool Server::is_listed(std::string_view hostnqn) const {
  return std::any_of(subsystems_.begin(), subsystems_.end(), [&](const auto& s) { return s.second->lists(hostnqn); });
}

bool Server::has_reserve() const {
  return std::any_of(subsystems_.begin(), subsystems_.end(), [](const auto& s) { return s.second->lists_hosts(); });
}

void Server::tell_reserve() {
  if (has_reserve() == reserve_) return;
  reserve_ = !reserve_;
  for (Worker* const worker : worker_list_) worker->post([reserve = reserve_](Worker& w) { w.set_reserve(reserve); });
}

// Controllers of the discovery service and of subsystems are counted apart, each kind by the rule of docs/decisions/0106.
bool Server::has_room_for(const Controller::Identity& identity) {
  const bool discovery = identity.subsystem == nullptr;
  const std::uint64_t most = discovery ? options_.max_discovery_controllers : options_.max_controllers;
  std::uint64_t all = 0, unlisted = 0, of_machine = 0, of_name = 0;
  for (const auto& [cntlid, controller] : controllers_) {
    const Controller::Identity& other = controller->identity();
    if (controller->discovery() != discovery) continue;
    ++all;
    unlisted += other.listed ? 0U : 1U;
    if (other.origin.machine != identity.origin.machine || other.listed != identity.listed) continue;
    ++of_machine;
    of_name += other.hostnqn == identity.hostnqn ? 1U : 0U;
  }
  std::uint64_t free = most - std::min(most, all);
  if (reserve_ && !identity.listed) free = free_beside_reserve(free, most, reserve_of_places(most), unlisted);
  const bool fits = name_may_take(kOfPlaces, 1, free, of_machine, of_name);
  if (fits && of_name < options_.max_controllers_per_host) return true;
  const char* const kind = discovery ? "discovery controllers" : "controllers";
  const std::string holds =
      fits ? fmt::format("the host has {} from there", of_name)
           : fmt::format("{} of {} are there, {} of that machine, {} of that name", all, most, of_machine, of_name);
  refused(fmt::format("a controller for {} at {}: {} {}, as many as may be", host_words(identity.hostnqn),
                      identity.origin.peer, kind, holds));
  return false;
}

bool Server::has_room_for(const QueueEntries::Grant& entries, const Origin& origin) {
  if (queue_entries_.has_room_for(entries, reserve_)) return true;
  refused(fmt::format("a queue of {} entries for {} at {}: {} of {} are free, and its part is used up", entries.entries,
                      host_words(entries.host.hostnqn), origin.peer, queue_entries_.free(),
                      options_.max_queue_entries));
  return false;
}

// A CNTLID is in use until the last queue pair of its controller is gone. Subsystems share the numbers, whatever their ranges.
// Discovery controllers keep out of the ranges as long as they can: whoever asks for many must not use a small one up.
std::uint16_t Server::free_cntlid(Subsystem* subsystem) {
  const auto in_use = [this](std::uint16_t cntlid) { return controllers_.contains(cntlid); };
  if (subsystem != nullptr) return (subsystem->cntlids ? *subsystem->cntlids : cntlids_).next(in_use);
  const auto in_a_range = [this](std::uint16_t cntlid) {
    if (options_.cntlids != CntlidRange{} && cntlids_.contains(cntlid)) return true;
    return std::any_of(subsystems_.begin(), subsystems_.end(),
                       [&](const auto& s) { return s.second->cntlids && s.second->cntlids->contains(cntlid); });
  };
  const std::uint16_t apart =
      discovery_cntlids_.next([&](std::uint16_t cntlid) { return in_use(cntlid) || in_a_range(cntlid); });
  return apart != 0 ? apart : discovery_cntlids_.next(in_use);
}

Answer Server::connect_admin(AdminRequest& request, const fabrics::ConnectCommand& command,
                             const fabrics::ConnectData& data) {
  Controller::Identity identity{.subnqn = name(data.subnqn),
                                .hostnqn = name(data.hostnqn),
                                .hostid = data.hostid,
                                .origin = request.queue->origin()};
  if (!wire::is_discovery_nqn(identity.subnqn)) {
    const Answer answer = admit(identity.subnqn, identity.hostnqn, *identity.origin.listener, identity.subsystem);
    if (!answer.ok()) return answer;
  }
  identity.listed = is_listed(identity.hostnqn);
  if (!has_room_for(identity) || !has_room_for(entries_of(command, identity), identity.origin)) return busy();
  identity.cntlid = free_cntlid(identity.subsystem);
  if (identity.cntlid == 0) {
    refused(fmt::format("a controller for {} at {}: all identifiers of the range are in use",
                        host_words(identity.hostnqn), identity.origin.peer));
    return busy();
  }
  identity.number = ++controllers_made_;
  const std::uint16_t cntlid = identity.cntlid;
  auto owned = std::make_unique<Controller>(static_cast<Controller::Owner&>(*this), control_, options_,
                                            max_queue_size(options_, request.queue->limits()), std::move(identity));
  Controller& controller = *owned;
  controllers_.emplace(cntlid, std::move(owned));
  controller.keep_alive().set(command.kato);
  grant(request, controller, command);
  if (controller.discovery()) {
    discovery_.check(controller, request.queue->info());
  } else {
    storage_watch_.host_came();
    say_clamped(*controller.identity().origin.listener, request.queue->limits());
  }
  return success(fabrics::ConnectResult{.cntlid = cntlid}.encode());
}

Answer Server::connect_io(AdminRequest& request, const fabrics::ConnectCommand& command,
                          const fabrics::ConnectData& data) {
  const std::string subnqn = name(data.subnqn);
  const std::string hostnqn = name(data.hostnqn);
  if (wire::is_discovery_nqn(subnqn)) return connect_invalid(where::kQid);
  Subsystem* subsystem = nullptr;
  const Answer answer = admit(subnqn, hostnqn, *request.queue->origin().listener, subsystem);
  if (!answer.ok()) return answer;
  const auto it = controllers_.find(data.cntlid);
  if (it == controllers_.end() || it->second->identity().subsystem != subsystem || it->second->ending()) {
    return connect_invalid(where::kCntlid);
  }
  Controller& controller = *it->second;
  if (controller.identity().hostnqn != hostnqn) return connect_invalid(where::kHostnqn);
  if (!may_join(controller.identity(), data.hostid, request.queue->origin())) return connect_invalid(where::kHostid);
  if (!controller.registers().accepts_io()) return connect_invalid(where::kQid);
  if (command.qid > controller.features().io_queues) return connect_invalid(where::kQid);
  if (controller.has_queue(command.qid)) return {nvme::status::kCommandSequenceError, kNoLocation, 0};
  if (!has_room_for(entries_of(command, controller.identity()), controller.identity().origin)) return busy();
  grant(request, controller, command);
  return success(fabrics::ConnectResult{.cntlid = controller.identity().cntlid}.encode());
}

// What a transport can do is known from its first queue pair on.
void Server::say_clamped(const ListenerFacts& listener, const weft_limits& limits) {
  if (!said_clamped_.insert(listener.port_id).second) return;
  const TargetOptions defaults;
  const auto say = [&](std::string_view option, std::uint32_t wanted, std::uint32_t fallback, std::uint32_t taken) {
    if (wanted == taken || wanted == fallback) return;
    const bool rounded = option == "in_capsule" && wanted / kCapsuleUnit * kCapsuleUnit == taken;
    notice(fmt::format("{} = {} becomes {} at {}: {}", option, wanted, taken, listener.info.traddr,
                       rounded ? "it is a multiple of 16" : "the transport has no more"));
  };
  say("in_capsule", options_.in_capsule, defaults.in_capsule, in_capsule_size(options_, limits));
  say("max_queue_size", options_.max_queue_size, defaults.max_queue_size, max_queue_size(options_, limits));
  say("max_transfer", options_.max_transfer, defaults.max_transfer, max_transfer_size(options_, limits));
}

void Server::grant(AdminRequest& request, Controller& controller, const fabrics::ConnectCommand& command) {
  auto grant = std::make_unique<ConnectGrant>();
  grant->admin = command.qid == 0;
  grant->qid = command.qid;
  grant->cntlid = controller.identity().cntlid;
  grant->depth = command.sqsize + 1u;
  grant->sq_flow_control = (command.cattr & fabrics::cattr::kDisableSqFlowControl) == 0;
  grant->in_capsule = controller.discovery() ? 0 : in_capsule_size(options_, request.queue->limits());
  grant->hostnqn = controller.identity().hostnqn;
  grant->subnqn = controller.identity().subnqn;
  grant->subsystem = controller.identity().subsystem;
  grant->listed = controller.identity().listed;
  grant->shared = controller.add_queue(command.qid, *request.queue);
  QueueEntries::Grant entries = entries_of(command, controller.identity());
  queue_entries_.take(entries);
  queues_.emplace(request.queue, QueueKey{&controller, command.qid, std::move(entries)});
  request.grant = std::move(grant);
}

}  // namespace weft::controller

#include "core/controller/discovery_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

#include "core/controller/controller.hpp"
#include "core/controller/network_address.hpp"
#include "core/controller/subsystem.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"
#include "core/wire/uuid.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kMaxViews = 1024;

struct Place {
  std::uint8_t adrfam = 0;
  std::string_view traddr;  // "": not to be reached from there
};

// The address of a listener for a host that reached `local` of this machine, without a scope: the name of an interface
// means nothing to another machine. A link-local address is listed only to a host that asks over the same link, because
// no other host can know which of its interfaces leads there.
Place reachable(const ListenerFacts& listener, std::string_view local, bool from_here) {
  const std::string_view bound = listener.info.traddr;
  if (listener.loopback && !from_here) return {};
  if (!listener.wildcard) {
    const std::string_view scope = scope_of(bound);
    if (!scope.empty() && scope != scope_of(local)) return {};
    return {listener.info.adrfam, without_scope(bound)};
  }
  const std::string_view address = without_scope(unmapped(local));
  const std::uint8_t family = family_of(address);
  const bool listens = family != 0 && (bound == kBothFamilies || family == listener.info.adrfam);
  return listens ? Place{family, address} : Place{};
}

fabrics::DiscoveryLogEntry make_entry(std::uint8_t subtype, std::string_view nqn, const ListenerFacts& listener,
                                      const Place& place, const TargetOptions& options) {
  fabrics::DiscoveryLogEntry entry;
  entry.trtype = listener.info.trtype;
  entry.adrfam = place.adrfam;
  entry.subtype = subtype;
  entry.treq = listener.info.treq | fabrics::treq::kDisableSqFlowControl;
  entry.portid = listener.port_id;
  entry.cntlid = fabrics::kCntlidAny;
  entry.asqsz = static_cast<std::uint16_t>(std::min(options.max_queue_size, 65535U));
  // Padded with NULs: some hosts take both fields as C strings.
  wire::write_text(entry.trsvcid, listener.info.trsvcid, '\0');
  static_cast<void>(wire::write_nqn(entry.subnqn, nqn));  // judged when the subsystem was added
  wire::write_text(entry.traddr, place.traddr, '\0');
  static_assert(sizeof listener.info.tsas == sizeof entry.tsas);
  std::copy(std::begin(listener.info.tsas), std::end(listener.info.tsas), entry.tsas.begin());
  return entry;
}

}  // namespace

std::string DiscoveryService::random_serial() {
  const wire::Uuid uuid = wire::random_uuid();
  return fmt::format("WEFT{:02X}", fmt::join(uuid.begin(), uuid.begin() + 8, ""));
}

DiscoveryService::Entries DiscoveryService::entries(const Controller& controller, std::string_view local) const {
  const Controller::Identity& host = controller.identity();
  const bool from_here = host.origin.listener->loopback || is_loopback(family_of(local), local);
  Entries entries;
  const auto add = [&](std::uint8_t subtype, std::string_view nqn, const ListenerFacts& listener) {
    const Place place = reachable(listener, local, from_here);
    if (!place.traddr.empty()) entries.push_back(make_entry(subtype, nqn, listener, place, options_));
  };
  // First the discovery subsystem itself, at the listener that the host came by, while that listens.
  if (std::find(listeners_.begin(), listeners_.end(), host.origin.listener) != listeners_.end())
    add(fabrics::subtype::kCurrentDiscovery, host.subnqn, *host.origin.listener);
  for (const auto& [nqn, subsystem] : subsystems_) {
    for (const auto& listener : listeners_) {
      if (subsystem->admits(host.hostnqn, *listener)) add(fabrics::subtype::kNvm, nqn, *listener);
    }
  }
  return entries;
}

std::uint64_t DiscoveryService::generation(const Controller& controller, std::string_view local,
                                           const Entries& entries) {
  const Controller::Identity& host = controller.identity();
  const auto bytes = std::as_bytes(std::span(entries));
  const std::size_t hash = std::hash<std::string_view>()(
      std::string_view(static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()));
  std::string key = fmt::format("{} {} {}", host.origin.listener->port_id, local, host.hostnqn);
  if (views_.size() >= kMaxViews && !views_.contains(key)) views_.clear();
  const auto [it, is_new] = views_.try_emplace(std::move(key));
  if (is_new || it->second.hash != hash) it->second = {hash, next_generation_++};
  return it->second.generation;
}

std::vector<std::byte> DiscoveryService::page(Controller& controller, const weft_qpair_info& info) {
  const Entries entries = this->entries(controller, info.local);
  fabrics::DiscoveryLogHeader header;
  header.genctr = controller.discovery_view = generation(controller, info.local, entries);
  header.numrec = entries.size();
  std::vector<std::byte> page(sizeof header + entries.size() * sizeof(fabrics::DiscoveryLogEntry));
  store(page.data(), header);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    store(page.data() + sizeof header + i * sizeof(fabrics::DiscoveryLogEntry), entries[i]);
  }
  return page;
}

void DiscoveryService::check(Controller& controller, const weft_qpair_info& info) {
  const std::uint64_t now = generation(controller, info.local, entries(controller, info.local));
  if (controller.discovery_view == now) return;
  const bool first = controller.discovery_view == 0;  // just connected: it has seen nothing that could have changed
  controller.discovery_view = now;
  // A host that keeps no connection alive is told nothing.
  if (!first && controller.keep_alive().kato() != 0) controller.events().raise(AsyncEvents::kDiscoveryLog);
}

}  // namespace weft::controller

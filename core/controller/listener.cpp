#include "core/controller/listener.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/controller/network_address.hpp"
#include "core/plugin/transport_address.hpp"

namespace weft::controller {
namespace {

std::uint32_t parse_port(const std::string& service) {
  const Result<std::uint64_t> port = parse_count(service, 0, UINT16_MAX);
  return port ? static_cast<std::uint32_t>(*port) : UINT32_MAX;
}

}  // namespace

const weft_listener_events Listener::kEvents = {
    .size = sizeof(weft_listener_events),
    .reserved = 0,
    .on_connect = &Listener::on_connect,
    .on_closed = &Listener::on_closed,
};

Status Listener::open(Reactor& reactor, const Address& address, bool discovery_only, std::uint16_t port_id) {
  const auto group = reactor.group(transport_);
  if (!group) return group.error();
  TransportAddress where;
  if (Status set = where.set(address, transport_); !set) return set;
  weft_error error = empty_error();
  const int rc = transport_.table().listen(*group, where.get(), &kEvents, this, &handle_, &error);
  if (rc != 0) {
    handle_ = nullptr;
    return to_error(rc, error, fmt::format("cannot listen on {}", address.to_string()));
  }
  auto facts = std::make_shared<ListenerFacts>();
  facts->port_id = port_id;
  facts->discovery_only = discovery_only;
  facts->info.size = sizeof facts->info;
  transport_.table().listener_info(handle_, &facts->info);
  facts->loopback = is_loopback(facts->info.adrfam, facts->info.traddr);
  facts->wildcard = is_wildcard(facts->info.adrfam, facts->info.traddr);
  asked_ = bound_ = address;
  bound_.fd.reset();
  bound_.traddr = facts->info.traddr;
  bound_.trsvcid = facts->info.trsvcid;
  bound_.split = transport_.splits_service();
  facts_ = std::move(facts);
  return {};
}

void Listener::close() {
  if (handle_ != nullptr) transport_.table().unlisten(std::exchange(handle_, nullptr));
}

bool Listener::is_at(Address address) const {
  if (address.scheme != bound_.scheme) return false;
  if (address.fd) return address.fd == asked_.fd;
  if (!transport_.splits_service()) return address.traddr == bound_.traddr || address.traddr == asked_.traddr;
  const weft_transport& table = transport_.table();
  const bool discovery = facts_->discovery_only && table.discovery_trsvcid != nullptr;
  if (!address.split_service(discovery ? table.discovery_trsvcid : table.default_trsvcid)) return false;
  const auto is_same = [&](const Address& own) {
    return parse_port(own.trsvcid) == parse_port(address.trsvcid) && is_same_address(own.traddr, address.traddr);
  };
  // What was asked for may be bound as another address ("*" on a machine without IPv6). Port 0 is any port.
  return is_same(bound_) || (!asked_.fd && parse_port(asked_.trsvcid) != 0 && is_same(asked_));
}

void Listener::on_connect(void* ctx, weft_pending* pending, const weft_connect_info* info) {
  auto& self = *static_cast<Listener*>(ctx);
  const bool told = WEFT_HAS(info, weft_connect_info, peer) && info->peer != nullptr;
  self.owner_.connection(self, pending, told ? info->peer : "");
}

void Listener::on_closed(void* ctx, const weft_error* error) {
  auto& self = *static_cast<Listener*>(ctx);
  self.handle_ = nullptr;
  Error reason;
  if (error != nullptr && error->code != 0) reason = to_error(error->code, *error, "the listener ended");
  self.owner_.listener_closed(self, reason);
}

}  // namespace weft::controller

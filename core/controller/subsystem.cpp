#include "core/controller/subsystem.hpp"

#include <fmt/format.h>

namespace weft::controller {

Subsystem::Subsystem(const SubsystemOptions& options)
    : cntlids(options.cntlids),
      nqn_(options.nqn),
      serial_(options.serial.empty() ? derive_serial(options.nqn) : options.serial),
      model_(options.model),
      any_host_(options.allow_any_host),
      listed_(!options.allow_hosts.empty()),
      hosts_(options.allow_hosts.begin(), options.allow_hosts.end()) {}

bool Subsystem::admits(std::string_view hostnqn, const ListenerFacts& by) const {
  if (removing || by.discovery_only) return false;
  if (any_host_) return true;
  return listed_ ? hosts_.contains(hostnqn) : by.loopback;
}

void Subsystem::allow(std::string_view hostnqn) {
  listed_ = true;
  hosts_.emplace(hostnqn);
}

bool Subsystem::disallow(std::string_view hostnqn) {
  const auto it = hosts_.find(hostnqn);
  if (it == hosts_.end()) return false;
  hosts_.erase(it);
  return true;
}

Namespace* Subsystem::find(std::uint32_t nsid) {
  const auto it = namespaces.find(nsid);
  return it == namespaces.end() ? nullptr : it->second.get();
}

std::uint32_t Subsystem::free_nsid() const {
  std::uint32_t nsid = 1;
  for (const auto& [used, ns] : namespaces) {
    if (used != nsid) break;
    ++nsid;
  }
  return nsid <= kMaxNamespaces ? nsid : 0;
}

// Twenty characters at most: the field's size.
std::string derive_serial(std::string_view nqn) {
  const wire::Uuid uuid = wire::derive_uuid("subsystem serial", nqn);
  std::string serial = "WEFT";
  for (std::size_t i = 0; i < 8; ++i) serial += fmt::format("{:02X}", uuid[i]);
  return serial;
}

wire::Uuid derive_namespace_uuid(std::string_view nqn, std::uint32_t nsid) {
  return wire::derive_uuid("namespace uuid", fmt::format("{}/{}", nqn, nsid));
}

wire::Uuid derive_namespace_nguid(std::string_view nqn, std::uint32_t nsid) {
  return wire::derive_uuid("namespace nguid", fmt::format("{}/{}", nqn, nsid));
}

}  // namespace weft::controller

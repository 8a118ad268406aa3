#include "core/controller/subsystem.hpp"

#include "core/controller/disk_identity.hpp"

#include <algorithm>
#include <utility>

namespace weft::controller {

Subsystem::Subsystem(const SubsystemOptions& options)
    : cntlids(options.cntlids),
      nqn_(options.nqn),
      serial_(options.serial),
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

std::uint32_t Subsystem::free_nsid() {
  while (namespaces.contains(lowest_free_)) ++lowest_free_;
  return lowest_free_ <= kMaxNamespaces ? lowest_free_ : 0;
}

Namespace& Subsystem::add(std::unique_ptr<Namespace> ns) {
  Namespace& added = *ns;
  if (added.facts().info.volatile_cache) ++volatile_caches_;
  if (added.facts().info.block_size == 512) ++small_blocks_;
  namespaces.emplace(added.nsid(), std::move(ns));
  return added;
}

std::unique_ptr<Namespace> Subsystem::remove(std::uint32_t nsid) {
  const auto it = namespaces.find(nsid);
  std::unique_ptr<Namespace> removed = std::move(it->second);
  namespaces.erase(it);
  if (removed->facts().info.volatile_cache) --volatile_caches_;
  if (removed->facts().info.block_size == 512) --small_blocks_;
  lowest_free_ = std::min(lowest_free_, nsid);
  return removed;
}

const std::string& Subsystem::serial() {
  if (serial_.empty()) {
    serial_ = derive_serial(nqn_, namespaces.empty() ? wire::random_uuid() : namespaces.begin()->second->facts().uuid);
  }
  return serial_;
}

}  // namespace weft::controller

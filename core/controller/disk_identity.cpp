#include "core/controller/disk_identity.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "core/wire/text_field.hpp"

namespace weft::controller {
namespace {

// A name without ambiguity: an NQN has no NUL, and each part but the last one says its length.
std::string name_of(std::string_view nqn, std::string_view kind, std::string_view bytes) {
  std::string name(nqn);
  name += '\0';
  name += fmt::format("{}:", kind.size());
  name += kind;
  name += bytes;
  return name;
}

std::string_view bytes_of(const wire::Uuid& uuid) { return {reinterpret_cast<const char*>(uuid.data()), uuid.size()}; }

DiskIdentity derive(std::string_view name) {
  return {wire::derive_uuid("namespace uuid", name), wire::derive_uuid("namespace nguid", name)};
}

}  // namespace

DiskIdentity derive_identity(std::string_view nqn, const StorageIdentity& storage, std::uint32_t nsid) {
  const std::string name = name_of(nqn, storage.kind, storage.bytes);
  return nsid == 0 ? derive(name) : derive(name_of(name, "nsid", std::to_string(nsid)));
}

DiskIdentity complete_identity(std::string_view nqn, const std::optional<wire::Uuid>& uuid,
                               const std::optional<wire::Uuid>& nguid) {
  DiskIdentity identity =
      uuid ? derive(name_of(nqn, "uuid", bytes_of(*uuid))) : derive(name_of(nqn, "nguid", bytes_of(*nguid)));
  if (uuid) identity.uuid = *uuid;
  if (nguid) identity.nguid = *nguid;
  return identity;
}

std::string derive_serial(std::string_view nqn, const wire::Uuid& disk) {
  const wire::Uuid uuid = wire::derive_uuid("subsystem serial", name_of(nqn, "namespace", bytes_of(disk)));
  std::string serial = "WEFT";
  for (std::size_t i = 0; i < 8; ++i) serial += fmt::format("{:02X}", uuid[i]);
  return serial;
}

bool Identities::has_derived(const DiskIdentity& identity) const {
  const auto found = uuids_.find(identity.uuid);
  return found != uuids_.end() && found->second.origin == Origin::kDerived;
}

Status Identities::add(std::string_view nqn, std::uint32_t nsid, const DiskIdentity& identity, Origin origin) {
  const bool by_nguid = origin == Origin::kNguid;
  for (const bool uuid : {!by_nguid, by_nguid}) {
    const char* const what = uuid ? "UUID" : "NGUID";
    const wire::Uuid& value = uuid ? identity.uuid : identity.nguid;
    if (wire::is_nil(value)) {
      return Error(EINVAL, fmt::format("namespace {} of {}: a {} of zeroes stands for none; leave it out to have one "
                                       "derived",
                                       nsid, nqn, what));
    }
    const Index& index = uuid ? uuids_ : nguids_;
    const auto found = index.find(value);
    if (found == index.end()) continue;
    return Error(EEXIST, fmt::format("namespace {} of {} has this {} already: {}", found->second.nsid,
                                     found->second.nqn, what, wire::format_uuid(value)));
  }
  uuids_.emplace(identity.uuid, Owner{std::string(nqn), nsid, origin});
  nguids_.emplace(identity.nguid, Owner{std::string(nqn), nsid, origin});
  return {};
}

void Identities::remove(const DiskIdentity& identity) {
  uuids_.erase(identity.uuid);
  nguids_.erase(identity.nguid);
}

std::string identity_notice(std::string_view nqn, std::uint32_t nsid, const BackendInfo& info,
                            const StorageIdentity* storage) {
  std::string says;
  if (storage == nullptr || !storage->bytes.empty()) {
    if (info.data == DataLifetime::kLost)
      says = "its identity is configured, but its data ends with this target: the same disk comes back empty";
  } else if (info.data == DataLifetime::kKept) {
    says = "hosts see a new disk each time it is served, unless a uuid is configured";
  }
  if (storage != nullptr && !storage->note.empty()) says = storage->note + (says.empty() ? "" : ": ") + says;
  if (says.empty()) return says;
  return fmt::format("namespace {} of {} ({}): {}", nsid, nqn, wire::printable(info.description), says);
}

}  // namespace weft::controller

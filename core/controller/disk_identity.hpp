// disk_identity.hpp - UUID and NGUID of namespaces, serial numbers of subsystems: derived, and kept apart.
//
// Everything derived has the subsystem's NQN in it: one storage in two subsystems is two disks. The NSID is not in it, so that
// storage keeps its identity when a configuration lists it in another place.
// Thread rule: the control thread; the derivations are pure.
#ifndef WEFT_CORE_CONTROLLER_DISK_IDENTITY_HPP
#define WEFT_CORE_CONTROLLER_DISK_IDENTITY_HPP

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/wire/uuid.hpp"
#include "weft/controller.hpp"

namespace weft::controller {

struct DiskIdentity {
  wire::Uuid uuid{}, nguid{};
  friend bool operator==(const DiskIdentity&, const DiskIdentity&) = default;
};

// From storage that has bytes; `nsid` keeps a second namespace on the same storage apart, 0 for the first.
[[nodiscard]] DiskIdentity derive_identity(std::string_view nqn, const StorageIdentity& storage, std::uint32_t nsid);
// What is configured stays; the other one follows from it. One at least is configured.
[[nodiscard]] DiskIdentity complete_identity(std::string_view nqn, const std::optional<wire::Uuid>& uuid,
                                             const std::optional<wire::Uuid>& nguid);
// At most as long as the field: 20 characters. `disk`: the UUID of one of the subsystem's namespaces.
[[nodiscard]] std::string derive_serial(std::string_view nqn, const wire::Uuid& disk);

// The identities of all namespaces of a target.
class Identities {
 public:
  enum class Origin : std::uint8_t { kDerived, kUuid, kNguid };  // the others: what was configured

  // Refuses nil, and what another namespace has; where it has both, the sentence names the NGUID if that is what was configured.
  [[nodiscard]] Status add(std::string_view nqn, std::uint32_t nsid, const DiskIdentity& identity, Origin origin);
  void remove(const DiskIdentity& identity);
  // Whether a namespace has derived the same: it is on the same storage.
  [[nodiscard]] bool has_derived(const DiskIdentity& identity) const;

 private:
  struct Owner {
    std::string nqn;
    std::uint32_t nsid;
    Origin origin;
  };
  using Index = std::map<wire::Uuid, Owner>;
  Index uuids_, nguids_;
};

// What the operator is to know of a namespace's identity; "": nothing.
[[nodiscard]] std::string identity_notice(std::string_view nqn, std::uint32_t nsid, const BackendInfo& info,
                                          const StorageIdentity* storage);

}  // namespace weft::controller

#endif

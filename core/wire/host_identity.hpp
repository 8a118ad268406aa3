// host_identity.hpp - the names that this machine connects with when it is told none: host NQN and host identifier.
//
// Taken, in this order, from
//   1. /etc/nvme/hostnqn and /etc/nvme/hostid, as nvme-cli keeps them. When only one of them is there, the other
//   follows
//      from it, for a controller may refuse one NQN with two identifiers. A file whose content is no name counts as
//      absent.
//   2. /etc/machine-id, through a one-way hash: stable over restarts, and the machine id itself never leaves the
//   machine.
//   3. random numbers: then every process is another host. Containers without a machine id end up here.
// Any thread. Errors: none, there always is a name.
#ifndef WEFT_CORE_WIRE_HOST_IDENTITY_HPP
#define WEFT_CORE_WIRE_HOST_IDENTITY_HPP

#include <string>

#include "core/wire/uuid.hpp"
#include "weft/status.hpp"

namespace weft::wire {

struct HostIdentity {
  std::string hostnqn;
  Uuid hostid{};
};

struct HostIdentityFiles {
  std::string hostnqn = "/etc/nvme/hostnqn";
  std::string hostid = "/etc/nvme/hostid";
  std::string machine_id = "/etc/machine-id";
};

// Reads the files anew; `fallback` stands in when none says anything.
[[nodiscard]] HostIdentity read_host_identity(const HostIdentityFiles& files, const Uuid& fallback);

// Read once for the process, at the first call.
[[nodiscard]] const HostIdentity& this_host();

// The first line without the blanks around it; "" when the file cannot be read.
[[nodiscard]] std::string first_line(const std::string& path);
// 32 hexadecimal digits that are not all zeroes; "" where there are none.
[[nodiscard]] std::string read_machine_id(const std::string& path);

// A host identifier that somebody wrote: a UUID that is not all zeroes. EINVAL otherwise.
[[nodiscard]] Result<Uuid> parse_hostid(std::string_view text);

}  // namespace weft::wire

namespace weft {

// Declared in host.hpp for applications.
[[nodiscard]] std::string default_hostnqn();
[[nodiscard]] std::string default_hostid();

}  // namespace weft

#endif

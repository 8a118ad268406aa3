// identity_sources.hpp - where the identity of storage is read from. A value; tests point it at folders of their own.
#ifndef WEFT_CORE_BACKEND_IDENTITY_SOURCES_HPP
#define WEFT_CORE_BACKEND_IDENTITY_SOURCES_HPP

#include <string>

#include "core/wire/uuid.hpp"
#include "weft/status.hpp"

namespace weft {

struct IdentitySources {
  std::string machine_id = "/etc/machine-id";
  std::string boot_id = "/proc/sys/kernel/random/boot_id";
  std::string sys = "/sys";
  std::string udev = "/run/udev/data";
  std::string state_folder;  // made when it is needed; "": there is none

  // $STATE_DIRECTORY (systemd's; the first of several), else $XDG_STATE_HOME/weft, else $HOME/.local/state/weft.
  [[nodiscard]] static IdentitySources of_this_process();
};

// The machine id through a one-way hash, for it must not leave the machine; "": there is none.
[[nodiscard]] std::string machine_name(const IdentitySources& sources);

// This installation: a random UUID in the file `identity` of the state folder, the same for all processes that use the folder.
struct Installation {
  wire::Uuid uuid;
  std::string damaged;  // the file that was, and is replaced; "": none
};
[[nodiscard]] Result<Installation> find_or_make_installation(const IdentitySources& sources);
// The same, where it is there already; nil otherwise.
[[nodiscard]] wire::Uuid find_installation(const IdentitySources& sources);

}  // namespace weft

#endif

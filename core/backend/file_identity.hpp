// file_identity.hpp - by what a file or block device is known again: docs/decisions/0300-identity-of-disks.md.
// May be asked once the file is claimed: then no other server that writes changes its attribute. Any thread.
#ifndef WEFT_CORE_BACKEND_FILE_IDENTITY_HPP
#define WEFT_CORE_BACKEND_FILE_IDENTITY_HPP

#include <sys/types.h>

#include <cstdint>

#include "core/backend/identity_sources.hpp"
#include "weft/backend.hpp"

namespace weft {

inline constexpr char kIdentityAttribute[] = "user.weft.uuid";

// `may_write`: the attribute of a regular file may be set.
[[nodiscard]] StorageIdentity identify_file(int fd, bool may_write, const IdentitySources& sources);
[[nodiscard]] StorageIdentity identify_device(dev_t device, std::uint64_t bytes, const IdentitySources& sources);

}  // namespace weft

#endif

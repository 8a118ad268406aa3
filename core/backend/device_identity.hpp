// device_identity.hpp - what a block device calls itself: WWN or serial number, UUID of a volume, and where in it a partition lies.
// Read from sysfs and udev's database. Any thread.
#ifndef WEFT_CORE_BACKEND_DEVICE_IDENTITY_HPP
#define WEFT_CORE_BACKEND_DEVICE_IDENTITY_HPP

#include <sys/types.h>

#include <string>

#include "core/backend/identity_sources.hpp"

namespace weft {

// The same as long as it is the same device, and of no other on this machine; "": it has nothing of that kind.
[[nodiscard]] std::string device_identity(dev_t device, const IdentitySources& sources);

// Of a virtual machine's disk without a serial number: the slot that it is in, "" for any other device. Another disk may be in the
// slot one day, so it does not go without the disk's size.
[[nodiscard]] std::string device_slot(dev_t device, const IdentitySources& sources);

}  // namespace weft

#endif

// nvme.hpp - the wire formats of NVMe: everything under weft/nvme/, for applications, the core and plugins alike.
//
// Structs are made of the integers of endian.hpp and byte arrays, start as zeroes, have their sizes and offsets
// asserted, and are moved to and from wire bytes with load<T>() and store(). Nothing here needs the library. Value
// types; any thread.
#ifndef WEFT_NVME_HPP
#define WEFT_NVME_HPP

#include "weft/endian.hpp"                   // IWYU pragma: export
#include "weft/nvme/command.hpp"             // IWYU pragma: export
#include "weft/nvme/feature.hpp"             // IWYU pragma: export
#include "weft/nvme/identify.hpp"            // IWYU pragma: export
#include "weft/nvme/identify_namespace.hpp"  // IWYU pragma: export
#include "weft/nvme/log_page.hpp"            // IWYU pragma: export
#include "weft/nvme/property.hpp"            // IWYU pragma: export
#include "weft/nvme/status_codes.hpp"        // IWYU pragma: export

#endif

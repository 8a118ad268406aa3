// loader.hpp - one plugin file: from a path to a table that was checked.
//
// In this order, so that nothing of a file runs before the file was judged: owner and mode of file and folder, on an open
// descriptor (file_trust.hpp); the ELF check, on that descriptor; Boost.DLL opens that same descriptor and finds the one
// symbol; the function behind it is called; its table is checked (table.hpp). From the opening on the plugin is trusted
// code. It is never unloaded: code, tables and strings stay valid for the life of the process.
// Any thread. Errors: a sentence to follow the file's name.
#ifndef WEFT_CORE_PLUGIN_LOADER_HPP
#define WEFT_CORE_PLUGIN_LOADER_HPP

#include <sys/stat.h>

#include <string>

#include "core/plugin/file_trust.hpp"
#include "weft/status.hpp"
#include "weft/transport_abi.h"

namespace weft {

// Runs code of the plugin: its constructors and its entry function. `file` was opened with open_trusted().
[[nodiscard]] Result<weft_transport> load_plugin(const TrustedFile& file);

}  // namespace weft

#endif

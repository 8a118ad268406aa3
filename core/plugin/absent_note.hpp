// absent_note.hpp - why a transport is not there: libweft-NAME.absent, which a build or a package leaves in the place of a
// plugin that it left out. One line of text. Any thread.
#ifndef WEFT_CORE_PLUGIN_ABSENT_NOTE_HPP
#define WEFT_CORE_PLUGIN_ABSENT_NOTE_HPP

#include <string>

#include "core/plugin/file_trust.hpp"

namespace weft {

// The line, to follow the file's name, with what no terminal should get escaped; a sentence of its own when there is none.
[[nodiscard]] std::string read_absent_note(const TrustedFile& file);

}  // namespace weft

#endif

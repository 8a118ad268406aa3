// file_trust.hpp - who could have put a plugin file where it is: opens it if only root or the caller could.
//
// The file and its folder must belong to root or to the caller (effective user) and not be writable by others; by a
// group only if it is the caller's own. A folder further up may be writable by others only with the sticky bit (/tmp).
// Who owns those further up is not judged: a tree that is mounted from elsewhere has owners of elsewhere there.
// A symbolic link is followed, and then the folder that the file really lies in is judged too.
// Any thread. Errors: a sentence to follow the file's name.
#ifndef WEFT_CORE_PLUGIN_FILE_TRUST_HPP
#define WEFT_CORE_PLUGIN_FILE_TRUST_HPP

#include <sys/stat.h>

#include <string>

#include "core/util/unique_fd.hpp"
#include "weft/status.hpp"

namespace weft {

struct TrustedFile {
  UniqueFd fd;  // read-only, close-on-exec
  struct stat status;
};

[[nodiscard]] Status check_folder(const std::string& folder);
// Judges the folder that the path names, then the file, by the descriptor that is returned.
[[nodiscard]] Result<TrustedFile> open_trusted(const std::string& path);

}  // namespace weft

#endif

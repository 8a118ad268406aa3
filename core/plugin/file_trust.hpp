// file_trust.hpp - who could have put a plugin file where it is: opens it if only root or the caller could.
//
// The way to the file is walked from the root, one component after another, each judged on a descriptor that is kept until
// the next one is open: nothing of the way can be replaced between its check and its use.
//   every folder    belongs to root or to the caller (effective user); others may write to it only with the sticky bit (/tmp)
//   every link      belongs to root or to the caller; where it leads is walked in the same way
//   the file and its folder (the folder that was named, and the one that a link leads to)
//                   nobody else may write, a group only if it is the caller's own
// A folder further up may be writable by its group, as /usr/local is on Debian: its owner decided that.
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

[[nodiscard]] Result<TrustedFile> open_trusted(const std::string& path);

}  // namespace weft

#endif

// storage_file.hpp - opens what stores blocks: a regular file or a block device. Never waits for another process.
//
// open() of a pipe waits for its other end, of a serial line for its carrier, and that of a watchdog starts it. So the kind
// of file is judged before it is opened, the call is told not to wait, and the kind is judged again on the descriptor.
// Any thread. Errors: the errno, and a sentence that begins with the path.
#ifndef WEFT_CORE_BACKEND_STORAGE_FILE_HPP
#define WEFT_CORE_BACKEND_STORAGE_FILE_HPP

#include <sys/stat.h>

#include <string>

#include "core/util/unique_fd.hpp"
#include "weft/status.hpp"

namespace weft {

struct StorageFile {
  UniqueFd fd;
  struct stat status{};
};

// `flags` as for open(): the access mode, O_CREAT, O_EXCL. I/O through the descriptor waits as usual.
[[nodiscard]] Result<StorageFile> open_storage(const std::string& path, int flags);

}  // namespace weft

#endif

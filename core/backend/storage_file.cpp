#include "core/backend/storage_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace weft {
namespace {

const char* kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a pipe";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
      return "a character device";
    default:
      return "a file of an unknown kind";
  }
}

Status check_kind(const std::string& path, const struct stat& status) {
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return {};
  return Error(
      S_ISDIR(status.st_mode) ? EISDIR : EINVAL,
      fmt::format("{}: is {}; blocks are stored in a regular file or a block device", path, kind_of(status.st_mode)));
}

// Files of /proc and /sys look like regular ones, but the kernel makes up their bytes when they are read.
Status check_file_system(const std::string& path, int fd) {
  static constexpr std::array kMadeUp{PROC_SUPER_MAGIC,   SYSFS_MAGIC,         DEBUGFS_MAGIC,   TRACEFS_MAGIC,
                                      CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC};
  struct statfs system{};
  if (fstatfs(fd, &system) != 0) return {};
  for (const auto magic : kMadeUp) {
    if (system.f_type == magic)
      return Error(
          EINVAL, fmt::format("{}: is made up by the kernel when it is read (/proc, /sys): it stores no blocks", path));
  }
  return {};
}

// "": it is no link.
std::string target_of_link(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  target.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return target;
}

Error cannot_find(const std::string& path, int code) {
  const std::string target = code == ENOENT || code == ELOOP ? target_of_link(path) : "";
  if (target.empty()) return {code, fmt::format("{}: cannot open: {}", path, std::strerror(code))};
  return {code, fmt::format("{}: is a link to {}, {}", path, target,
                            code == ELOOP ? "which leads round in a circle" : "which does not exist")};
}

}  // namespace

Result<StorageFile> open_storage(const std::string& path, int flags) {
  StorageFile file;
  const int absent = stat(path.c_str(), &file.status) == 0 ? 0 : errno;
  if (absent == 0) {
    if (Status good = check_kind(path, file.status); !good) return std::move(good).error();
  } else if ((flags & O_CREAT) == 0 || !target_of_link(path).empty()) {
    return cannot_find(path, absent);
  }
  file.fd = UniqueFd(open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file.fd) return cannot_find(path, errno);
  if (fstat(file.fd.get(), &file.status) != 0) return cannot_find(path, errno);
  if (Status good = check_kind(path, file.status); !good) return std::move(good).error();
  if (Status good = check_file_system(path, file.fd.get()); !good) return std::move(good).error();
  // O_NONBLOCK off again: with it io_uring fails what would have to wait.
  const int now = fcntl(file.fd.get(), F_GETFL);
  if (now < 0 || fcntl(file.fd.get(), F_SETFL, now & ~O_NONBLOCK) != 0) return cannot_find(path, errno);
  return file;
}

}  // namespace weft

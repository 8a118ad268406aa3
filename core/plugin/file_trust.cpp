#include "core/plugin/file_trust.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

namespace weft {
namespace {

Error refuse(std::string sentence) { return {EPERM, std::move(sentence)}; }

Error failed(int code, std::string_view what) {
  return {code, fmt::format("{}: {}", what, std::generic_category().message(code))};
}

// `subject`: "the file", "its folder /a/b".
Status check_owner_and_mode(const struct stat& status, std::string_view subject) {
  if (status.st_uid != 0 && status.st_uid != geteuid())
    return refuse(
        fmt::format("{} belongs to user {}, neither root nor the caller ({})", subject, status.st_uid, geteuid()));
  if ((status.st_mode & S_IWOTH) != 0) return refuse(fmt::format("{} can be written by anyone", subject));
  if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != getegid())
    return refuse(fmt::format("{} can be written by group {}, which is not the caller's ({})", subject, status.st_gid,
                              getegid()));
  return {};
}

Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  if (!real) return failed(errno, "cannot be found");
  return std::string(real.get());
}

std::string parent_of(const std::string& absolute) {
  const std::size_t slash = absolute.rfind('/');
  return slash == 0 ? "/" : absolute.substr(0, slash);
}

Status check_ancestors(std::string folder) {
  while (folder != "/") {
    folder = parent_of(folder);
    struct stat status;
    if (stat(folder.c_str(), &status) != 0) return failed(errno, fmt::format("cannot look at {}", folder));
    if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0)
      return refuse(fmt::format("{}, above its folder, can be written by anyone", folder));
  }
  return {};
}

// `folder` has no symbolic link in it.
Status check_real_folder(const std::string& folder) {
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) return failed(errno, fmt::format("cannot look at its folder {}", folder));
  if (!S_ISDIR(status.st_mode)) return Error(ENOTDIR, fmt::format("{} is not a folder", folder));
  if (Status good = check_owner_and_mode(status, fmt::format("its folder {}", folder)); !good) return good;
  return check_ancestors(folder);
}

}  // namespace

Status check_folder(const std::string& folder) {
  Result<std::string> real = real_path(folder);
  if (!real) return std::move(real).error();
  return check_real_folder(*real);
}

Result<TrustedFile> open_trusted(const std::string& path) {
  Result<std::string> real = real_path(path);
  if (!real) return std::move(real).error();
  const std::size_t slash = path.rfind('/');
  const std::string named = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (Status good = check_folder(named); !good) return std::move(good).error();
  if (Status good = check_real_folder(parent_of(*real)); !good) return std::move(good).error();

  // What was judged above is the way to the file; O_NOFOLLOW: its last step cannot have become a link since. O_NONBLOCK:
  // a pipe with that name does not hold us up.
  TrustedFile file{UniqueFd(open(real->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)), {}};
  if (!file.fd) return failed(errno, "cannot be opened");
  if (fstat(file.fd.get(), &file.status) != 0) return failed(errno, "cannot be looked at");
  if (!S_ISREG(file.status.st_mode)) return Error(EINVAL, "is not a regular file");
  if (Status good = check_owner_and_mode(file.status, "the file"); !good) return std::move(good).error();
  return file;
}

}  // namespace weft

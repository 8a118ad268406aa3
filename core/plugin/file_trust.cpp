#include "core/plugin/file_trust.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <memory>
#include <system_error>

namespace weft {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel follows
constexpr int kPathOnly = O_PATH | O_CLOEXEC | O_NOFOLLOW;

Error refuse(std::string sentence) { return {EPERM, std::move(sentence)}; }

Error failed(int code, std::string_view what) {
  return {code, fmt::format("{}: {}", what, std::generic_category().message(code))};
}

// `subject`: "the file", "its folder /a/b".
Status check_owner(const struct stat& status, std::string_view subject) {
  if (status.st_uid == 0 || status.st_uid == geteuid()) return {};
  return refuse(
      fmt::format("{} belongs to user {}, neither root nor the caller ({})", subject, status.st_uid, geteuid()));
}

Status check_owner_and_mode(const struct stat& status, std::string_view subject) {
  if (Status good = check_owner(status, subject); !good) return good;
  if ((status.st_mode & S_IWOTH) != 0) return refuse(fmt::format("{} can be written by anyone", subject));
  if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != getegid())
    return refuse(fmt::format("{} can be written by group {}, which is not the caller's ({})", subject, status.st_gid,
                              getegid()));
  return {};
}

Status check_ancestor(const struct stat& status, const std::string& path) {
  const std::string subject = fmt::format("{}, above its folder,", path);
  if (Status good = check_owner(status, subject); !good) return good;
  if ((status.st_mode & S_ISVTX) != 0) return {};  // only the owner of what lies in it can replace that
  if ((status.st_mode & S_IWOTH) != 0) return refuse(fmt::format("{} can be written by anyone", subject));
  const bool foreign = status.st_gid != 0 && status.st_gid != getegid();
  if ((status.st_mode & S_IWGRP) != 0 && foreign)
    return refuse(fmt::format("{} can be written by group {}, which is neither root's nor the caller's ({})", subject,
                              status.st_gid, getegid()));
  return {};
}

// A walk from the root to a file.
class Way {
 public:
  [[nodiscard]] Result<TrustedFile> walk(const std::string& path) {
    if (Status good = start(path); !good) return std::move(good).error();
    for (;;) {
      const std::string name = std::move(ahead_.front());
      ahead_.pop_front();
      struct stat status{};
      UniqueFd next(openat(here_.get(), name.c_str(), kPathOnly));
      if (!next || fstat(next.get(), &status) != 0) return failed(errno, "cannot be found");
      Status good;
      if (S_ISLNK(status.st_mode)) {
        good = follow(next.get(), status, name);
      } else if (ahead_.empty()) {
        return open_file(name);
      } else {
        good = enter(std::move(next), name);
      }
      if (!good) return std::move(good).error();
    }
  }

 private:
  Status start(const std::string& path) {
    if (!path.starts_with('/')) {
      const std::unique_ptr<char, decltype(&std::free)> folder(getcwd(nullptr, 0), &std::free);
      if (!folder) return failed(errno, "cannot be found");
      push(std::string(folder.get()) + '/' + path);
    } else {
      push(path);
    }
    if (ahead_.empty()) return Error(EINVAL, "is not a regular file");
    return enter_root();
  }

  // In front of what is still ahead.
  void push(std::string_view path) {
    std::deque<std::string> names;
    while (!path.empty()) {
      const std::size_t slash = std::min(path.find('/'), path.size());
      if (const std::string_view name = path.substr(0, slash); !name.empty() && name != ".") names.emplace_back(name);
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
    ahead_.insert(ahead_.begin(), names.begin(), names.end());
  }

  Status enter_root() {
    where_ = "/";
    here_ = UniqueFd(open("/", kPathOnly | O_DIRECTORY));
    return judge_here();
  }

  Status enter(UniqueFd folder, const std::string& name) {
    if (name != "..") {
      where_ += (where_ == "/" ? "" : "/") + name;
    } else {
      where_.erase(std::max<std::size_t>(where_.rfind('/'), 1));
    }
    here_ = std::move(folder);
    return judge_here();
  }

  // The folder of what comes last is judged strictly.
  Status judge_here() {
    struct stat status{};
    if (!here_ || fstat(here_.get(), &status) != 0) return failed(errno, fmt::format("cannot look at {}", where_));
    if (!S_ISDIR(status.st_mode)) return Error(ENOTDIR, fmt::format("{} is not a folder", where_));
    if (ahead_.size() > 1) return check_ancestor(status, where_);
    return check_owner_and_mode(status, fmt::format("its folder {}", where_));
  }

  Status follow(int link, const struct stat& status, const std::string& name) {
    if (Status good = check_owner(status, fmt::format("the link {} in {}", name, where_)); !good) return good;
    if (++links_ > kMaxLinks) return failed(ELOOP, "cannot be found");
    std::string target(PATH_MAX, '\0');
    const ssize_t length = readlinkat(link, "", target.data(), target.size());
    if (length <= 0) return failed(length < 0 ? errno : ENOENT, "cannot be found");
    target.resize(static_cast<std::size_t>(length));
    push(target);
    if (ahead_.empty()) return Error(EINVAL, "is not a regular file");
    // A link to a file elsewhere: the folder from which the walk goes on may be its last.
    return target.starts_with('/') ? enter_root() : judge_here();
  }

  // O_NONBLOCK: open() of a pipe does not wait.
  [[nodiscard]] Result<TrustedFile> open_file(const std::string& name) const {
    TrustedFile file{UniqueFd(openat(here_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)), {}};
    if (!file.fd) return failed(errno, "cannot be opened");
    if (fstat(file.fd.get(), &file.status) != 0) return failed(errno, "cannot be looked at");
    if (!S_ISREG(file.status.st_mode)) return Error(EINVAL, "is not a regular file");
    if (Status good = check_owner_and_mode(file.status, "the file"); !good) return std::move(good).error();
    return file;
  }

  UniqueFd here_;
  std::string where_;  // its path, without links
  std::deque<std::string> ahead_;
  int links_ = 0;
};

}  // namespace

Result<TrustedFile> open_trusted(const std::string& path) { return Way().walk(path); }

}  // namespace weft

#include "data_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "standard.hpp"

namespace weft::tools {
namespace {

constexpr char kStandard[] = "-";

// The open() of a pipe waits for its other end, of a file with a lease for the lease's owner. It is told not to.
constexpr int kAtOnce = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// Reads and writes wait again, as those of standard input and output do.
bool set_waiting(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

// The file type bits; 0: there is no such file.
mode_t type_of(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

int poll_for_data(int fd, int milliseconds) {
  pollfd pipe{fd, POLLIN, 0};
  int ready = -1;
  do ready = poll(&pipe, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  return ready;
}

// A pipe without its other end is waited for, as other programs do it, but not in silence.
bool wait_for_writer(int fd, const std::string& path) {
  constexpr int kQuiet = 1000;
  if (const int ready = poll_for_data(fd, kQuiet); ready != 0) return ready > 0;
  say("weft: waiting for data from the pipe '{}'\n", path);
  return poll_for_data(fd, -1) > 0;
}

int open_for_writing(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  const int fd = open(path.c_str(), kFlags | kAtOnce, 0666);
  if (fd >= 0 || errno != ENXIO || type_of(path) != S_IFIFO) return fd;
  say("weft: waiting for a reader of the pipe '{}'\n", path);
  return open(path.c_str(), kFlags | O_CLOEXEC, 0666);
}

Error cannot_open(const std::string& path, int code) {
  if (code == ENXIO && type_of(path) == S_IFSOCK) return {code, fmt::format("'{}' is a socket, not a file", path)};
  return {code, fmt::format("cannot open '{}': {}", path, std::strerror(code))};
}

}  // namespace

Result<std::unique_ptr<DataFile>> DataFile::open_input(const std::string& path) {
  if (path == kStandard) {
    if (Status open = check_standard_input(); !open) return open.error();
    return std::unique_ptr<DataFile>(new DataFile(STDIN_FILENO, false, "standard input"));
  }
  std::unique_ptr<DataFile> file(new DataFile(open(path.c_str(), O_RDONLY | kAtOnce), true, path));
  if (file->fd_ < 0) return cannot_open(path, errno);
  struct stat status{};
  if (fstat(file->fd_, &status) != 0) return cannot_open(path, errno);
  if (S_ISDIR(status.st_mode)) {
    return Error(EISDIR, fmt::format("'{}' is a folder, not a file", path));
  }
  if (S_ISFIFO(status.st_mode) && !wait_for_writer(file->fd_, path)) return file->error("wait for");
  if (!set_waiting(file->fd_)) return file->error("open");
  return file;
}

Result<std::unique_ptr<DataFile>> DataFile::open_output(const std::string& path) {
  if (path == kStandard) {
    if (Status open = check_standard_output(); !open) return open.error();
    return std::unique_ptr<DataFile>(new DataFile(STDOUT_FILENO, false, "standard output"));
  }
  const int fd = open_for_writing(path);
  std::unique_ptr<DataFile> file(new DataFile(fd, true, path));
  if (fd < 0) return cannot_open(path, errno);
  if (!set_waiting(fd)) return file->error("open");
  return file;
}

DataFile::~DataFile() {
  if (owned_ && fd_ >= 0) ::close(fd_);
}

Error DataFile::error(const char* verb) const {
  const int code = errno;
  return {code, fmt::format("cannot {} '{}': {}", verb, path_, std::strerror(code))};
}

Result<std::size_t> DataFile::read(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::read(fd_, into.data() + done, into.size() - done);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error("read");
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Status DataFile::write(std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t count = ::write(fd_, from.data(), from.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error("write");
    from = from.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status DataFile::close() {
  if (!owned_) return {};
  const int result = ::close(fd_);
  fd_ = -1;
  if (result != 0) return error("close");
  return {};
}

std::optional<std::uint64_t> DataFile::size() const {
  struct stat status{};
  if (fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t at = owned_ ? 0 : lseek(fd_, 0, SEEK_CUR);
  if (at < 0 || at > status.st_size) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size - at);
}

}  // namespace weft::tools

#include "data_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "standard.hpp"

namespace weft::tools {
namespace {

constexpr char kStandard[] = "-";

}  // namespace

Result<std::unique_ptr<DataFile>> DataFile::open_input(const std::string& path) {
  if (path == kStandard) {
    if (Status open = check_standard_input(); !open) return open.error();
    return std::unique_ptr<DataFile>(new DataFile(STDIN_FILENO, false, "standard input"));
  }
  std::unique_ptr<DataFile> file(new DataFile(open(path.c_str(), O_RDONLY | O_CLOEXEC), true, path));
  if (file->fd_ < 0) return file->error("open");
  struct stat status{};
  if (fstat(file->fd_, &status) == 0 && S_ISDIR(status.st_mode)) {
    return Error(EISDIR, fmt::format("'{}' is a folder, not a file", path));
  }
  return file;
}

Result<std::unique_ptr<DataFile>> DataFile::open_output(const std::string& path) {
  if (path == kStandard) {
    if (Status open = check_standard_output(); !open) return open.error();
    return std::unique_ptr<DataFile>(new DataFile(STDOUT_FILENO, false, "standard output"));
  }
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  std::unique_ptr<DataFile> file(new DataFile(fd, true, path));
  if (fd < 0) return file->error("open");
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

#include "standard.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace weft::tools {
namespace {

// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

// Whether the descriptor was opened for neither `wanted` nor both ways; O_PATH: taken by secure_standard_streams().
bool lacks(int fd, int wanted) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0) return true;
  const int mode = flags & O_ACCMODE;
  return mode != wanted && mode != O_RDWR;
}

}  // namespace

void secure_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free descriptor is this one. It can be neither read nor written, so whoever tries learns that it was
    // closed; /dev/null would swallow results.
    if (open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) != fd) _exit(1);
  }
}

Status check_standard_input() {
  if (!lacks(STDIN_FILENO, O_RDONLY)) return {};
  return Error(EBADF, "cannot read standard input: it is closed");
}

Status check_standard_output() {
  if (!lacks(STDOUT_FILENO, O_WRONLY)) return {};
  return Error(EBADF, "cannot write to standard output: it is closed");
}

Status write_standard_output(std::string_view text) {
  if (text.empty()) return {};
  if (Status open = check_standard_output(); !open) return open;
  const int error = write_all(STDOUT_FILENO, terminal_lines(text));
  if (error == 0) return {};
  return Error(error, fmt::format("cannot write to standard output: {}", std::strerror(error)));
}

void say_text(std::string_view text) { static_cast<void>(write_all(STDERR_FILENO, terminal_lines(text))); }

void redraw(std::string_view text) { static_cast<void>(write_all(STDERR_FILENO, "\r\x1b[K" + terminal_text(text))); }

}  // namespace weft::tools

#include "core/util/standard_error.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <mutex>
#include <string>

namespace weft {
namespace {

// Never destroyed: a thread that still runs while the process ends may have something to say.
struct Messages {
  std::mutex mutex;
  std::uint64_t lost = 0;
};
Messages& messages() {
  static auto* const made = new Messages;
  return *made;
}

// What can be written takes PIPE_BUF bytes without waiting. Its flags stay as they are: others share them.
bool can_be_written() {
  pollfd out{STDERR_FILENO, POLLOUT, 0};
  while (poll(&out, 1, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return out.revents == POLLOUT;
}

// How many bytes of it.
std::size_t write_at_once(std::string_view text) {
  std::size_t written = 0;
  while (written < text.size() && can_be_written()) {
    const std::size_t some = std::min<std::size_t>(text.size() - written, PIPE_BUF);
    const ssize_t count = ::write(STDERR_FILENO, text.data() + written, some);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  return written;
}

std::string how_many_were_lost(std::uint64_t lost) {
  if (lost == 0) return "";
  return fmt::format("weft: {} lost\n", lost == 1 ? "a notice was" : fmt::format("{} notices were", lost));
}

}  // namespace

void write_or_drop(std::string_view text) {
  Messages& all = messages();
  const std::lock_guard lock(all.mutex);
  // In one piece: a small pipe that has room for a line may have none for a second.
  const std::string line = how_many_were_lost(all.lost).append(text);
  const std::size_t written = write_at_once(line);
  if (written == 0) {
    ++all.lost;
  } else {
    all.lost = written == line.size() ? 0 : 1;
  }
}

}  // namespace weft

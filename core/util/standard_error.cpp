#include "core/util/standard_error.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <mutex>

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

bool write_at_once(std::string_view text) {
  while (!text.empty()) {
    if (!can_be_written()) return false;
    const ssize_t count = ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool tell_lost(std::uint64_t lost) {
  return lost == 0 || write_at_once(fmt::format("weft: {} lost\n",
                                                lost == 1 ? "a notice was" : fmt::format("{} notices were", lost)));
}

}  // namespace

void write_or_drop(std::string_view text) {
  Messages& all = messages();
  const std::lock_guard lock(all.mutex);
  if (!tell_lost(all.lost)) {
    ++all.lost;
    return;
  }
  all.lost = write_at_once(text) ? 0 : 1;
}

}  // namespace weft

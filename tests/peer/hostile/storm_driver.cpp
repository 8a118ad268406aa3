// A storm and what it may be aimed at: `storm_driver storm PORT` connects and disconnects as fast as it can, `storm_driver
// accept` accepts and closes, says its port first. Either goes on until it is killed.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/peer/hostile/loopback.hpp"

namespace {

using weft::hostile::loopback;

int accept_and_close() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at = loopback("127.0.0.1", 0);
  socklen_t length = sizeof at;
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), length) != 0 || listen(listener, 1024) != 0) return 1;
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length);
  std::printf("%d\n", ntohs(at.sin_port));
  std::fflush(stdout);
  for (;;) close(accept(listener, nullptr, nullptr));
}

// Resets instead of FINs: no port is left waiting.
int storm(unsigned port) {
  const sockaddr_in from = loopback("127.0.0.2", 0), to = loopback("127.0.0.1", port);
  const linger reset{1, 0};
  for (;;) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0)
      static_cast<void>(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to));
    close(fd);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "accept") return accept_and_close();
  if (what == "storm" && argc > 2) return storm(static_cast<unsigned>(std::atoi(argv[2])));
  return 2;
}

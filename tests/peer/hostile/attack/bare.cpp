// What a flood costs a machine whatever it is aimed at: the same bytes, taken and answered by a loop that does nothing.
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <map>

#include "tests/peer/hostile/attack/attack.hpp"
#include "tests/peer/hostile/attack/pdu_stream.hpp"
#include "tests/peer/hostile/loopback.hpp"

namespace weft::hostile {
namespace {

struct Taken {
  CapsuleStream stream;
  Bytes in = Bytes(65536);
  Bytes out;

  // False: it was closed.
  bool serve(int fd) {
    const ssize_t got = recv(fd, in.data(), in.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    stream.take(std::span(in).first(static_cast<std::size_t>(got)), [&](std::span<const std::uint8_t> header) {
      RawPdu answer(header[0] == kIcReq ? kIcResp : kCapsuleResp);
      if (header[0] != kIcReq) answer.u16(8, 1).u16(20, u16(header, 10));
      const Bytes bytes = answer.bytes();
      out.insert(out.end(), bytes.begin(), bytes.end());
    });
    const ssize_t sent = ::send(fd, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out.erase(out.begin(), out.begin() + sent);
    return got > 0;
  }
};

}  // namespace

void bare() {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = loopback("127.0.0.1", 0);
  socklen_t length = sizeof at;
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&at), length) != 0 || listen(listener.get(), 1024) != 0) return;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &length);
  fmt::print("{}\n", ntohs(at.sin_port));
  std::fflush(stdout);
  const UniqueFd ready(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{EPOLLIN, {.fd = listener.get()}};
  epoll_ctl(ready.get(), EPOLL_CTL_ADD, listener.get(), &event);
  std::map<int, Taken> taken;
  for (;;) {
    epoll_event events[64];
    const int count = epoll_wait(ready.get(), events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener.get()) {
        const int peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) continue;
        const int on = 1;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event = {EPOLLIN, {.fd = peer}};
        epoll_ctl(ready.get(), EPOLL_CTL_ADD, peer, &event);
        taken[peer];
      } else if (!taken[fd].serve(fd)) {
        taken.erase(fd);
        close(fd);
      }
    }
  }
}

}  // namespace weft::hostile

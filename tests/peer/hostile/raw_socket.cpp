#include "tests/peer/hostile/raw_socket.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/peer/hostile/loopback.hpp"

namespace weft::hostile {
namespace {

using Clock = std::chrono::steady_clock;

bool ready(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd one{fd, events, 0};
  return poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
}

}  // namespace

Bytes ReceivedPdu::data() const {
  if (bytes[3] == 0) return {};
  return {bytes.begin() + bytes[3], bytes.end() - ((flags() & kDdgstFlag) != 0 ? 4 : 0)};
}

RawSocket RawSocket::connect(const std::string& port, const char* from, int receive_buffer) {
  if (from != nullptr && std::strchr(from, ':') != nullptr) return connect_over_ipv6(port, from, receive_buffer);
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer != 0) setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (from != nullptr) {
    const sockaddr_in source = loopback(from, 0);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) return {};
  }
  const sockaddr_in to = loopback("127.0.0.1", static_cast<unsigned>(std::stoul(port)));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return {};
  return RawSocket(std::move(fd));
}

RawSocket RawSocket::connect_over_ipv6(const std::string& port, const char* from, int receive_buffer) {
  UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer != 0) setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  inet_pton(AF_INET6, from, &at.sin6_addr);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return {};
  at.sin6_addr = in6addr_loopback;
  at.sin6_port = htons(static_cast<std::uint16_t>(std::stoul(port)));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return {};
  return RawSocket(std::move(fd));
}

bool RawSocket::send(std::span<const std::uint8_t> bytes) {
  const auto deadline = Clock::now() + kPatience;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !ready(fd_.get(), POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

bool RawSocket::send_part(const RawPdu& pdu, std::size_t count) {
  const Bytes bytes = pdu.bytes();
  return send(std::span(bytes).first(count));
}

bool RawSocket::read(std::span<std::uint8_t> into, Clock::time_point deadline) {
  while (!into.empty()) {
    if (!ready(fd_.get(), POLLIN, deadline)) return false;
    const ssize_t count = recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (count <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<ReceivedPdu> RawSocket::receive(std::chrono::milliseconds limit) {
  constexpr std::uint32_t kMost = 16u << 20;
  const auto deadline = Clock::now() + limit;
  ReceivedPdu pdu;
  pdu.bytes.resize(8);
  if (!read(pdu.bytes, deadline)) return std::nullopt;
  const std::uint32_t length = pdu.u32(4);
  if (length < 24 || length > kMost) return std::nullopt;
  pdu.bytes.resize(length);
  if (!read(std::span(pdu.bytes).subspan(8), deadline)) return std::nullopt;
  return pdu;
}

bool RawSocket::closed_by_peer(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  Bytes scratch(65536);
  while (ready(fd_.get(), POLLIN, deadline)) {
    const ssize_t count = recv(fd_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return true;
  }
  return false;
}

bool RawSocket::quiet(std::chrono::milliseconds during) { return !ready(fd_.get(), POLLIN, Clock::now() + during); }

RawListener::RawListener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in at = loopback("127.0.0.1", 0);
  socklen_t length = sizeof at;
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&at), length) != 0 || listen(fd_.get(), 1024) != 0) return;
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &length);
  port_ = std::to_string(ntohs(at.sin_port));
}

RawSocket RawListener::accept() {
  if (!ready(fd_.get(), POLLIN, Clock::now() + kPatience)) return {};
  UniqueFd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return RawSocket(std::move(fd));
}

}  // namespace weft::hostile

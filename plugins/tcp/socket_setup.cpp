#include "socket_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "../common/net_address.hpp"
#include "../common/unique_fd.hpp"

namespace weft::tcp {

using plugin::Failure;
using plugin::Made;

namespace {

constexpr int kProbes = 4;  // without an answer: then the peer is gone

std::unexpected<Failure> system_failure(int error, std::string text, std::string_view stage = {}) {
  text += ": ";
  text += std::strerror(error);
  return std::unexpected(Failure{.code = error, .text = std::move(text), .stage = stage});
}

template <class Value>
bool set(int fd, int level, int name, const Value& value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// Options of TCP and IP make no sense on a local socket, which an fd may be.
bool is_internet(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && (domain == AF_INET || domain == AF_INET6);
}

}  // namespace

Made<plugin::UniqueFd> open_stream(int family) {
  plugin::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_failure(errno, "cannot open a socket", "connect");
  return fd;
}

Made<void> prepare_socket(int fd, const Options& options) {
  if (options.sndbuf != 0 && !set(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(options.sndbuf)))
    return system_failure(errno, fmt::format("cannot set sndbuf={}", options.sndbuf), "connect");
  if (options.rcvbuf != 0 && !set(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(options.rcvbuf)))
    return system_failure(errno, fmt::format("cannot set rcvbuf={}", options.rcvbuf), "connect");
  if (!options.congestion.empty() && ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, options.congestion.c_str(),
                                                  static_cast<socklen_t>(options.congestion.size())) != 0)
    return system_failure(errno, fmt::format("cannot use congestion control '{}'", options.congestion), "connect");
  return {};
}

// Asked for, the kernel doubles it; asked again, it says so.
std::string changed_buffers(int fd, const Options& options) {
  std::string text;
  const auto judge = [&](std::string_view key, std::uint32_t wanted, int name) {
    int doubled = 0;
    socklen_t length = sizeof doubled;
    if (wanted == 0 || ::getsockopt(fd, SOL_SOCKET, name, &doubled, &length) != 0) return;
    const auto taken = static_cast<std::uint32_t>(doubled) / 2;
    if (taken == wanted) return;
    text += fmt::format("{}{}={} becomes {}", text.empty() ? "" : ", ", key, wanted, taken);
  };
  judge("sndbuf", options.sndbuf, SO_SNDBUF);
  judge("rcvbuf", options.rcvbuf, SO_RCVBUF);
  return text.empty() ? text : text + ": the kernel's bounds (net.core.wmem_max and rmem_max)";
}

Made<void> bind_source(int fd, int family, const char* source_traddr, const char* source_interface) {
  if (source_interface != nullptr && *source_interface != '\0' &&
      ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, source_interface,
                   static_cast<socklen_t>(std::strlen(source_interface))) != 0)
    return system_failure(errno, fmt::format("cannot bind to interface '{}'", source_interface), "connect");
  if (source_traddr == nullptr || *source_traddr == '\0') return {};
  const auto source = plugin::parse_numeric(source_traddr, "0");
  if (!source) return std::unexpected(source.error());
  if (!*source)
    return std::unexpected(Failure{.code = EINVAL,
                                   .text = fmt::format("the source address '{}' is not numeric", source_traddr),
                                   .stage = "connect"});
  if ((*source)->family() != family)
    return std::unexpected(
        Failure{.code = EAFNOSUPPORT,
                .text = fmt::format("the source address {} is of another family than the destination", source_traddr),
                .stage = "connect"});
  set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (::bind(fd, (*source)->raw(), (*source)->length) == 0) return {};
  const int error = errno;
  if (error == EINVAL && (*source)->lacks_scope()) return std::unexpected(plugin::no_scope(**source, "connect"));
  return system_failure(error, fmt::format("cannot bind to source address {}", source_traddr), "connect");
}

void tune_connected(int fd, const Options& options) {
  if (!is_internet(fd)) return;
  set(fd, IPPROTO_TCP, TCP_NODELAY, options.nodelay ? 1 : 0);
  if (options.keepalive != 0) {
    const int seconds = static_cast<int>((options.keepalive + plugin::kSecond - 1) / plugin::kSecond);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / kProbes));
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  }
  if (options.dscp != 0) {
    const int traffic_class = options.dscp << 2;
    set(fd, IPPROTO_IP, IP_TOS, traffic_class);
    set(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
  }
}

void tune_accepted(int fd, const Options& options) {
  tune_connected(fd, options);
  // Else each peer that asks and does not read holds as much of the kernel's memory as tcp_wmem lets it, which all share.
  if (options.notsent_lowat != 0) set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options.notsent_lowat));
}

Made<FdKind> classify_fd(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
    return system_failure(errno, fmt::format("descriptor {} is not a socket", fd));
  if (type != SOCK_STREAM)
    return std::unexpected(
        Failure{.code = EPROTOTYPE, .text = fmt::format("descriptor {} is not a stream socket", fd)});
  int listening = 0;
  length = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0)
    return FdKind::kListening;
  sockaddr_storage peer{};
  length = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0)
    return system_failure(errno, fmt::format("descriptor {} is neither a connected nor a listening socket", fd));
  return FdKind::kConnected;
}

void set_non_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace weft::tcp

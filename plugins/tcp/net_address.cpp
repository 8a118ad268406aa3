#include "net_address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <unistd.h>

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

std::string NetAddress::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
    return text;
  }
  if (family() != AF_INET6) return "local socket";
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
  ::inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
  std::string out = text;
  if (six->sin6_scope_id != 0) {
    char name[IF_NAMESIZE] = "";
    out += '%';
    out +=
        ::if_indextoname(six->sin6_scope_id, name) != nullptr ? std::string(name) : std::to_string(six->sin6_scope_id);
  }
  return out;
}

std::string NetAddress::service() const {
  if (family() == AF_INET) return std::to_string(ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port));
  if (family() == AF_INET6) return std::to_string(ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port));
  return "";
}

std::string NetAddress::text() const {
  if (family() == AF_INET6) return "[" + host() + "]:" + service();
  if (family() == AF_INET) return host() + ":" + service();
  return host();
}

std::uint32_t NetAddress::from_bytes(const void* bytes, std::uint32_t length, NetAddress& out) {
  sa_family_t family = 0;
  if (length < sizeof family) return 0;
  std::memcpy(&family, bytes, sizeof family);
  const std::uint32_t size = family == AF_INET ? sizeof(sockaddr_in) : family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
  if (size == 0 || size > length) return 0;
  std::memcpy(&out.storage, bytes, size);
  out.length = size;
  return size;
}

NetAddress NetAddress::local_of(int fd) {
  NetAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(fd, address.raw(), &address.length) != 0) address.length = 0;
  return address;
}

NetAddress NetAddress::peer_of(int fd) {
  NetAddress address;
  address.length = sizeof address.storage;
  if (::getpeername(fd, address.raw(), &address.length) != 0) address.length = 0;
  return address;
}

Made<std::uint16_t> parse_port(std::string_view service) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
  if (error != std::errc{} || end != service.data() + service.size())
    return std::unexpected(Failure{.code = EINVAL, .text = fmt::format("'{}' is not a port number", service)});
  return port;
}

Made<std::optional<NetAddress>> parse_numeric(std::string_view host, std::string_view service) {
  NetAddress address;
  const std::size_t percent = host.find('%');
  const std::string bare(host.substr(0, percent));
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (percent == std::string_view::npos && ::inet_pton(AF_INET, bare.c_str(), &four->sin_addr) == 1) {
    address.storage.ss_family = AF_INET;
    address.length = sizeof *four;
  } else if (::inet_pton(AF_INET6, bare.c_str(), &six->sin6_addr) == 1) {
    address.storage.ss_family = AF_INET6;
    address.length = sizeof *six;
  } else {
    return std::nullopt;
  }
  const Made<std::uint16_t> port = parse_port(service);
  if (!port) return std::unexpected(port.error());
  if (address.family() == AF_INET) {
    four->sin_port = htons(*port);
    return address;
  }
  six->sin6_port = htons(*port);
  if (percent != std::string_view::npos) {
    const std::string scope(host.substr(percent + 1));
    std::uint32_t index = ::if_nametoindex(scope.c_str());
    const char* const end = scope.data() + scope.size();
    if (index == 0 && std::from_chars(scope.data(), end, index).ptr != end) index = 0;  // "25lo" is no number
    if (index == 0)
      return std::unexpected(Failure{.code = ENODEV,
                                     .text = fmt::format("there is no network interface '{}' (in {})", scope, host),
                                     .stage = "resolve"});
    six->sin6_scope_id = index;
  }
  return address;
}

Made<UniqueFd> open_stream(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
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

Made<void> bind_source(int fd, int family, const char* source_traddr, const char* source_interface) {
  if (source_interface != nullptr && *source_interface != '\0' &&
      ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, source_interface,
                   static_cast<socklen_t>(std::strlen(source_interface))) != 0)
    return system_failure(errno, fmt::format("cannot bind to interface '{}'", source_interface), "connect");
  if (source_traddr == nullptr || *source_traddr == '\0') return {};
  const auto source = parse_numeric(source_traddr, "0");
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
  if (::bind(fd, (*source)->raw(), (*source)->length) != 0)
    return system_failure(errno, fmt::format("cannot bind to source address {}", source_traddr), "connect");
  return {};
}

void tune_connected(int fd, const Options& options) {
  if (!is_internet(fd)) return;
  set(fd, IPPROTO_TCP, TCP_NODELAY, options.nodelay ? 1 : 0);
  if (options.keepalive != 0) {
    const int seconds = static_cast<int>((options.keepalive + kSecond - 1) / kSecond);
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

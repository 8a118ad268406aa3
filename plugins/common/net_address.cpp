#include "net_address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>

#include "weft/fabrics.hpp"

namespace weft::plugin {

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

bool NetAddress::is_any() const {
  if (family() == AF_INET) return reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr == htonl(INADDR_ANY);
  return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
}

bool NetAddress::lacks_scope() const {
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
  return family() == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) && six->sin6_scope_id == 0;
}

Failure no_scope(const NetAddress& address, std::string_view stage) {
  return {.code = EINVAL,
          .text = fmt::format("{0} is a link-local address, of which each interface has its own: write {0}%INTERFACE",
                              address.host()),
          .stage = stage};
}

void NetAddress::set_port(std::uint16_t port) {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
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

void put_bound(weft_listener_info& out, const NetAddress& local, bool both_families) {
  out.adrfam = local.family() == AF_INET    ? fabrics::adrfam::kIpv4
               : local.family() == AF_INET6 ? fabrics::adrfam::kIpv6
                                            : fabrics::adrfam::kLoop;
  put_text(out.traddr, both_families && local.is_any() ? "*" : local.host());
  put_text(out.trsvcid, local.service());
}

void put_ends(weft_qpair_info& out, const NetAddress& local, const NetAddress& peer) {
  put_text(out.peer, peer.host());
  put_text(out.peer_trsvcid, peer.service());
  put_text(out.local, local.host());
  put_text(out.local_trsvcid, local.service());
}

Made<std::uint16_t> parse_port(std::string_view service) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
  if (error != std::errc{} || end != service.data() + service.size())
    return std::unexpected(Failure{.code = EINVAL, .text = fmt::format("'{}' is not a port number", service)});
  return port;
}

namespace {

// An IPv4 address in IPv6 clothes (::ffff:192.0.2.1). A socket that does IPv6 only does not take it: it is IPv4's.
Made<std::optional<NetAddress>> parse_mapped(const in6_addr& mapped, std::string_view host, std::string_view service) {
  if (host.find('%') != std::string_view::npos)
    return std::unexpected(
        Failure{.code = EINVAL, .text = fmt::format("{} is an IPv4 address, which has no scope", host)});
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &mapped.s6_addr[12], text, sizeof text);
  return parse_numeric(text, service);
}

}  // namespace

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
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) return parse_mapped(six->sin6_addr, host, service);
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

bool is_any(const weft_address& address) {
  return address.traddr == nullptr || *address.traddr == '\0' || std::strcmp(address.traddr, "*") == 0;
}

Made<NetAddress> address_to_bind(const weft_address& address, const char* any) {
  const std::string host = address.traddr != nullptr ? address.traddr : "";
  const std::string service = address.trsvcid != nullptr ? address.trsvcid : "0";
  const auto numeric = parse_numeric(is_any(address) ? any : host == "localhost" ? "127.0.0.1" : host, service);
  if (!numeric) return std::unexpected(numeric.error());
  if (!*numeric)
    return std::unexpected(Failure{
        .code = EINVAL, .text = fmt::format("'{}' is no numeric address to listen on", host), .stage = "listen"});
  if ((*numeric)->is_any() && host.find('%') != std::string::npos)
    return std::unexpected(Failure{
        .code = EINVAL,
        .text = fmt::format("'{}' names every address and one interface: name an address of that interface", host),
        .stage = "listen"});
  return **numeric;
}

}  // namespace weft::plugin

// net_address.hpp - socket addresses: numeric text to sockaddr and back, and sockets made for them with the options
// set.
//
// Value types and functions; any thread. Names are not resolved here. Errors: a sentence with the address in it.
#ifndef WEFT_TCP_NET_ADDRESS_HPP
#define WEFT_TCP_NET_ADDRESS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "options.hpp"
#include "socket.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

struct NetAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  // "192.0.2.1", "fe80::1%eth0"; what is no internet address is "local socket".
  [[nodiscard]] std::string host() const;
  [[nodiscard]] std::string service() const;
  [[nodiscard]] std::string text() const;  // "192.0.2.1:4420", "[::1]:4420"

  // One address out of `length` packed bytes; how long it is, 0 when it is none that we know.
  static std::uint32_t from_bytes(const void* bytes, std::uint32_t length, NetAddress& out);
  static NetAddress local_of(int fd);
  static NetAddress peer_of(int fd);
};

// A numeric address and port. nullopt: `host` is a name. A failure: it looks numeric but is wrong (a scope that is no
// interface, a port that is no number).
plugin::Made<std::optional<NetAddress>> parse_numeric(std::string_view host, std::string_view service);
plugin::Made<std::uint16_t> parse_port(std::string_view service);

// A non-blocking, close-on-exec stream socket for the family.
plugin::Made<UniqueFd> open_stream(int family);
// What the options and the address ask of a socket before it connects or listens. Failures name the option.
plugin::Made<void> prepare_socket(int fd, const Options& options);
plugin::Made<void> bind_source(int fd, int family, const char* source_traddr, const char* source_interface);
// For a connected socket: what is per connection (and not inherited for sure).
void tune_connected(int fd, const Options& options);
// An fd given in place of an address: a stream socket. nullopt in `listening`'s place is never given back.
enum class FdKind : std::uint8_t { kConnected, kListening };
plugin::Made<FdKind> classify_fd(int fd);
void set_non_blocking(int fd);

}  // namespace weft::tcp

#endif

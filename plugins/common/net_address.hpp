// net_address.hpp - socket addresses: numeric text to sockaddr and back.
//
// Value types and functions; any thread. Names are not resolved here. Errors: a sentence with the address in it.
#ifndef WEFT_PLUGIN_NET_ADDRESS_HPP
#define WEFT_PLUGIN_NET_ADDRESS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "weft/plugin.hpp"

namespace weft::plugin {

struct NetAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  // "192.0.2.1", "fe80::1%eth0"; what is no internet address is "local socket".
  [[nodiscard]] std::string host() const;
  [[nodiscard]] std::string service() const;
  [[nodiscard]] bool is_any() const;       // 0.0.0.0 or ::
  [[nodiscard]] bool lacks_scope() const;  // link-local, and no interface is told
  void set_port(std::uint16_t port);
  [[nodiscard]] std::string text() const;  // "192.0.2.1:4420", "[::1]:4420"

  // One address out of `length` packed bytes; how long it is, 0 when it is none that we know.
  static std::uint32_t from_bytes(const void* bytes, std::uint32_t length, NetAddress& out);
  static NetAddress local_of(int fd);
  static NetAddress peer_of(int fd);
};

// Why an address that lacks its scope cannot be used. EINVAL: what is written is at fault.
[[nodiscard]] Failure no_scope(const NetAddress& address, std::string_view stage);

// Where a listener is bound: address family, address and port. "*" stands for every address of both families.
void put_bound(weft_listener_info& out, const NetAddress& local, bool both_families);

// The two ends of a queue pair, as its information has them.
void put_ends(weft_qpair_info& out, const NetAddress& local, const NetAddress& peer);

// A numeric address and port. nullopt: `host` is a name. A failure: it looks numeric but is wrong (a scope that is no
// interface, a port that is no number).
Made<std::optional<NetAddress>> parse_numeric(std::string_view host, std::string_view service);
Made<std::uint16_t> parse_port(std::string_view service);

// Where to listen: "" and "*" stand for every address, of both families where the transport can; `any` is what is bound
// for them ("::"). A wildcard with an interface ("::%eth0") is a failure: it would be bound without it.
[[nodiscard]] bool is_any(const weft_address& address);
Made<NetAddress> address_to_bind(const weft_address& address, const char* any);

}  // namespace weft::plugin

#endif

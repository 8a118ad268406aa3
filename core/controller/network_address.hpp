// network_address.hpp - what addresses as text say about who can reach them. Pure; any thread.
#ifndef WEFT_CORE_CONTROLLER_NETWORK_ADDRESS_HPP
#define WEFT_CORE_CONTROLLER_NETWORK_ADDRESS_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "weft/transport_abi.h"

namespace weft::controller {

// 127.0.0.0/8, ::1; an address family that stays within the host.
[[nodiscard]] bool is_loopback(std::uint8_t adrfam, std::string_view traddr);
// What a transport says of a listener that is bound to every local address of IPv4 and of IPv6.
inline constexpr std::string_view kBothFamilies = "*";
// 0.0.0.0, :: or *: bound to every local address of its family, or of both.
[[nodiscard]] bool is_wildcard(std::uint8_t adrfam, std::string_view traddr);
// An IPv4 address in IPv6 clothes (::ffff:192.0.2.1) without them.
[[nodiscard]] std::string_view unmapped(std::string_view address);
// The scope of an IPv6 address ("eth0" of fe80::1%eth0), "" where it has none; the address without it.
[[nodiscard]] std::string_view scope_of(std::string_view address);
[[nodiscard]] std::string_view without_scope(std::string_view address);
// The address family of an IP address; 0: it is none.
[[nodiscard]] std::uint8_t family_of(std::string_view address);
// Two texts for one address to listen on: of IPv4 also as ::ffff:, of IPv6 in any form, a scope by name or number, "" for
// "*", localhost as transports take it. Other texts compare as they are.
[[nodiscard]] bool is_same_address(std::string_view one, std::string_view other);
// The machine that an address counts for: the IPv4 address itself, the /64 network of an IPv6 address (whoever has one
// address of it can have all), with its scope; any other text counts as it is.
[[nodiscard]] std::string machine_of(std::string_view address);

}  // namespace weft::controller

#endif

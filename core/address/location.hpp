// location.hpp - the part of an address that says where: host, port, brackets, [fd=N].
//
// Pure; any thread. Errors are EINVAL with a sentence.
#ifndef WEFT_CORE_ADDRESS_LOCATION_HPP
#define WEFT_CORE_ADDRESS_LOCATION_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/address.hpp"

namespace weft::address {

// "trace+name" -> filters and scheme, lower case. `whole` is quoted in errors.
[[nodiscard]] Status read_scheme(std::string_view text, std::string_view whole, Address& out);

// A location as a URL has it: percent-decoded, except inside brackets, which hold an IPv6 address or fd=N.
// Sets traddr or fd; behind an fd, the path is the subsystem's name.
[[nodiscard]] Status read_location(std::string_view text, Address& out);
// The path of a location is the subsystem's name, with the last segment if that was taken for the name.
[[nodiscard]] Status add_path(std::string_view path, Address& out);
// What a transport's table and a discovery log entry have room for.
[[nodiscard]] Status check_length(std::string_view traddr);
// Of a location whose path is its own, and so no name: no control characters.
[[nodiscard]] Status check_own_path(std::string_view traddr);
// The reverse: what read_location() reads back.
[[nodiscard]] std::string print_location(const Address& address);

// A host name, a numeric address without brackets, or '*'.
[[nodiscard]] Status check_host(std::string_view host);
[[nodiscard]] Status check_port(std::string_view port);

}  // namespace weft::address

#endif

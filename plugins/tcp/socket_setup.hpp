// socket_setup.hpp - sockets made for an address, and the options of an address set on them.
//
// Functions; any thread. Errors: a sentence with the option or the address in it.
#ifndef WEFT_TCP_SOCKET_SETUP_HPP
#define WEFT_TCP_SOCKET_SETUP_HPP

#include <cstdint>

#include "../common/unique_fd.hpp"
#include "options.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

// A non-blocking, close-on-exec stream socket for the family.
plugin::Made<plugin::UniqueFd> open_stream(int family);
// What the options and the address ask of a socket before it connects or listens. Failures name the option.
plugin::Made<void> prepare_socket(int fd, const Options& options);
// What the kernel made of the buffers that prepare_socket() asked for: "sndbuf=1 becomes 2304, ..."; "": just that.
std::string changed_buffers(int fd, const Options& options);
plugin::Made<void> bind_source(int fd, int family, const char* source_traddr, const char* source_interface);
// For a connected socket: what is per connection (and not inherited for sure).
void tune_connected(int fd, const Options& options);
void tune_accepted(int fd, const Options& options);  // and what a controller sets besides
// An fd given in place of an address: a stream socket.
enum class FdKind : std::uint8_t { kConnected, kListening };
plugin::Made<FdKind> classify_fd(int fd);
void set_non_blocking(int fd);

}  // namespace weft::tcp

#endif

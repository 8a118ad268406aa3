// loopback.hpp - an address of this machine as sockets take it. Includes nothing of the project: storm_driver.cpp links nothing.
#ifndef WEFT_TESTS_PEER_HOSTILE_LOOPBACK_HPP
#define WEFT_TESTS_PEER_HOSTILE_LOOPBACK_HPP

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace weft::hostile {

inline sockaddr_in loopback(const char* address, unsigned port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, address, &to.sin_addr);
  return to;
}

}  // namespace weft::hostile

#endif

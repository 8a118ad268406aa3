// addresses.hpp - socket addresses of the model, as text and as ports. Pure.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_ADDRESSES_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_ADDRESSES_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace weft::rdma::model {

inline sockaddr_storage copy_of(const sockaddr& address) {
  sockaddr_storage copy{};
  std::memcpy(&copy, &address, address.sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
  return copy;
}

inline const sockaddr& plain(const sockaddr_storage& address) { return reinterpret_cast<const sockaddr&>(address); }

// "192.0.2.1" or "2001:db8::1", and a port. The text must be right.
inline sockaddr_storage address_of(const std::string& text, std::uint16_t port) {
  sockaddr_storage address{};
  if (text.find(':') != std::string::npos) {
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &six.sin6_addr);
  } else {
    auto& four = reinterpret_cast<sockaddr_in&>(address);
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &four.sin_addr);
  }
  return address;
}

inline std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  }
  return text;
}

inline std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

inline bool is_wildcard(const sockaddr_storage& address) {
  const std::string text = text_of(address);
  return text == "0.0.0.0" || text == "::";
}

}  // namespace weft::rdma::model

#endif

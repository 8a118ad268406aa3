#include "core/controller/network_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>

#include "weft/controller.hpp"
#include "weft/fabrics.hpp"

namespace weft::controller {
namespace {

namespace adrfam = fabrics::adrfam;

constexpr std::string_view kMappedPrefix = "::ffff:";
constexpr std::uint8_t kLoopbackNet = 127;

// Without a scope (%eth0), which no parser wants.
template <std::size_t N>
bool parse(int family, std::string_view text, std::array<std::uint8_t, N>& bytes) {
  return inet_pton(family, std::string(text.substr(0, text.find('%'))).c_str(), bytes.data()) == 1;
}

template <std::size_t N>
std::string format(int family, const std::array<std::uint8_t, N>& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, bytes.data(), text.data(), text.size());
  return text.data();
}

// An address in the one form of its family: IPv4 (also of a mapped one), else the bytes of IPv6, else neither.
struct Parsed {
  std::string v4;
  std::optional<std::array<std::uint8_t, 16>> v6;
};

Parsed parse(std::string_view address) {
  std::array<std::uint8_t, 4> v4{};
  if (parse(AF_INET, address, v4)) return {format(AF_INET, v4), {}};
  std::array<std::uint8_t, 16> v6{};
  if (!parse(AF_INET6, address, v6)) return {};
  const bool mapped =
      std::all_of(v6.begin(), v6.begin() + 10, [](auto byte) { return byte == 0; }) && v6[10] == 0xff && v6[11] == 0xff;
  if (!mapped) return {{}, v6};
  return {format(AF_INET, std::array<std::uint8_t, 4>{v6[12], v6[13], v6[14], v6[15]}), {}};
}

std::string canonical(std::string_view address) {
  if (address.empty()) return std::string(kBothFamilies);
  if (address == "localhost") return "127.0.0.1";
  const Parsed parsed = parse(address);
  if (!parsed.v4.empty()) return parsed.v4;
  if (!parsed.v6) return std::string(address);
  const std::string scope(scope_of(address));
  if (scope.empty()) return format(AF_INET6, *parsed.v6);
  const unsigned index = if_nametoindex(scope.c_str());
  return format(AF_INET6, *parsed.v6) + '%' + (index == 0 ? scope : std::to_string(index));
}

}  // namespace

bool is_same_address(std::string_view one, std::string_view other) { return canonical(one) == canonical(other); }

std::string_view unmapped(std::string_view address) {
  const bool mapped = address.starts_with(kMappedPrefix) && address.find('.') != std::string_view::npos;
  return mapped ? address.substr(kMappedPrefix.size()) : address;
}

std::string_view scope_of(std::string_view address) {
  const std::size_t percent = address.find('%');
  return percent == std::string_view::npos ? std::string_view() : address.substr(percent + 1);
}

std::string_view without_scope(std::string_view address) { return address.substr(0, address.find('%')); }

std::uint8_t family_of(std::string_view address) {
  std::array<std::uint8_t, 4> v4{};
  std::array<std::uint8_t, 16> v6{};
  if (parse(AF_INET, unmapped(address), v4)) return adrfam::kIpv4;
  return parse(AF_INET6, address, v6) ? adrfam::kIpv6 : std::uint8_t{0};
}

bool is_loopback(std::uint8_t family, std::string_view traddr) {
  return family == adrfam::kLoop || weft::is_loopback(traddr);
}

bool is_wildcard(std::uint8_t family, std::string_view traddr) {
  if (family != adrfam::kIpv4 && family != adrfam::kIpv6) return false;
  if (traddr == kBothFamilies) return true;
  std::array<std::uint8_t, 4> v4{};
  std::array<std::uint8_t, 16> v6{};
  if (parse(AF_INET, unmapped(traddr), v4)) return v4 == std::array<std::uint8_t, 4>{};
  return parse(AF_INET6, traddr, v6) && v6 == std::array<std::uint8_t, 16>{};
}

std::string machine_of(std::string_view address) {
  const Parsed parsed = parse(address);
  if (!parsed.v4.empty()) return parsed.v4;
  if (!parsed.v6) return std::string(address);
  std::array<std::uint8_t, 16> network = *parsed.v6;
  std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
  const std::string_view scope = scope_of(address);
  return format(AF_INET6, network) + "/64" + (scope.empty() ? "" : "%" + std::string(scope));
}

}  // namespace weft::controller

namespace weft {

// Of the bytes, not the text: people write ::FFFF:7f00:1 too.
bool is_loopback(std::string_view traddr) {
  std::array<std::uint8_t, 4> v4{};
  if (controller::parse(AF_INET, traddr, v4)) return v4[0] == controller::kLoopbackNet;
  in6_addr v6{};
  if (inet_pton(AF_INET6, std::string(traddr.substr(0, traddr.find('%'))).c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == controller::kLoopbackNet);
}

}  // namespace weft

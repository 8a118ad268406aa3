// options.hpp - the keys that this transport takes in a config string, and their values as numbers.
//
// Declared in one table (kOptionInfo), which the core prints and checks. The core knows how people write values; here they
// are plain: on or off, bytes, nanoseconds, decimal numbers. Their range is checked here. Value type; any thread.
// Errors: a sentence that names the key and the value.
#ifndef WEFT_TCP_OPTIONS_HPP
#define WEFT_TCP_OPTIONS_HPP

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "../common/services.hpp"
#include "handshake.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

extern const weft_option_info kOptionInfo[];

struct Options {
  std::optional<bool> header_digest;  // host: ask for it (default no); controller: permit it (default yes)
  std::optional<bool> data_digest;
  std::uint8_t pda = 0;               // HPDA or CPDA: 0 based dwords
  std::uint32_t outstanding_r2t = 1;  // host: offered; controller: used at most
  std::uint32_t max_h2c_data = 1u << 20;
  std::uint32_t max_c2h_data = 256u << 10;  // largest C2HData that we send
  std::uint64_t handshake_timeout = 10 * plugin::kSecond;
  std::uint64_t connect_timeout = 5 * plugin::kSecond;  // per address
  std::uint64_t pdu_timeout = 30 * plugin::kSecond;
  std::uint64_t close_timeout = 30 * plugin::kSecond;
  std::uint64_t keepalive = 60 * plugin::kSecond;  // idle time before TCP probes; 0: off
  bool nodelay = true;
  std::uint8_t dscp = 0;
  std::uint32_t sndbuf = 0, rcvbuf = 0;     // 0: the kernel's choice
  std::uint32_t notsent_lowat = 1u << 20;   // controller: TCP_NOTSENT_LOWAT
  std::uint32_t receive_memory = 8u << 20;  // per group; rxmem, 1M to 1G
  std::string congestion;                   // "": the machine's default

  // `given` over `base`: the options of an address.
  [[nodiscard]] static plugin::Made<Options> parse(std::span<const weft_option> given, const Options& base);
  // Those of the whole transport, which every address starts from: the same, and rxmem.
  [[nodiscard]] static plugin::Made<Options> parse_domain(std::span<const weft_option> given);
  [[nodiscard]] HostOffer host_offer() const;
  [[nodiscard]] ControllerPolicy controller_policy() const;
};

}  // namespace weft::tcp

#endif

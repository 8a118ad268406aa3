// options.hpp - the keys that this transport takes in a config string, and their values as numbers.
//
// Declared in one table (kOptionInfo), which the core prints and checks. Their range is checked here. Value type; any
// thread. Errors: a sentence that names the key and the value.
#ifndef WEFT_RDMA_OPTIONS_HPP
#define WEFT_RDMA_OPTIONS_HPP

#include <cstdint>
#include <span>

#include "../common/services.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

extern const weft_option_info kOptionInfo[];

using verbs::WindowUse;

// Whether a controller's queue pairs share their receives. kAuto: as shares_receives() (agree.hpp) says.
enum class ShareReceives : std::uint8_t { kAuto, kOn, kOff };

struct Options {
  std::uint32_t depth = 128;                 // controller: commands of one queue at most
  std::uint32_t in_capsule = 4U << 10;       // controller: data behind a command in its capsule
  ShareReceives srq = ShareReceives::kAuto;  // controller
  std::uint32_t reads = 0;                   // READs at a time on one queue; 0: what both devices allow
  std::uint8_t tos = 0;                      // 0: as the system has it
  std::uint64_t ack_timeout = 0;             // ns; 0: as the system has it
  std::uint8_t retries = 7;                  // of a packet that nobody acknowledged, until the connection is given up
  std::uint64_t resolve_timeout = 3 * plugin::kSecond;  // for each of the steps before the connect request
  std::uint64_t connect_timeout = 5 * plugin::kSecond;
  std::uint64_t close_timeout = 5 * plugin::kSecond;
  std::uint64_t send_timeout = 10 * plugin::kSecond;  // controller: without progress of what is sent; 0: no bound
  // Of the whole transport: memory is shared by the queues of a thread.
  std::uint64_t staging = 0;  // bytes; 0: what fits below the limit of locked memory
  WindowUse windows = WindowUse::kAuto;
  bool invalidate = true;

  [[nodiscard]] verbs::ConnectionTuning tuning() const;
  // `given` over `base`: the options of an address.
  [[nodiscard]] static plugin::Made<Options> parse(std::span<const weft_option> given, const Options& base);
  // Those of the whole transport, which every address starts from.
  [[nodiscard]] static plugin::Made<Options> parse_domain(std::span<const weft_option> given);
};

}  // namespace weft::rdma

#endif

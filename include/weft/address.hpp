// address.hpp - the config string as a value: where a controller or listener is, over which transport, with which options.
//
//   tcp://192.0.2.1:4420/nqn.2026-01.org.example:disk?hdgst=on&queues=4
//   tcp://[fe80::1%eth0]:4420/...        rdma://...        anyname://any/path/nqn....
//   tcp://[fd=7]/nqn....                                   an open socket in place of an address
//   trtype:TCP adrfam:IPv4 traddr:192.0.2.1 trsvcid:4420 subnqn:nqn....
//   transport=tcp,traddr=192.0.2.1,trsvcid=4420,nqn=nqn....
//
// Options have the core's names or those of nvme-cli and the Linux kernel (nr_io_queues, keep_alive_tmo). Blanks before the
// string are skipped.
// parse() knows the grammar and no transport: a URL's location stays whole in `traddr` until split_service() is called for
// a transport whose table names a default service. to_string() prints the URL form; parse(to_string()) is equal (of a
// split address: equal once it is split again).
// Percent-encoding: %XX stands for a byte in the NQN, in values of options (there for '&', '#', '%' and spaces; '/' in an
// NQN is %2F), and in a URL's location outside brackets; for a control character in an NQN alone. In brackets '%' (or '%25'
// before a letter) begins a scope. The last segment of a URL is the NQN when it starts with "nqn."; write %6Eqn. for a
// location's own. Of a host:port location and of [fd=N], all after the first '/' is the NQN, whatever it starts with: only
// split_service() knows. Everywhere, ?nqn=NAME names it too. NQNs are any 1 to 223 bytes without a NUL.
// Keys of options are lower case and come once. '+' in a scheme is kept for filters: parsed, refused by
// check_transport_options() as long as there are none.
// Value types; any thread. Errors are EINVAL with a sentence that quotes the part at fault.
#ifndef WEFT_ADDRESS_HPP
#define WEFT_ADDRESS_HPP

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/status.hpp"
#include "weft/transport_abi.h"

namespace weft {

struct Option {
  std::string key;
  std::string value;
  friend bool operator==(const Option&, const Option&) = default;
};

struct Address {
  std::vector<std::string> filters;  // "trace" of trace+tcp://, outermost first; none is known yet
  std::string scheme;                // the transport's name, lower case
  std::string traddr;                // host, or the transport's own form; never brackets once split
  std::string trsvcid;               // "" until split_service(), or when the transport has none
  bool split = false;                // traddr and trsvcid came apart (written so, or split_service())
  std::optional<int> fd;             // [fd=N]; traddr is empty then
  std::string subnqn;                // "" when the string names none
  std::vector<Option> options;       // in the order written; keys are unique

  [[nodiscard]] static Result<Address> parse(std::string_view text);
  // host:port/nqn -> traddr, trsvcid, subnqn. Where no port is written it is the service, or `discovery_service`, if given,
  // for an address that names no subsystem or the discovery service. A split address keeps what it has.
  [[nodiscard]] Status split_service(std::string_view service, std::string_view discovery_service = {});
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] const std::string* option(std::string_view key) const;  // borrowed from this
  friend bool operator==(const Address&, const Address&) = default;
};

// Scalars as they are written in config strings, on the command line and in TOML files.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);  // 4k, 1G: powers of 1,024
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(
    std::string_view text);                                      // 30s, 500ms, 2m; a bare number: seconds
[[nodiscard]] Result<bool> parse_switch(std::string_view text);  // on/off, yes/no, true/false, 1/0
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t low, std::uint64_t high);

// A UUID, 8-4-4-4-12 hexadecimal digits; or the same 32 digits alone, as an NGUID is written.
[[nodiscard]] Result<std::array<std::uint8_t, 16>> parse_uuid(std::string_view text);

enum class WaitPolicy : std::uint8_t {
  kAdaptive,  // spin briefly, then sleep in the kernel
  kPoll,      // never sleep
  kSleep,     // sleep at once
};
[[nodiscard]] Result<WaitPolicy> parse_wait(std::string_view text);

// The keys of the core, for an address that a host connects to.
struct HostOptions {
  std::uint32_t queues = 1;   // I/O queues asked for; 1..1024 (0, from a program: admin only)
  std::uint32_t qsize = 128;  // entries of an I/O queue, 1's based; 2..65536
  std::uint32_t admin_qsize = 32;
  std::chrono::milliseconds kato{30'000};     // 0: no keep-alive
  std::chrono::milliseconds timeout{30'000};  // of one command, and of each step of connecting
  std::string hostnqn;                        // "": this machine's (/etc/nvme/hostnqn, else derived)
  std::string hostid;                         // "": this machine's; a UUID
  bool sq_flow_control = false;               // key sqfc: ask for SQ flow control to stay on
  WaitPolicy wait = WaitPolicy::kAdaptive;
  std::string host_traddr;  // "": the system's choice; the address to connect from, in the transport's form
  std::string host_iface;   // "": the system's choice; the network interface to connect through
};
// Takes the core's keys out of the options; what is left belongs to the transport. An unknown value is an error.
[[nodiscard]] Result<HostOptions> take_host_options(Address& address);
// Each option that is left must be declared by the transport and its value must fit the declared type; an unknown key is an
// error that names the nearest known one, of the core's or the transport's.
[[nodiscard]] Status check_transport_options(const Address& address, std::span<const weft_option_info> declared,
                                             std::span<const std::string_view> core_keys);
[[nodiscard]] std::span<const std::string_view> host_option_keys();
// The values of declared options in the one form that transports are given: on or off, bytes, nanoseconds, decimal numbers.
// An error names the option whose value does not fit its type. Once: afterwards the values mean something else.
[[nodiscard]] Status canonicalize_options(Address& address, std::span<const weft_option_info> declared);

// ram://?size=1G  file:///path?size=10G  null://?size=1T : same grammar, no NQN, no service.
struct BackendAddress {
  std::string scheme;
  std::string path;
  std::vector<Option> options;
  [[nodiscard]] static Result<BackendAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const BackendAddress&, const BackendAddress&) = default;
};

// The nearest of `known` to `word` by edit distance, "" when none is near: "did you mean ...?"
[[nodiscard]] std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

}  // namespace weft

#endif

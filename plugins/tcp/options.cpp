#include "options.hpp"

#include <fmt/format.h>

#include <string_view>

#include "../common/option_values.hpp"

namespace weft::tcp {

const weft_option_info kOptionInfo[] = {
    {"hdgst", "bool", "host off, controller on",
     "header digests: a host asks for them; a controller permits them unless this is off"},
    {"ddgst", "bool", "host off, controller on",
     "data digests: a host asks for them; a controller permits them unless this is off"},
    {"hdr_digest", "bool", "host off, controller on", "hdgst, as nvme-cli calls it"},
    {"data_digest", "bool", "host off, controller on", "ddgst, as nvme-cli calls it"},
    {"pda", "count", "0", "alignment of received data, 0 based dwords up to 31 (HPDA or CPDA); Linux needs 0"},
    {"maxr2t", "count", "1",
     "outstanding R2Ts of a command, 1 to 16: a host offers so many, a controller uses no more"},
    {"maxh2cdata", "size", "1M", "most data of one H2CData that a controller takes; at least 4K, a multiple of 4"},
    {"maxc2hdata", "size", "256K", "most data of one C2HData that a controller sends; at least 4K, a multiple of 4"},
    {"handshake_timeout", "duration", "10s", "from a TCP connection to its ICReq or ICResp"},
    {"connect_timeout", "duration", "5s", "for the TCP connection to each address that a name has"},
    {"pdu_timeout", "duration", "30s", "for the rest of a PDU of which a part has come"},
    {"close_timeout", "duration", "30s", "for the peer to close after a TermReq or after our last byte"},
    {"keepalive", "duration", "60s",
     "idle time before TCP keep-alive probes; a peer that answers none in as long again is "
     "gone; 0: none"},
    {"nodelay", "bool", "on", "TCP_NODELAY"},
    {"dscp", "count", "0", "differentiated services code point, 0 to 63"},
    {"tos", "count", "0", "the byte that has dscp in its upper six bits, as nvme-cli gives it; 0 to 255"},
    {"congestion", "text", "", "TCP congestion control, cubic for one; empty: the machine's default"},
    {"sndbuf", "size", "0", "socket send buffer; 0: the kernel's choice"},
    {"rcvbuf", "size", "0", "socket receive buffer; 0: the kernel's choice"},
    {"notsent_lowat", "size", "1M",
     "most bytes that a controller leaves unsent in the kernel, where a peer that reads nothing holds them; 0: as "
     "sndbuf says"},
    {"rxmem", "size", "8M",
     "memory of each thread for received bytes, 1M to 1G; of the whole transport, not of an address"},
    {nullptr, nullptr, nullptr, nullptr},
};

namespace {

using plugin::bad_value;
using plugin::Failure;
using plugin::kMillisecond;
using plugin::Made;
using plugin::parse_bool;
using plugin::parse_duration;
using plugin::parse_number;
using plugin::put;

Made<std::uint64_t> parse_chunk(std::string_view key, std::string_view value) {
  Made<std::uint64_t> size = parse_number(key, value, kMinMaxH2cData, 1u << 30, "a number of bytes from 4K to 1G");
  if (size && *size % 4 != 0) return std::unexpected(bad_value(key, value, "a multiple of 4"));
  return size;
}

Made<void> parse_buffers(Options& options, std::string_view key, std::string_view value) {
  auto size = parse_number(key, value, 0, 1u << 30, "a number of bytes up to 1G");
  if (key == "notsent_lowat") return put(options.notsent_lowat, size);
  return put(key == "sndbuf" ? options.sndbuf : options.rcvbuf, size);
}

// Its lower two bits are the kernel's (ECN).
Made<void> parse_tos(Options& options, std::string_view key, std::string_view value) {
  Made<std::uint64_t> tos = parse_number(key, value, 0, 255, "a number from 0 to 255");
  if (tos) *tos >>= 2;
  return put(options.dscp, tos);
}

Made<void> parse_timeout(Options& options, std::string_view key, std::string_view value) {
  if (key == "keepalive") return put(options.keepalive, parse_duration(key, value, 0));
  const auto duration = parse_duration(key, value, kMillisecond);
  if (key == "handshake_timeout") return put(options.handshake_timeout, duration);
  if (key == "connect_timeout") return put(options.connect_timeout, duration);
  if (key == "pdu_timeout") return put(options.pdu_timeout, duration);
  return put(options.close_timeout, duration);
}

Made<void> parse_one(Options& options, std::string_view key, std::string_view value) {
  if (key == "hdgst" || key == "hdr_digest") return put(options.header_digest, parse_bool(key, value));
  if (key == "ddgst" || key == "data_digest") return put(options.data_digest, parse_bool(key, value));
  if (key == "nodelay") return put(options.nodelay, parse_bool(key, value));
  if (key == "pda") return put(options.pda, parse_number(key, value, 0, kMaxPda, "a number from 0 to 31"));
  if (key == "maxr2t")
    return put(options.outstanding_r2t, parse_number(key, value, 1, kMaxOutstandingR2t, "a number from 1 to 16"));
  if (key == "maxh2cdata") return put(options.max_h2c_data, parse_chunk(key, value));
  if (key == "maxc2hdata") return put(options.max_c2h_data, parse_chunk(key, value));
  if (key == "dscp") return put(options.dscp, parse_number(key, value, 0, 63, "a number from 0 to 63"));
  if (key == "tos") return parse_tos(options, key, value);
  if (key == "congestion") {
    if (value.size() > 15 || value == "on")  // the latter is a key that stands alone
      return std::unexpected(bad_value(key, value, "the name of a congestion control"));
    options.congestion = value;
    return {};
  }
  if (key == "sndbuf" || key == "rcvbuf" || key == "notsent_lowat") return parse_buffers(options, key, value);
  if (key == "keepalive" || key.ends_with("_timeout")) {
    for (const weft_option_info* info = kOptionInfo; info->key != nullptr; ++info)
      if (key == info->key) return parse_timeout(options, key, value);
  }
  if (key == "rxmem")
    return std::unexpected(
        Failure{.code = EINVAL, .text = "option rxmem is of the whole tcp transport, not of an address"});
  return std::unexpected(Failure{.code = EINVAL, .text = fmt::format("the tcp transport has no option '{}'", key)});
}

// Two keys of one field.
struct Twins {
  std::string_view first, second;
};
constexpr Twins kTwins[] = {{"hdgst", "hdr_digest"}, {"ddgst", "data_digest"}, {"dscp", "tos"}};

const weft_option* find(std::span<const weft_option> given, std::string_view key) {
  for (const weft_option& option : given)
    if (option.key != nullptr && option.value != nullptr && key == option.key) return &option;
  return nullptr;
}

// Of options that parse.
Made<void> check_twins(std::span<const weft_option> given) {
  for (const auto& [first, second] : kTwins) {
    const weft_option* const a = find(given, first);
    const weft_option* const b = find(given, second);
    if (a == nullptr || b == nullptr) continue;
    Options one, other;
    const bool parsed = parse_one(one, a->key, a->value) && parse_one(other, b->key, b->value);
    const bool same =
        one.header_digest == other.header_digest && one.data_digest == other.data_digest && one.dscp == other.dscp;
    if (parsed && same) continue;
    return std::unexpected(Failure{
        .code = EINVAL,
        .text = fmt::format("options {}={} and {}={} contradict each other", a->key, a->value, b->key, b->value)});
  }
  return {};
}

}  // namespace

Made<Options> Options::parse(std::span<const weft_option> given, const Options& base) {
  Options options = base;
  for (const weft_option& option : given) {
    if (option.key == nullptr) continue;
    const Made<void> done = parse_one(options, option.key, option.value == nullptr ? "" : option.value);
    if (!done) return std::unexpected(done.error());
  }
  if (const Made<void> agree = check_twins(given); !agree) return std::unexpected(agree.error());
  return options;
}

// A group belongs to no address, so its memory is no address's to choose.
Made<Options> Options::parse_domain(std::span<const weft_option> given) {
  Options options;
  for (const weft_option& option : given) {
    if (option.key == nullptr || option.value == nullptr) continue;
    const Made<void> done = option.key == std::string_view("rxmem")
                                ? put(options.receive_memory, parse_number(option.key, option.value, 1u << 20, 1u << 30,
                                                                           "a number of bytes from 1M to 1G"))
                                : parse_one(options, option.key, option.value);
    if (!done) return std::unexpected(done.error());
  }
  if (const Made<void> agree = check_twins(given); !agree) return std::unexpected(agree.error());
  return options;
}

HostOffer Options::host_offer() const {
  return {.hpda = pda,
          .header_digest = header_digest.value_or(false),
          .data_digest = data_digest.value_or(false),
          .outstanding_r2t = outstanding_r2t};
}

ControllerPolicy Options::controller_policy() const {
  return {.cpda = pda,
          .header_digest = header_digest.value_or(true),
          .data_digest = data_digest.value_or(true),
          .max_h2c_data = max_h2c_data,
          .outstanding_r2t = outstanding_r2t};
}

}  // namespace weft::tcp

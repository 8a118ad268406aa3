#include "options.hpp"

#include <fmt/format.h>

#include <string_view>

#include "../common/option_values.hpp"

namespace weft::rdma {

const weft_option_info kOptionInfo[] = {
    {"depth", "count", "128", "commands of one queue that a controller takes at most, 2 to 4096"},
    {"incapsule", "size", "4K",
     "data behind a command in its capsule that a controller takes; 0 to 64K, a multiple of 16"},
    {"srq", "auto|on|off", "auto",
     "receives that a controller's queues share, where the device can: on, off, or auto: once those of queues with "
     "their own take an eighth of the memory that the process may lock, or 1 GiB, and never on soft-RoCE, where an "
     "empty ring "
     "can cost a host of Linux its connection"},
    {"reads", "count", "0", "RDMA READs of one queue at a time, to 255; 0: as many as both devices allow"},
    {"retries", "count", "7", "how often a packet is sent again before the connection is given up, 0 to 7"},
    {"tos", "count", "0",
     "type of service of the packets, 0 to 255; 0: as the system has it; of a host's choice for both"},
    {"ack_timeout", "duration", "0",
     "until a packet that nobody acknowledged is sent again, to 8796s, rounded up to 4.096 us times a power of two; 0: "
     "as "
     "the system has it"},
    {"resolve_timeout", "duration", "3s", "for the device and the route to an address, each"},
    {"connect_timeout", "duration", "5s", "from the connect request to its answer"},
    {"close_timeout", "duration", "5s", "for the device to give back what a queue has posted"},
    {"send_timeout", "duration", "10s",
     "for a host to take anything of what a controller sends, before its connection ends: a host that posts no "
     "receives "
     "takes nothing; 0: no bound"},
    {"staging", "size", "0",
     "memory of each thread and device for data that is not registered, 64K to 256M; 0: what the limit of "
     "locked memory allows; of the whole transport, not of an address"},
    {"windows", "auto|on|off", "auto",
     "keys for one command only, where the device has memory windows: on, off, or auto, which leaves out soft-RoCE "
     "because a lost packet can stop its kernel; of the whole transport, not of an address"},
    {"invalidate", "bool", "on",
     "responses that invalidate the host's key, where both sides can; of the whole transport, not of an address"},
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

constexpr std::uint32_t kMostInCapsule = 64U << 10;
constexpr std::uint64_t kLeastStaging = 64U << 10, kMostStaging = 256U << 20;

Made<std::uint64_t> parse_in_capsule(std::string_view key, std::string_view value) {
  Made<std::uint64_t> size = parse_number(key, value, 0, kMostInCapsule, "a number of bytes up to 64K");
  if (size && *size % 16 != 0) return std::unexpected(bad_value(key, value, "a multiple of 16"));
  return size;
}

Made<std::uint64_t> parse_staging(std::string_view key, std::string_view value) {
  Made<std::uint64_t> size = parse_number(key, value, 0, kMostStaging, "0 or a number of bytes from 64K to 256M");
  if (size && *size != 0 && *size < kLeastStaging)
    return std::unexpected(bad_value(key, value, "0 or a number of bytes from 64K to 256M"));
  return size;
}

bool is_of_domain(std::string_view key) { return key == "staging" || key == "windows" || key == "invalidate"; }

// An enumeration of kAuto, kOn and kOff.
template <class Use>
Made<void> put_use(Use& field, std::string_view key, std::string_view value) {
  if (value != "auto" && value != "on" && value != "off")
    return std::unexpected(bad_value(key, value, "auto, on or off"));
  field = value == "auto" ? Use::kAuto : value == "on" ? Use::kOn : Use::kOff;
  return {};
}

Made<void> parse_of_domain(Options& options, std::string_view key, std::string_view value) {
  if (key == "staging") return put(options.staging, parse_staging(key, value));
  if (key == "windows") return put_use(options.windows, key, value);
  return put(options.invalidate, parse_bool(key, value));
}

constexpr std::uint64_t kAckUnit = 4096;  // ns
constexpr std::uint8_t kMostAckExponent = 31;

Made<std::uint64_t> parse_ack_timeout(std::string_view key, std::string_view value) {
  Made<std::uint64_t> time = parse_duration(key, value, 0);
  if (time && *time > kAckUnit << kMostAckExponent) return std::unexpected(bad_value(key, value, "at most 8796s"));
  return time;
}

Made<void> parse_one(Options& options, std::string_view key, std::string_view value) {
  if (key == "depth") return put(options.depth, parse_number(key, value, 2, 4096, "a number from 2 to 4096"));
  if (key == "incapsule") return put(options.in_capsule, parse_in_capsule(key, value));
  if (key == "srq") return put_use(options.srq, key, value);
  if (key == "reads") return put(options.reads, parse_number(key, value, 0, 255, "a number from 0 to 255"));
  if (key == "tos") return put(options.tos, parse_number(key, value, 0, 255, "a number from 0 to 255"));
  if (key == "ack_timeout") return put(options.ack_timeout, parse_ack_timeout(key, value));
  if (key == "retries") return put(options.retries, parse_number(key, value, 0, 7, "a number from 0 to 7"));
  if (key == "resolve_timeout") return put(options.resolve_timeout, parse_duration(key, value, kMillisecond));
  if (key == "connect_timeout") return put(options.connect_timeout, parse_duration(key, value, kMillisecond));
  if (key == "send_timeout") return put(options.send_timeout, parse_duration(key, value, 0));
  if (key == "close_timeout") return put(options.close_timeout, parse_duration(key, value, kMillisecond));
  return std::unexpected(Failure{.code = EINVAL, .text = fmt::format("the rdma transport has no option '{}'", key)});
}

}  // namespace

// At least what was asked for; an exponent of 0 would be no time-out at all.
verbs::ConnectionTuning Options::tuning() const {
  verbs::ConnectionTuning tuning{.tos = tos};
  if (ack_timeout == 0) return tuning;
  tuning.ack_timeout = 1;
  while (tuning.ack_timeout < kMostAckExponent && kAckUnit << tuning.ack_timeout < ack_timeout) ++tuning.ack_timeout;
  return tuning;
}

Made<Options> Options::parse(std::span<const weft_option> given, const Options& base) {
  Options options = base;
  for (const weft_option& option : given) {
    if (option.key == nullptr) continue;
    if (is_of_domain(option.key))
      return std::unexpected(
          Failure{.code = EINVAL,
                  .text = fmt::format("option {} is of the whole rdma transport, not of an address", option.key)});
    const Made<void> done = parse_one(options, option.key, option.value == nullptr ? "" : option.value);
    if (!done) return std::unexpected(done.error());
  }
  return options;
}

Made<Options> Options::parse_domain(std::span<const weft_option> given) {
  Options options;
  for (const weft_option& option : given) {
    if (option.key == nullptr || option.value == nullptr) continue;
    const Made<void> done = is_of_domain(option.key) ? parse_of_domain(options, option.key, option.value)
                                                     : parse_one(options, option.key, option.value);
    if (!done) return std::unexpected(done.error());
  }
  return options;
}

}  // namespace weft::rdma

// The core's own keys of an address that a host connects to.
#include <fmt/core.h>
#include <algorithm>
#include <array>
#include <cerrno>

#include "core/address/foreign_keys.hpp"
#include "core/address/text.hpp"
#include "core/wire/host_identity.hpp"
#include "core/wire/nqn.hpp"
#include "weft/address.hpp"

namespace weft {
namespace {

using address::quote;
using std::chrono::milliseconds;

constexpr milliseconds kLongestWait = std::chrono::hours(24);

Error in_option(const std::string& key, Error error) {
  return std::move(error).with_context(fmt::format("option '{}'", key));
}

Status read_count(const Option& option, std::uint64_t low, std::uint64_t high, std::uint32_t& out) {
  const Result<std::uint64_t> value = parse_count(option.value, low, high);
  if (!value) return in_option(option.key, value.error());
  out = static_cast<std::uint32_t>(*value);
  return {};
}

Status read_wait_time(const Option& option, milliseconds least, milliseconds& out) {
  const Result<std::chrono::nanoseconds> value = parse_duration(option.value);
  if (!value) return in_option(option.key, value.error());
  if (*value < least || *value > kLongestWait) {
    return Error(EINVAL, fmt::format("option '{}': {} is not between {} ms and 24 h", option.key, quote(option.value),
                                     least.count()));
  }
  const auto rounded = std::chrono::ceil<milliseconds>(*value);
  out = rounded;
  return {};
}

Status read_hostid(const Option& option, std::string& out) {
  const Result<wire::Uuid> uuid = wire::parse_hostid(option.value);
  if (!uuid) return in_option(option.key, uuid.error());
  out = wire::format_uuid(*uuid);
  return {};
}

Status read_hostnqn(const Option& option, std::string& out) {
  if (Status usable = wire::nqn_valid(option.value, "option 'hostnqn'"); !usable) return usable;
  out = option.value;
  return {};
}

Status read_text(const Option& option, std::string& out) {
  if (option.value.empty()) return Error(EINVAL, fmt::format("option '{}' is empty", option.key));
  out = option.value;
  return {};
}

Status read_switch(const Option& option, bool& out) {
  const Result<bool> value = parse_switch(option.value);
  if (!value) return in_option(option.key, value.error());
  out = *value;
  return {};
}

Status read_wait(const Option& option, WaitPolicy& out) {
  const Result<WaitPolicy> value = parse_wait(option.value);
  if (!value) return in_option(option.key, value.error());
  out = *value;
  return {};
}

// The opposite of sqfc.
Status read_disable(const Option& option, HostOptions& out) {
  if (Status read = read_switch(option, out.sq_flow_control); !read) return read;
  out.sq_flow_control = !out.sq_flow_control;
  return {};
}

// Both of them, and they do not agree.
Status check_flow_control(const Address& address) {
  const std::string* const on = address.option("sqfc");
  const std::string* const off = address.option("disable_sqflow");
  if (on == nullptr || off == nullptr || *parse_switch(*on) != *parse_switch(*off)) return {};
  return Error(EINVAL, fmt::format("options {} and {} contradict each other", quote("sqfc=" + *on),
                                   quote("disable_sqflow=" + *off)));
}

// Each host is an association of its own here, whatever else is connected.
Status read_duplicate(const Option& option, HostOptions&) {
  bool duplicate = false;
  if (Status read = read_switch(option, duplicate); !read) return read;
  if (duplicate) return {};
  return Error(EINVAL,
               fmt::format("option '{}': each connect makes an association of its own; off is not there", option.key));
}

struct Key {
  std::string_view name;
  Status (*read)(const Option&, HostOptions&);
};

constexpr std::uint64_t kMaxQueues = 1024;
constexpr std::uint64_t kMaxQueueSize = 65536;
constexpr std::uint64_t kMaxAdminQueueSize = 4096;

constexpr std::array<Key, 11> kKeys{{
    {"queues", [](const Option& o, HostOptions& h) { return read_count(o, 1, kMaxQueues, h.queues); }},
    {"qsize", [](const Option& o, HostOptions& h) { return read_count(o, 2, kMaxQueueSize, h.qsize); }},
    {"admin_qsize",
     [](const Option& o, HostOptions& h) { return read_count(o, 2, kMaxAdminQueueSize, h.admin_qsize); }},
    {"kato", [](const Option& o, HostOptions& h) { return read_wait_time(o, milliseconds(0), h.kato); }},
    {"timeout", [](const Option& o, HostOptions& h) { return read_wait_time(o, milliseconds(1), h.timeout); }},
    {"hostnqn", [](const Option& o, HostOptions& h) { return read_hostnqn(o, h.hostnqn); }},
    {"hostid", [](const Option& o, HostOptions& h) { return read_hostid(o, h.hostid); }},
    {"sqfc", [](const Option& o, HostOptions& h) { return read_switch(o, h.sq_flow_control); }},
    {"wait", [](const Option& o, HostOptions& h) { return read_wait(o, h.wait); }},
    {"host_traddr", [](const Option& o, HostOptions& h) { return read_text(o, h.host_traddr); }},
    {"host_iface", [](const Option& o, HostOptions& h) { return read_text(o, h.host_iface); }},
}};

constexpr std::array<std::string_view, kKeys.size()> kKeyNames = [] {
  std::array<std::string_view, kKeys.size()> names;
  for (std::size_t i = 0; i < kKeys.size(); ++i) names[i] = kKeys[i].name;
  return names;
}();

// Of the Linux kernel; taken, but not listed beside the core's own.
constexpr std::array<Key, 2> kForeignKeys{{{"disable_sqflow", read_disable}, {"duplicate_connect", read_duplicate}}};

const Key* find_key(std::string_view written) {
  const auto is_it = [name = address::own_key(written)](const Key& key) { return key.name == name; };
  if (const auto key = std::find_if(kKeys.begin(), kKeys.end(), is_it); key != kKeys.end()) return &*key;
  const auto foreign = std::find_if(kForeignKeys.begin(), kForeignKeys.end(), is_it);
  return foreign == kForeignKeys.end() ? nullptr : &*foreign;
}

}  // namespace

Result<HostOptions> take_host_options(Address& address) {
  HostOptions out;
  for (const Option& option : address.options) {
    const Key* const key = find_key(option.key);
    if (key == nullptr) continue;
    if (Status read = key->read(option, out); !read) return read.error();
  }
  if (Status agree = check_flow_control(address); !agree) return agree.error();
  std::erase_if(address.options, [](const Option& option) { return find_key(option.key) != nullptr; });
  return out;
}

std::span<const std::string_view> host_option_keys() { return kKeyNames; }

}  // namespace weft

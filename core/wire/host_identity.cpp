#include "core/wire/host_identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "core/util/log.hpp"
#include "core/util/unique_fd.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"

namespace weft::wire {
namespace {

std::optional<Uuid> hostid_from_file(const std::string& path) {
  const Result<Uuid> uuid = parse_hostid(first_line(path));
  return uuid ? std::optional(*uuid) : std::nullopt;
}

// 32 hexadecimal digits; a machine that is being installed has the word "uninitialized" there.
bool is_machine_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos &&
         text.find_first_not_of('0') != std::string_view::npos;
}

Uuid hostid_for_nqn(const std::string& hostnqn) {
  const Result<Uuid> uuid = uuid_of_nqn(hostnqn);
  return uuid && !is_nil(*uuid) ? *uuid : derive_uuid("host identifier", hostnqn);
}

}  // namespace

std::string first_line(const std::string& path) {
  // Not blocking, so that a pipe in the file's place cannot stop us; none of the files is longer than this buffer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return {};
  std::array<char, 512> buffer{};
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got <= 0) return {};
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  text = text.substr(0, text.find('\n'));
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::string read_machine_id(const std::string& path) {
  std::string id = first_line(path);
  return is_machine_id(id) ? id : std::string();
}

HostIdentity read_host_identity(const HostIdentityFiles& files, const Uuid& fallback) {
  std::string hostnqn = first_line(files.hostnqn);
  const std::optional<Uuid> hostid = hostid_from_file(files.hostid);
  const Status usable = nqn_valid(hostnqn, "its first line");
  if (usable) {
    const Uuid id = hostid ? *hostid : hostid_for_nqn(hostnqn);
    return {.hostnqn = std::move(hostnqn), .hostid = id};
  }
  if (!hostnqn.empty()) log::warning("{} names no host and is ignored: {}", files.hostnqn, usable.error().text);
  if (hostid) return {.hostnqn = uuid_nqn(*hostid), .hostid = *hostid};

  const std::string machine_id = read_machine_id(files.machine_id);
  const Uuid derived = machine_id.empty() ? fallback : derive_uuid("host", machine_id);
  return {.hostnqn = uuid_nqn(derived), .hostid = derived};
}

const HostIdentity& this_host() {
  static const HostIdentity identity = read_host_identity(HostIdentityFiles{}, random_uuid());
  return identity;
}

Result<Uuid> parse_hostid(std::string_view text) {
  Result<Uuid> uuid = parse_uuid(text);
  if (uuid && is_nil(*uuid)) {
    return Error(EINVAL, fmt::format("'{}' is all zeroes, which stands for no host identifier", printable(text)));
  }
  return uuid;
}

}  // namespace weft::wire

namespace weft {

std::string default_hostnqn() { return wire::this_host().hostnqn; }
std::string default_hostid() { return wire::format_uuid(wire::this_host().hostid); }

}  // namespace weft

#include "core/wire/nqn.hpp"

#include <fmt/format.h>
#include <cerrno>

#include "core/wire/text_field.hpp"

namespace weft::wire {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether text starts with "yyyy-mm.".
bool starts_with_date(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd.";
  if (text.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !is_digit(text[i]) : text[i] != kShape[i]) return false;
  }
  return true;
}

}  // namespace

Status nqn_valid(std::string_view nqn, std::string_view what) {
  if (nqn.empty()) return Error(EINVAL, fmt::format("{} is empty", what));
  if (nqn.size() > fabrics::kNqnMaxLength) {
    return Error(EINVAL, fmt::format("{} has {} bytes, more than the {} that are allowed", what, nqn.size(),
                                     fabrics::kNqnMaxLength));
  }
  if (nqn.find('\0') != std::string_view::npos) {
    return Error(EINVAL, fmt::format("{} '{}' has a NUL in it", what, printable(nqn)));
  }
  return {};
}

Status nqn_valid_strict(std::string_view nqn, std::string_view what) {
  constexpr std::string_view kPrefix = "nqn.";
  constexpr std::size_t kDateLength = 8;
  if (Status status = nqn_valid(nqn, what); !status) return status;
  if (!nqn.starts_with(kPrefix)) {
    return Error(EINVAL, fmt::format("{} '{}' does not start with 'nqn.'", what, printable(nqn)));
  }
  const std::string_view rest = nqn.substr(kPrefix.size());
  if (!starts_with_date(rest)) {
    return Error(EINVAL, fmt::format("{} '{}' has no year and month after 'nqn.', as in 'nqn.2026-01.org.example:disk'",
                                     what, printable(nqn)));
  }
  if (rest.size() == kDateLength) {
    return Error(EINVAL, fmt::format("{} '{}' has no name after its date", what, printable(nqn)));
  }
  return {};
}

Result<std::string_view> read_nqn(const WireText<fabrics::kNqnFieldSize>& field, std::string_view what) {
  const std::string_view whole(field.data(), field.size());
  const std::size_t length = whole.find('\0');
  if (length == std::string_view::npos) {
    return Error(EINVAL, fmt::format("{} has no NUL at its end within its {} bytes", what, field.size()));
  }
  const std::string_view nqn = whole.substr(0, length);
  if (Status status = nqn_valid(nqn, what); !status) return std::move(status).error();
  return nqn;
}

Status write_nqn(WireText<fabrics::kNqnFieldSize>& field, std::string_view nqn, std::string_view what) {
  if (Status status = nqn_valid(nqn, what); !status) return status;
  write_text(field, nqn, '\0');
  return {};
}

bool is_discovery_nqn(std::string_view nqn) { return nqn == fabrics::kDiscoveryNqn; }

std::string uuid_nqn(const Uuid& uuid) { return std::string(kUuidNqnPrefix) + format_uuid(uuid); }

Result<Uuid> uuid_of_nqn(std::string_view nqn) {
  if (!nqn.starts_with(kUuidNqnPrefix)) {
    return Error(EINVAL, fmt::format("'{}' is not a name of the form {}<uuid>",
                                     printable(nqn.substr(0, fabrics::kNqnMaxLength)), kUuidNqnPrefix));
  }
  return parse_uuid(nqn.substr(kUuidNqnPrefix.size()));
}

Result<fabrics::ConnectData> connect_data(const Uuid& hostid, std::uint16_t cntlid, std::string_view subnqn,
                                          std::string_view hostnqn) {
  fabrics::ConnectData data;
  data.hostid = hostid;
  data.cntlid = cntlid;
  if (Status status = write_nqn(data.subnqn, subnqn, "the subsystem NQN"); !status) return std::move(status).error();
  if (Status status = write_nqn(data.hostnqn, hostnqn, "the host NQN"); !status) return std::move(status).error();
  return data;
}

}  // namespace weft::wire

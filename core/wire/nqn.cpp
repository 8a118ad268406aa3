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

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The bytes of the character that `text` begins with: 0 where that is a control character or no UTF-8. Overlong forms of
// control characters begin with C0h and C1h, of longer ones with E0h or F0h and a second byte that is too small.
std::size_t printable_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (const char c : text.substr(1, length - 1)) {
    if (!is_continuation(c)) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool beyond = (lead == 0xED && second >= 0xA0) || (lead == 0xF4 && second >= 0x90);
  const bool control = lead == 0xC2 && second < 0xA0;
  return overlong || beyond || control ? 0 : length;
}

}  // namespace

bool has_controls_or_no_utf8(std::string_view nqn) {
  while (!nqn.empty()) {
    const std::size_t length = printable_character(nqn);
    if (length == 0) return true;
    nqn.remove_prefix(length);
  }
  return false;
}

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
  constexpr std::string_view kNqnPrefix = "nqn.";
  constexpr std::size_t kDateLength = 8;
  if (Status status = nqn_valid(nqn, what); !status) return status;
  if (!nqn.starts_with(kNqnPrefix)) {
    return Error(EINVAL, fmt::format("{} '{}' does not start with 'nqn.'", what, printable(nqn)));
  }
  if (has_controls_or_no_utf8(nqn)) {
    return Error(EINVAL,
                 fmt::format("{} '{}' has a control character or bytes that are not UTF-8", what, printable(nqn)));
  }
  const std::string_view rest = nqn.substr(kNqnPrefix.size());
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

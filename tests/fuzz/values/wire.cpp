// Any bytes as a submission queue entry (64), a name field (256) and a text (the rest).
#include "core/wire/command_name.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"
#include "core/wire/uuid.hpp"
#include "fuzz/values/parsers.hpp"
#include "weft/endian.hpp"

namespace weft::fuzz {
namespace {

using NqnField = WireText<fabrics::kNqnFieldSize>;

void require_printable(std::string_view text) {
  for (const char c : text) require(c >= ' ' && c <= '~', "a sentence has a byte that is not printable");
}

void fuzz_sqe(const nvme::Sqe& sqe) {
  require_printable(wire::command_name(sqe, true));
  require_printable(wire::command_name(sqe, false));
  require(sqe.arguments<nvme::GetLogPageArguments>().length() <= std::uint64_t{1} << 34, "a log page too long");
}

void fuzz_name(const NqnField& field) {
  const auto nqn = wire::read_nqn(field);
  outcomes.reached(nqn ? kName : kNameRefused);
  if (!nqn) return require_printable(nqn.error().text);
  require(!nqn->empty() && nqn->size() <= fabrics::kNqnMaxLength, "a name of a length that is not allowed");
  NqnField copy;
  require(wire::write_nqn(copy, *nqn).has_value(), "a name that was read cannot be written");
  require(wire::read_nqn(copy).value() == *nqn, "a name is read differently once written");
  if (const Status strict = wire::nqn_valid_strict(*nqn); !strict) require_printable(strict.error().text);
  if (const auto uuid = wire::uuid_of_nqn(*nqn); !uuid) require_printable(uuid.error().text);
}

void fuzz_text(std::string_view text) {
  require_printable(wire::printable(text));
  require(wire::read_text(text).find('\0') == std::string_view::npos, "a NUL in text that was read");
  const auto uuid = wire::parse_uuid(text);
  if (!uuid) return require_printable(uuid.error().text);
  outcomes.reached(kUuid);
  require(wire::parse_uuid(wire::format_uuid(*uuid)).value() == *uuid, "a UUID is read differently once printed");
}

}  // namespace

void fuzz_wire(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kHead = sizeof(nvme::Sqe) + sizeof(NqnField);
  if (bytes.size() < kHead) return;
  fuzz_sqe(load<nvme::Sqe>(bytes.data()));
  fuzz_name(load<NqnField>(bytes.data() + sizeof(nvme::Sqe)));
  const auto text = bytes.subspan(kHead);
  fuzz_text({reinterpret_cast<const char*>(text.data()), text.size()});
}

}  // namespace weft::fuzz

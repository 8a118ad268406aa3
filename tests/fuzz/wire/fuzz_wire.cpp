// Any bytes as a submission queue entry, a name field and a text: no crash, and what is accepted keeps its promises. The
// first 64 bytes are the entry, the next 256 the field, the rest the text. Starts from corpus/; a run that did not accept a
// name and a UUID has tested nothing and fails.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/wire/command_name.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"
#include "core/wire/uuid.hpp"

namespace {

namespace nvme = weft::nvme;
namespace wire = weft::wire;
using NqnField = weft::WireText<weft::fabrics::kNqnFieldSize>;

unsigned long accepted_names = 0;
unsigned long accepted_uuids = 0;

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "fuzz_wire: %s\n", what);
  std::abort();
}

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
  if (!nqn) return require_printable(nqn.error().text);
  ++accepted_names;
  require(!nqn->empty() && nqn->size() <= weft::fabrics::kNqnMaxLength, "a name of a length that is not allowed");
  NqnField copy;
  require(wire::write_nqn(copy, *nqn).has_value(), "a name that was read cannot be written");
  require(wire::read_nqn(copy).value() == *nqn, "a name is read differently once written");
  if (const weft::Status strict = wire::nqn_valid_strict(*nqn); !strict) require_printable(strict.error().text);
  if (const auto uuid = wire::uuid_of_nqn(*nqn); !uuid) require_printable(uuid.error().text);
}

void fuzz_text(std::string_view text) {
  require_printable(wire::printable(text));
  require(wire::read_text(text).find('\0') == std::string_view::npos, "a NUL in text that was read");
  const auto uuid = wire::parse_uuid(text);
  if (!uuid) return require_printable(uuid.error().text);
  ++accepted_uuids;
  require(wire::parse_uuid(wire::format_uuid(*uuid)).value() == *uuid, "a UUID is read differently once printed");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  return std::atexit([] {
    if (accepted_names == 0 || accepted_uuids == 0) {
      std::fputs("fuzz_wire: a name or a UUID was never accepted\n", stderr);
      std::_Exit(1);
    }
  });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = sizeof(nvme::Sqe) + sizeof(NqnField);
  if (size < kHead) return 0;
  fuzz_sqe(weft::load<nvme::Sqe>(data));
  fuzz_name(weft::load<NqnField>(data + sizeof(nvme::Sqe)));
  fuzz_text({reinterpret_cast<const char*>(data) + kHead, size - kHead});
  return 0;
}

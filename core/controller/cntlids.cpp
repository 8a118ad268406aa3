#include "core/controller/cntlids.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <charconv>

#include "core/wire/text_field.hpp"
#include "weft/fabrics.hpp"

namespace weft {
namespace {

bool read_cntlid(std::string_view text, std::uint16_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

Error not_a_range(std::string_view text) {
  return Error(EINVAL,
               fmt::format("'{}' is not a range of controller identifiers: write FIRST-LAST, each from 1 to {}, "
                           "as in 1-999",
                           wire::printable(text.substr(0, 64)), fabrics::kCntlidMax));
}

}  // namespace

Result<CntlidRange> parse_cntlid_range(std::string_view text) {
  CntlidRange range;
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || !read_cntlid(text.substr(0, dash), range.first) ||
      !read_cntlid(text.substr(dash + 1), range.last)) {
    return not_a_range(text);
  }
  if (!controller::check_cntlid_range(range)) return not_a_range(text);
  return range;
}

namespace controller {

Status check_cntlid_range(const CntlidRange& range) {
  if (range.first >= 1 && range.first <= range.last && range.last <= fabrics::kCntlidMax) return {};
  return Error(EINVAL, fmt::format("controller identifiers go from 1 to {}, not from {} to {}", fabrics::kCntlidMax,
                                   range.first, range.last));
}

Cntlids::Cntlids(const CntlidRange& range) : range_(range), next_(range.first) {
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return;  // no kernel that we run on
  next_ = static_cast<std::uint16_t>(range.first + random % (std::uint32_t{range.last} - range.first + 1));
}

}  // namespace controller
}  // namespace weft

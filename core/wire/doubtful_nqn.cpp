#include "core/wire/doubtful_nqn.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <string>

#include "core/util/log.hpp"
#include "core/wire/nqn.hpp"
#include "core/wire/text_field.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kPrefix = "nqn.";
constexpr std::size_t kMaxWarned = 256;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

// One letter of "nqn." is another, is missing or is too much, or two changed places.
bool is_slip_of_prefix(std::string_view start) {
  std::size_t same = 0;
  while (same < std::min(start.size(), kPrefix.size()) && start[same] == kPrefix[same]) ++same;
  const std::string_view rest = start.substr(same), wanted = kPrefix.substr(same);
  if (start.size() < kPrefix.size()) return rest == wanted.substr(1);
  if (start.size() > kPrefix.size()) return rest.substr(1) == wanted;
  const bool swapped =
      wanted.size() > 1 && rest[0] == wanted[1] && rest[1] == wanted[0] && rest.substr(2) == wanted.substr(2);
  return swapped || (!wanted.empty() && rest.substr(1) == wanted.substr(1));
}

// "nqm.2014-08.": a slip, and then the year.
bool looks_misspelt(const std::string& name) {
  for (const std::size_t length : {std::size_t{3}, std::size_t{4}, std::size_t{5}}) {
    if (name.size() < length + 4 || !is_slip_of_prefix(std::string_view(name).substr(0, length))) continue;
    const std::string year = name.substr(length, 4);
    if (std::all_of(year.begin(), year.end(), is_decimal)) return true;
  }
  return false;
}

}  // namespace

std::string_view doubt_about_nqn(std::string_view nqn) {
  if (nqn.empty()) return {};
  if (is_blank(nqn.front()) || is_blank(nqn.back())) return "starts or ends with a blank";
  if (!nqn.starts_with(kPrefix)) {
    const std::string name = lower(nqn);
    if (name.starts_with(kPrefix)) return "starts with 'nqn.' in capital letters, and names are compared byte by byte";
    if (looks_misspelt(name)) return "does not start with 'nqn.', but nearly so";
    return has_controls_or_no_utf8(nqn) ? "has a control character or bytes that are not UTF-8" : std::string_view();
  }
  return nqn_valid_strict(nqn) ? std::string_view()
                               : "starts with 'nqn.', but does not go on as in 'nqn.2026-01.org.example:disk'";
}

void warn_of_doubtful_nqn(std::string_view nqn, std::string_view what) {
  const std::string_view doubt = doubt_about_nqn(nqn);
  if (doubt.empty()) return;
  static std::mutex mutex;
  static std::set<std::string, std::less<>> warned;
  {
    const std::lock_guard lock(mutex);
    if (warned.size() >= kMaxWarned || !warned.emplace(nqn).second) return;
  }
  log::warning("{} '{}' {}; it is used as it is", what, printable(nqn), doubt);
}

}  // namespace weft::wire

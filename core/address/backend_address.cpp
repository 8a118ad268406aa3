#include <fmt/core.h>
#include <cerrno>

#include "core/address/location.hpp"
#include "core/address/option_list.hpp"
#include "core/address/text.hpp"
#include "weft/address.hpp"

namespace weft {

using address::quote;

Result<BackendAddress> BackendAddress::parse(std::string_view text) {
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) {
    return Error(EINVAL, fmt::format("{} is not a backend: write SCHEME://[PATH][?size=...]", quote(text)));
  }
  if (text.size() > address::kMaxText) {
    return Error(EINVAL, fmt::format("the backend has {} bytes, the most is {}", text.size(), address::kMaxText));
  }
  if (address::find_control(text) != std::string_view::npos) {
    return Error(EINVAL, fmt::format("there is a control character in the backend {}", quote(text)));
  }
  Address scheme;
  if (Status good = address::read_scheme(text.substr(0, separator), text, scheme); !good) return good.error();
  if (!scheme.filters.empty())
    return Error(EINVAL, fmt::format("backends take no '+' in their scheme: {}", quote(text)));
  BackendAddress out;
  out.scheme = scheme.scheme;
  const std::string_view rest = text.substr(separator + 3);
  const std::size_t question = rest.find('?');
  Result<std::string> path = address::percent_decode(rest.substr(0, question), "the path");
  if (!path) return path.error();
  out.path = std::move(*path);
  if (question == std::string_view::npos) return out;
  Result<std::vector<Option>> options = address::parse_options(rest.substr(question + 1));
  if (!options) return options.error();
  out.options = std::move(*options);
  return out;
}

std::string BackendAddress::to_string() const {
  return scheme + "://" + address::percent_encode(path, "") + address::print_options(options);
}

}  // namespace weft

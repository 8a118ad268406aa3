// url.hpp - the spelling scheme://location[/nqn...][?options].
//
// Pure; any thread. Errors are EINVAL with a sentence.
#ifndef WEFT_CORE_ADDRESS_URL_HPP
#define WEFT_CORE_ADDRESS_URL_HPP

#include <string_view>

#include "weft/address.hpp"

namespace weft::address {

// Does the text have a scheme, so that parse_url() is the one to read it?
[[nodiscard]] bool is_url(std::string_view text);
[[nodiscard]] Result<Address> parse_url(std::string_view text);

}  // namespace weft::address

#endif

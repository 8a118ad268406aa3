// key_forms.hpp - the spellings of other tools: "trtype:X traddr:..." and "transport=x,traddr=...".
//
// Both know trtype/transport, traddr, trsvcid, subnqn/nqn and adrfam; any further key is an option. Values of options and
// the NQN are percent-decoded, traddr is not. Pure; any thread. Errors are EINVAL with a sentence.
#ifndef WEFT_CORE_ADDRESS_KEY_FORMS_HPP
#define WEFT_CORE_ADDRESS_KEY_FORMS_HPP

#include <string_view>

#include "weft/address.hpp"

namespace weft::address {

[[nodiscard]] Result<Address> parse_key_form(std::string_view text);

}  // namespace weft::address

#endif

// option_list.hpp - key=value lists: the part of a URL after '?', and single options of the key spellings.
//
// Pure; any thread. Errors are EINVAL with a sentence.
#ifndef WEFT_CORE_ADDRESS_OPTION_LIST_HPP
#define WEFT_CORE_ADDRESS_OPTION_LIST_HPP

#include <string>
#include <string_view>
#include <vector>

#include "weft/address.hpp"

namespace weft::address {

// "hdgst=on&queues=4": percent-decodes the values, refuses empty parts and a key that comes twice.
[[nodiscard]] Result<std::vector<Option>> parse_options(std::string_view query);
// Adds one: a key as written, a value still percent-encoded. A key of nvme-cli is kept as the core's own name for it.
[[nodiscard]] Status add_option(std::vector<Option>& options, std::string_view key, std::string_view encoded);
// "?hdgst=on&queues=4", or "" for none.
[[nodiscard]] std::string print_options(const std::vector<Option>& options);

}  // namespace weft::address

#endif

// text.hpp - the small pure functions under the config string's grammar: quoting, percent-encoding, NQNs, numeric addresses.
//
// Pure; any thread. Errors are EINVAL with a sentence.
#ifndef WEFT_CORE_ADDRESS_TEXT_HPP
#define WEFT_CORE_ADDRESS_TEXT_HPP

#include <string>
#include <string_view>

#include "weft/status.hpp"

namespace weft::address {

inline constexpr std::size_t kMaxText = 4096;  // of a whole config string

// Every sentence of this folder puts text of others through one of these: 'text' between quotes and cut to a length that
// fits a sentence, or the bare text. Bytes that are not printable ASCII become \xNN.
[[nodiscard]] std::string quote(std::string_view text);
[[nodiscard]] std::string escape(std::string_view text);

// %41 -> A. `what` names the part in errors: "option 'hdgst'". NUL and control characters are refused, encoded or not.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, std::string_view what);
// An NQN, of the bytes that can be carried: control characters may be encoded, NUL may not.
[[nodiscard]] Result<std::string> decode_nqn(std::string_view text, std::string_view what);
// The path of a location, which may be an NQN or a part of one: control characters as there.
[[nodiscard]] Result<std::string> decode_path(std::string_view text, std::string_view what);
// The other way: control characters, space, '%', '?', '#' and those in `also` are encoded.
[[nodiscard]] std::string percent_encode(std::string_view text, std::string_view also);

// A numeric IPv6 address, with %scope or without, not in brackets.
[[nodiscard]] bool is_ipv6(std::string_view text);
[[nodiscard]] bool is_ipv4(std::string_view text);

[[nodiscard]] std::string lower(std::string_view text);
// The first control character's place, npos when there is none.
[[nodiscard]] std::size_t find_control(std::string_view text);

}  // namespace weft::address

#endif

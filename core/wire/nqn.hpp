// nqn.hpp - NVMe qualified names: judged, taken out of and put into their 256-byte field.
//
// Two rules. A name is usable when it has 1 to 223 bytes and no NUL: all that a peer or a person may ask for. It is well
// formed when it also is "nqn.", year "-" month "." and something, in UTF-8 without control characters: a usable name that
// is not may be a mistake (doubtful_nqn.hpp). Names compare as exact bytes. Pure; any thread. Errors: an Error with EINVAL whose sentence names the thing
// (`what`) and the value.
#ifndef WEFT_CORE_WIRE_NQN_HPP
#define WEFT_CORE_WIRE_NQN_HPP

#include <string>
#include <string_view>

#include "core/wire/uuid.hpp"
#include "weft/endian.hpp"
#include "weft/fabrics.hpp"
#include "weft/status.hpp"

namespace weft::wire {

inline constexpr std::string_view kUuidNqnPrefix = "nqn.2014-08.org.nvmexpress:uuid:";

// `what` starts the sentence: "the host NQN" ...
[[nodiscard]] Status nqn_valid(std::string_view nqn, std::string_view what = "the NQN");
[[nodiscard]] Status nqn_valid_strict(std::string_view nqn, std::string_view what = "the NQN");

[[nodiscard]] bool has_controls_or_no_utf8(std::string_view nqn);

// The name in a field of the peer: usable, and ended by a NUL within the field. The view borrows the field.
[[nodiscard]] Result<std::string_view> read_nqn(const WireText<fabrics::kNqnFieldSize>& field,
                                                std::string_view what = "the NQN");
Result<std::string_view> read_nqn(const WireText<fabrics::kNqnFieldSize>&& field, std::string_view what = {}) = delete;

// The name and NULs; the name is usable.
[[nodiscard]] Status write_nqn(WireText<fabrics::kNqnFieldSize>& field, std::string_view nqn,
                               std::string_view what = "the NQN");

[[nodiscard]] bool is_discovery_nqn(std::string_view nqn);

// nqn.2014-08.org.nvmexpress:uuid:<uuid>, and the UUID of such a name (EINVAL for names of other forms).
[[nodiscard]] std::string uuid_nqn(const Uuid& uuid);
[[nodiscard]] Result<Uuid> uuid_of_nqn(std::string_view nqn);

// Connect's data. Errors: a name that is not usable.
[[nodiscard]] Result<fabrics::ConnectData> connect_data(const Uuid& hostid, std::uint16_t cntlid,
                                                        std::string_view subnqn, std::string_view hostnqn);

}  // namespace weft::wire

#endif

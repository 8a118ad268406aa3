// foreign_keys.hpp - the names that nvme-cli and the Linux kernel give to options of a connection.
//
// Pure; any thread.
#ifndef WEFT_CORE_ADDRESS_FOREIGN_KEYS_HPP
#define WEFT_CORE_ADDRESS_FOREIGN_KEYS_HPP

#include <string_view>

namespace weft::address {

// "queues" for nr_io_queues or nr-io-queues; the key itself where it is not the other name of an option of the core.
[[nodiscard]] std::string_view own_key(std::string_view key);
// Why an option of theirs is not there: the clause after "option 'x': ". "" for any other key.
[[nodiscard]] std::string_view why_absent(std::string_view key);
// Either of the above knows it: not to be taken for a slip of another key.
[[nodiscard]] bool is_foreign_key(std::string_view key);

}  // namespace weft::address

#endif

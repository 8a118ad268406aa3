// file_ties.hpp - what an identity is tied to: the one inode, of the one file system, of the one machine that it was made for.
// A copy has another inode or another machine, so it does not take the identity along. Any thread.
#ifndef WEFT_CORE_BACKEND_FILE_TIES_HPP
#define WEFT_CORE_BACKEND_FILE_TIES_HPP

#include <map>
#include <string>
#include <string_view>

#include "core/backend/identity_sources.hpp"

namespace weft {

// machine, inode; born (time of creation) and handle (inode with its generation), which tell an inode from one that has its
// number later; fs (file system, or device that it lies on). Values are text without blanks. One that is not known is absent.
using Ties = std::map<std::string, std::string, std::less<>>;

[[nodiscard]] Ties ties_of_file(int fd, const IdentitySources& sources);

// Whether both are of one inode: what both know agrees, and it is enough to tell.
[[nodiscard]] bool same_file(const Ties& one, const Ties& other);
// Whether they tell the inode from every other one on this machine, also later.
[[nodiscard]] bool enough_to_tell(const Ties& ties);

// "machine=... inode=..."; and back, without words that are none.
[[nodiscard]] std::string format_ties(const Ties& ties);
[[nodiscard]] Ties parse_ties(std::string_view text);

}  // namespace weft

#endif

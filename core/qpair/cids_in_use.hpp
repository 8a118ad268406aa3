// cids_in_use.hpp - the command identifiers that are outstanding on a controller's queue, to find one that is used twice.
//
// Hosts choose identifiers as they like, so they index nothing. Each is counted in the place that its low bits name; only where
// two outstanding commands share a place are all of them looked through. Hosts that number within the depth of their queue,
// with or without a generation above, never share one: one counter up and down a command.
// Thread rule: the owner's. Memory is made by resize().
#ifndef WEFT_CORE_QPAIR_CIDS_IN_USE_HPP
#define WEFT_CORE_QPAIR_CIDS_IN_USE_HPP

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace weft {

class CidsInUse {
 public:
  explicit CidsInUse(std::uint32_t tokens) { resize(tokens); }

  // More tokens; what is outstanding stays.
  void resize(std::uint32_t tokens) {
    cids_.resize(tokens, kNone);
    counts_.assign(std::bit_ceil(std::max(tokens, 1u)), 0);
    for (const std::uint32_t cid : cids_)
      if (cid != kNone) ++place(cid);
  }

  // False: another command has it. Then the token has none.
  [[nodiscard]] bool take(std::uint64_t token, std::uint16_t cid) {
    std::uint32_t& count = place(cid);
    if (count != 0 && std::find(cids_.begin(), cids_.end(), cid) != cids_.end()) [[unlikely]]
      return false;
    ++count;
    cids_[token] = cid;
    return true;
  }

  // The token of an outstanding command with this identifier: when take() has said that there is one.
  [[nodiscard]] std::uint64_t token_of(std::uint16_t cid) const {
    return static_cast<std::uint64_t>(std::find(cids_.begin(), cids_.end(), cid) - cids_.begin());
  }

  void give_back(std::uint64_t token) {
    if (cids_[token] == kNone) [[unlikely]]
      return;
    --place(cids_[token]);
    cids_[token] = kNone;
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t& place(std::uint32_t cid) { return counts_[cid & (counts_.size() - 1)]; }

  std::vector<std::uint32_t> cids_;    // by token
  std::vector<std::uint32_t> counts_;  // of outstanding commands, by their identifiers' low bits
};

}  // namespace weft

#endif

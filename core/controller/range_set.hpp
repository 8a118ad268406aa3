// range_set.hpp - ranges of blocks, and a set of them that keeps itself merged.
//
// Value types; any thread.
#ifndef WEFT_CORE_CONTROLLER_RANGE_SET_HPP
#define WEFT_CORE_CONTROLLER_RANGE_SET_HPP

#include <cstdint>
#include <map>

namespace weft::controller {

struct BlockRange {
  std::uint64_t lba = 0;
  std::uint64_t blocks = 0;

  // lba + blocks does not overflow: ranges are checked against the namespace's size first.
  [[nodiscard]] constexpr std::uint64_t end() const { return lba + blocks; }
  [[nodiscard]] constexpr bool overlaps(const BlockRange& other) const {
    return lba < other.end() && other.lba < end();
  }
  friend constexpr bool operator==(const BlockRange&, const BlockRange&) = default;
};

class RangeSet {
 public:
  void insert(BlockRange range);
  void erase(BlockRange range);
  [[nodiscard]] bool overlaps(const BlockRange& range) const;
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  friend bool operator==(const RangeSet&, const RangeSet&) = default;

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  // first block -> end; apart from each other
};

}  // namespace weft::controller

#endif

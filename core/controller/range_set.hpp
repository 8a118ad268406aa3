// range_set.hpp - ranges of blocks, and a set of them that keeps itself merged.
//
// What hosts put into a set is bounded: whoever changes one asks first whether it may (may_insert, may_erase).
// Value types; any thread.
#ifndef WEFT_CORE_CONTROLLER_RANGE_SET_HPP
#define WEFT_CORE_CONTROLLER_RANGE_SET_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

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

// What an operation that had a range for itself made of its blocks.
enum class Effect : std::uint8_t { kNone, kUnreadable, kReadable };

class RangeSet {
 public:
  static constexpr std::size_t kMost = 4096;  // ranges that lie apart

  // False: one range more than kMost would be needed.
  [[nodiscard]] bool may_insert(const BlockRange& range) const;
  [[nodiscard]] bool may_erase(const BlockRange& range) const;
  void insert(BlockRange range);
  void erase(const BlockRange& range);
  [[nodiscard]] bool overlaps(const BlockRange& range) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  friend bool operator==(const RangeSet&, const RangeSet&) = default;

 private:
  using Ranges = std::vector<BlockRange>;
  [[nodiscard]] Ranges::const_iterator first_ending_after(std::uint64_t lba) const;

  Ranges ranges_;  // in order, apart from each other
};

}  // namespace weft::controller

#endif

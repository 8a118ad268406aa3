#include "core/controller/range_set.hpp"

#include <algorithm>
#include <iterator>

namespace weft::controller {

void RangeSet::insert(BlockRange range) {
  if (range.blocks == 0) return;
  std::uint64_t first = range.lba;
  std::uint64_t end = range.end();
  auto it = ends_.upper_bound(end);
  while (it != ends_.begin()) {
    const auto before = std::prev(it);
    if (before->second < first) break;
    first = std::min(first, before->first);
    end = std::max(end, before->second);
    it = ends_.erase(before);
  }
  ends_[first] = end;
}

void RangeSet::erase(BlockRange range) {
  auto it = ends_.lower_bound(range.end());
  while (it != ends_.begin()) {
    const auto before = std::prev(it);
    const auto [first, end] = *before;
    if (end <= range.lba) return;
    it = ends_.erase(before);
    if (end > range.end()) it = ends_.emplace(range.end(), end).first;
    if (first < range.lba) it = ends_.emplace(first, range.lba).first;
  }
}

bool RangeSet::overlaps(const BlockRange& range) const {
  const auto after = ends_.lower_bound(range.end());
  return after != ends_.begin() && std::prev(after)->second > range.lba;
}

}  // namespace weft::controller

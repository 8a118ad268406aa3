#include "core/controller/range_set.hpp"

#include <algorithm>
#include <iterator>

namespace weft::controller {

RangeSet::Ranges::const_iterator RangeSet::first_ending_after(std::uint64_t lba) const {
  return std::partition_point(ranges_.begin(), ranges_.end(), [lba](const BlockRange& r) { return r.end() <= lba; });
}

// Room, or one that it touches.
bool RangeSet::may_insert(const BlockRange& range) const {
  if (ranges_.size() < kMost) return true;
  const auto it = first_ending_after(range.lba == 0 ? 0 : range.lba - 1);
  return it != ranges_.end() && it->lba <= range.end();
}

// Room, or none that it cuts in two.
bool RangeSet::may_erase(const BlockRange& range) const {
  if (ranges_.size() < kMost) return true;
  const auto it = first_ending_after(range.lba);
  return it == ranges_.end() || it->lba >= range.lba || it->end() <= range.end();
}

void RangeSet::insert(BlockRange range) {
  if (range.blocks == 0) return;
  const auto first = first_ending_after(range.lba == 0 ? 0 : range.lba - 1);  // one that ends where it begins, too
  auto last = first;
  for (; last != ranges_.end() && last->lba <= range.end(); ++last) {
    const std::uint64_t lba = std::min(range.lba, last->lba);
    range = {lba, std::max(range.end(), last->end()) - lba};
  }
  ranges_.insert(ranges_.erase(first, last), range);
}

void RangeSet::erase(const BlockRange& range) {
  const auto first = first_ending_after(range.lba);
  const auto last =
      std::partition_point(first, ranges_.cend(), [&range](const BlockRange& r) { return r.lba < range.end(); });
  if (first == last) return;
  const std::uint64_t begin = first->lba;
  const std::uint64_t end = std::prev(last)->end();
  auto at = ranges_.erase(first, last);
  if (end > range.end()) at = ranges_.insert(at, {range.end(), end - range.end()});
  if (begin < range.lba) ranges_.insert(at, {begin, range.lba - begin});
}

bool RangeSet::overlaps(const BlockRange& range) const {
  const auto it = first_ending_after(range.lba);
  return it != ranges_.end() && it->lba < range.end();
}

}  // namespace weft::controller

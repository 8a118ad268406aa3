#include "pair_numbers.hpp"

#include <algorithm>
#include <bit>

namespace weft::rdma {

bool PairNumbers::enter(std::uint32_t number, std::uint32_t place, std::size_t queue) {
  if (look_up(number) != nullptr) return false;
  known_.push_back({.number = number, .place = place, .queue = queue, .used = true});
  lay_out();
  return true;
}

void PairNumbers::leave(std::uint32_t number) {
  for (Entry& entry : known_)
    if (entry.number == number) entry.gone = true;
  lay_out();
}

void PairNumbers::purge(std::size_t queue) {
  std::erase_if(known_, [queue](const Entry& entry) { return entry.gone && entry.queue == queue; });
  lay_out();
}

void PairNumbers::lay_out() {
  table_.assign(std::bit_ceil(known_.size() * 2 + 1), {});
  for (const Entry& entry : known_) {
    std::size_t at = entry.number & (table_.size() - 1);
    while (table_[at].used) at = (at + 1) & (table_.size() - 1);
    table_[at] = entry;
  }
}

}  // namespace weft::rdma

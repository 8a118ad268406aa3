// pair_numbers.hpp - queue pairs by the number that the device gave them: a completion of a shared receive names nobody
// else. A table in which a number is found at its own place or a few behind it; it is made anew when somebody comes or goes.
//
// A number stays known after its queue pair has gone, as nobody's, until purge(): what the device told of the old one must not
// be taken for a new one's. Thread: the group's. find() neither allocates nor locks.
#ifndef WEFT_RDMA_PAIR_NUMBERS_HPP
#define WEFT_RDMA_PAIR_NUMBERS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::rdma {

class PairNumbers {
 public:
  // `place`: what find() gives; `queue`: the completion queue. False: the number is known.
  [[nodiscard]] bool enter(std::uint32_t number, std::uint32_t place, std::size_t queue);
  void leave(std::uint32_t number);
  // The completion queue was empty: nothing is left of those that have gone.
  void purge(std::size_t queue);

  // False: nobody's.
  [[nodiscard]] bool find(std::uint32_t number, std::uint32_t& place) const {
    const Entry* const entry = look_up(number);
    if (entry == nullptr || entry->gone) return false;
    place = entry->place;
    return true;
  }

 private:
  struct Entry {
    std::uint32_t number = 0, place = 0;
    std::size_t queue = 0;
    bool used = false, gone = false;
  };
  [[nodiscard]] const Entry* look_up(std::uint32_t number) const {
    if (table_.empty()) return nullptr;
    for (std::size_t at = number & (table_.size() - 1);; at = (at + 1) & (table_.size() - 1)) {
      if (!table_[at].used) return nullptr;
      if (table_[at].number == number) return &table_[at];
    }
  }
  void lay_out();

  std::vector<Entry> known_;
  std::vector<Entry> table_;  // a power of two, at most half of it used
};

}  // namespace weft::rdma

#endif

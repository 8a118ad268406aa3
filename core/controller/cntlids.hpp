// cntlids.hpp - hands out the controller identifiers of one range. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_CNTLIDS_HPP
#define WEFT_CORE_CONTROLLER_CNTLIDS_HPP

#include <cstdint>

#include "weft/controller.hpp"

namespace weft::controller {

[[nodiscard]] Status check_cntlid_range(const CntlidRange& range);

// In turn, so that an identifier that was just given up does not come back soon. The first one is random: an identifier is
// part of what an I/O queue shows to join its controller, and two targets that serve one subsystem seldom collide.
class Cntlids {
 public:
  explicit Cntlids(const CntlidRange& range);

  [[nodiscard]] bool contains(std::uint16_t cntlid) const { return range_.first <= cntlid && cntlid <= range_.last; }
  // The next one for which in_use(cntlid) is false; 0: there is none.
  template <class InUse>
  [[nodiscard]] std::uint16_t next(InUse in_use) {
    for (std::uint32_t tried = 0; tried <= std::uint32_t{range_.last} - range_.first; ++tried) {
      const std::uint16_t cntlid = next_;
      next_ = next_ == range_.last ? range_.first : static_cast<std::uint16_t>(next_ + 1);
      if (!in_use(cntlid)) return cntlid;
    }
    return 0;
  }

 private:
  const CntlidRange range_;
  std::uint16_t next_;
};

}  // namespace weft::controller

#endif

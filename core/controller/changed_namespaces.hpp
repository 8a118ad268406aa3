// changed_namespaces.hpp - the Changed Namespace List of a controller. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_CHANGED_NAMESPACES_HPP
#define WEFT_CORE_CONTROLLER_CHANGED_NAMESPACES_HPP

#include <cstdint>
#include <set>

#include "weft/nvme.hpp"

namespace weft::controller {

class ChangedNamespaces {
 public:
  void add(std::uint32_t nsid) { nsids_.insert(nsid); }
  void clear() { nsids_.clear(); }
  // Ascending; NSIDs are at most as many as the list has room for, so it never overflows.
  [[nodiscard]] nvme::ChangedNamespaceList page() const {
    nvme::ChangedNamespaceList list;
    std::size_t i = 0;
    for (const std::uint32_t nsid : nsids_) {
      if (i == list.nsid.size()) {
        list = {};
        list.nsid[0] = nvme::kNsidAll;
        break;
      }
      list.nsid[i++] = nsid;
    }
    return list;
  }

 private:
  std::set<std::uint32_t> nsids_;
};

}  // namespace weft::controller

#endif

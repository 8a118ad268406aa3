// changed_namespaces.hpp - the Changed Namespace List of a controller. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_CHANGED_NAMESPACES_HPP
#define WEFT_CORE_CONTROLLER_CHANGED_NAMESPACES_HPP

#include <cstdint>
#include <set>
#include <tuple>

#include "weft/nvme.hpp"

namespace weft::controller {

class ChangedNamespaces {
 public:
  // More than the list has room for: they are not kept, for it names all then.
  void add(std::uint32_t nsid) {
    if (nsids_.size() <= kMost) nsids_.insert(nsid);
  }
  void clear() { nsids_.clear(); }
  // Ascending; with more than fit, one entry that stands for all.
  [[nodiscard]] nvme::ChangedNamespaceList page() const {
    nvme::ChangedNamespaceList list;
    if (nsids_.size() > kMost) {
      list.nsid[0] = nvme::kNsidAll;
      return list;
    }
    std::size_t i = 0;
    for (const std::uint32_t nsid : nsids_) list.nsid[i++] = nsid;
    return list;
  }

 private:
  static constexpr std::size_t kMost = std::tuple_size_v<decltype(nvme::ChangedNamespaceList::nsid)>;
  std::set<std::uint32_t> nsids_;
};

}  // namespace weft::controller

#endif

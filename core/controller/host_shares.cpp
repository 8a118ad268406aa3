#include "core/controller/host_shares.hpp"

namespace weft::controller {
namespace {

constexpr std::size_t kFew = 64;

template <class Map, class Key, class Make>
auto find_or_make(Map& map, const Key& key, Make make) {
  auto& known = map[key];
  auto found = known.lock();
  if (found == nullptr) known = found = make();
  return found;
}

}  // namespace

// Those that have gone are forgotten each time that their number has doubled.
std::shared_ptr<HostShares> ShareTable::find(const std::string& machine, const std::string& hostnqn, bool listed) {
  if (hosts_.size() >= forget_at_) {
    std::erase_if(hosts_, [](const auto& entry) { return entry.second.expired(); });
    std::erase_if(machines_, [](const auto& entry) { return entry.second.expired(); });
    forget_at_ = 2 * hosts_.size() + kFew;
  }
  return find_or_make(hosts_, Key{listed, machine, hostnqn}, [&] {
    return std::make_shared<HostShares>(
        find_or_make(machines_, Key{listed, machine, {}}, [&] { return std::make_shared<MachineShares>(listed); }));
  });
}

}  // namespace weft::controller

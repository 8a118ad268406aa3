#include "core/controller/queue_entries.hpp"

#include <algorithm>

#include "core/controller/shares.hpp"

namespace weft::controller {
namespace {

QueueEntries::Host machine_key(const QueueEntries::Host& host) { return {host.listed, host.machine, {}}; }

std::uint64_t held_by(const std::map<QueueEntries::Host, std::uint64_t>& held, const QueueEntries::Host& who) {
  const auto it = held.find(who);
  return it == held.end() ? 0 : it->second;
}

}  // namespace

std::uint32_t QueueEntries::counted(bool admin, std::uint32_t depth) {
  return depth - (admin ? std::min(depth, kOfController) : 0);
}

// The first queue of a machine leaves as much as it takes, so that many machines with deep queues leave room for others.
bool QueueEntries::has_room_for(const Grant& grant, bool reserve) const {
  if (grant.entries == 0) return true;
  const std::uint64_t free = reserve && !grant.host.listed
                                 ? free_beside_reserve(free_, total_, reserve_of_places(total_), held_by_unlisted_)
                                 : free_;
  const std::uint64_t by_machine = held_by(machines_, machine_key(grant.host));
  if (by_machine == 0) return 2ULL * grant.entries <= free;
  return name_may_take(kOfPlaces, grant.entries, free, by_machine, held_by(names_, grant.host));
}

void QueueEntries::move(const Grant& grant, std::uint64_t amount) {
  if (amount == 0) return;
  free_ -= amount;
  if (!grant.host.listed) held_by_unlisted_ += amount;
  const auto add = [amount](Held& held, const Host& who) {
    const auto it = held.try_emplace(who, 0).first;
    it->second += amount;
    if (it->second == 0) held.erase(it);
  };
  add(machines_, machine_key(grant.host));
  add(names_, grant.host);
}

}  // namespace weft::controller

// queue_entries.hpp - the entries of all queues that Connect grants: how many there are, and whose (docs/decisions/0106).
//
// A controller's admin queue has kOfController of its own, which the bound on controllers covers. All others come from here:
// machines divide them, host names divide the part of their machine, and hosts on an access list have an eighth in reserve.
// Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_QUEUE_ENTRIES_HPP
#define WEFT_CORE_CONTROLLER_QUEUE_ENTRIES_HPP

#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace weft::controller {

class QueueEntries {
 public:
  static constexpr std::uint32_t kOfController = 32;

  struct Host {
    bool listed = false;
    std::string machine, hostnqn;
    friend auto operator<=>(const Host&, const Host&) = default;
  };
  // What one queue holds.
  struct Grant {
    Host host;
    std::uint32_t entries = 0;
  };

  explicit QueueEntries(std::uint64_t total) : total_(total), free_(total) {}
  [[nodiscard]] static std::uint32_t counted(bool admin, std::uint32_t depth);

  [[nodiscard]] bool has_room_for(const Grant& grant, bool reserve) const;
  void take(const Grant& grant) { move(grant, grant.entries); }
  void give_back(const Grant& grant) { move(grant, -std::uint64_t{grant.entries}); }
  [[nodiscard]] std::uint64_t free() const { return free_; }

 private:
  using Held = std::map<Host, std::uint64_t>;           // of a machine: no name
  void move(const Grant& grant, std::uint64_t amount);  // which may be negative, modulo 2^64

  const std::uint64_t total_;
  std::uint64_t free_, held_by_unlisted_ = 0;
  Held machines_, names_;
};

}  // namespace weft::controller

#endif

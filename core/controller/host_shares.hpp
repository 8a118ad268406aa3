// host_shares.hpp - what one host name of a machine holds of a worker's memory: of that for I/O, and of that for admin data.
//
// Thread rule: the worker's thread. Owned by the queue pairs of that name and machine.
#ifndef WEFT_CORE_CONTROLLER_HOST_SHARES_HPP
#define WEFT_CORE_CONTROLLER_HOST_SHARES_HPP

#include <compare>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/controller/resources.hpp"

namespace weft::controller {

class Queue;

struct MachineShares {
  explicit MachineShares(bool listed) { io.listed = admin.listed = listed; }
  MachineShare io, admin;
};

struct HostShares {
  explicit HostShares(std::shared_ptr<MachineShares> machine_)
      : machine(std::move(machine_)), io(machine->io), admin(machine->admin) {}
  const std::shared_ptr<MachineShares> machine;
  Share io, admin;
  std::vector<Queue*> queues;  // its connected queue pairs here
};

// All of a worker, as long as a queue pair has them.
class ShareTable {
 public:
  // A listed host is named by an access list.
  [[nodiscard]] std::shared_ptr<HostShares> find(const std::string& machine, const std::string& hostnqn, bool listed);
  template <class F>
  void for_each(F f) {
    for (auto& [key, weak] : hosts_) {
      if (const auto host = weak.lock()) f(*host);
    }
  }

 private:
  struct Key {
    bool listed;
    std::string machine, hostnqn;  // of a machine: no name
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, std::weak_ptr<MachineShares>> machines_;
  std::map<Key, std::weak_ptr<HostShares>> hosts_;
  std::size_t forget_at_ = 0;
};

}  // namespace weft::controller

#endif

// subsystem.hpp - an NVM subsystem: its names, who may use it, its namespaces. Thread rule: the control thread.
#ifndef WEFT_CORE_CONTROLLER_SUBSYSTEM_HPP
#define WEFT_CORE_CONTROLLER_SUBSYSTEM_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/controller/cntlids.hpp"
#include "core/controller/listener_facts.hpp"
#include "core/controller/namespace.hpp"
#include "weft/controller.hpp"

namespace weft::controller {

inline constexpr std::uint32_t kMaxNamespaces = 65536;  // NN: the greatest NSID

class Subsystem {
 public:
  explicit Subsystem(const SubsystemOptions& options);
  Subsystem(const Subsystem&) = delete;
  Subsystem& operator=(const Subsystem&) = delete;

  [[nodiscard]] const std::string& nqn() const { return nqn_; }
  // One that is not configured is settled by the first call: it does not change while hosts are connected, and comes back after
  // a restart with the storage it is derived from.
  [[nodiscard]] const std::string& serial();
  [[nodiscard]] const std::string& model() const { return model_; }

  // Is there a rule that says who may come in? Without one: hosts on loopback listeners.
  [[nodiscard]] bool has_rule() const { return any_host_ || listed_; }
  // Does an access list name hosts, or this one?
  [[nodiscard]] bool lists_hosts() const { return !any_host_ && !hosts_.empty(); }
  [[nodiscard]] bool lists(std::string_view hostnqn) const { return lists_hosts() && hosts_.contains(hostnqn); }
  [[nodiscard]] bool admits(std::string_view hostnqn, const ListenerFacts& by) const;
  void allow(std::string_view hostnqn);
  // False: it was not in the list.
  [[nodiscard]] bool disallow(std::string_view hostnqn);

  [[nodiscard]] Namespace* find(std::uint32_t nsid);
  [[nodiscard]] std::uint32_t free_nsid();  // the lowest; 0: none
  Namespace& add(std::unique_ptr<Namespace> ns);
  [[nodiscard]] std::unique_ptr<Namespace> remove(std::uint32_t nsid);  // which is there
  [[nodiscard]] bool has_small_blocks() const { return small_blocks_ != 0 || namespaces.empty(); }
  [[nodiscard]] bool has_volatile_cache() const { return volatile_caches_ > 0; }
  std::map<std::uint32_t, std::unique_ptr<Namespace>> namespaces;  // changed by add() and remove()

  std::optional<Cntlids> cntlids;  // of its own range

  bool removing = false;

 private:
  const std::string nqn_;
  std::string serial_;
  const std::string model_;
  bool any_host_;
  bool listed_;  // there is a list, perhaps an empty one by now
  std::set<std::string, std::less<>> hosts_;
  std::uint32_t lowest_free_ = 1;  // every NSID below it is taken: starting with thousands is not quadratic
  std::uint32_t volatile_caches_ = 0;
  std::uint32_t small_blocks_ = 0;  // namespaces with blocks of 512 bytes
};

}  // namespace weft::controller

#endif

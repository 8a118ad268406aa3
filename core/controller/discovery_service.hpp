// discovery_service.hpp - the discovery log as each host may see it, and whom to tell when it changes.
//
// A host sees the discovery subsystem itself, then the subsystems that it may use, at the listeners by which it may use
// them, with addresses that it can reach from where it asks. The generation counter belongs to that view: it changes when the view does, and only then.
// Thread rule: the control thread. Borrows the tables of the server.
#ifndef WEFT_CORE_CONTROLLER_DISCOVERY_SERVICE_HPP
#define WEFT_CORE_CONTROLLER_DISCOVERY_SERVICE_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/controller/listener_facts.hpp"
#include "weft/controller.hpp"
#include "weft/fabrics.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

class Controller;
class Subsystem;

class DiscoveryService {
 public:
  using Subsystems = std::map<std::string, std::unique_ptr<Subsystem>, std::less<>>;
  using Listeners = std::vector<std::shared_ptr<const ListenerFacts>>;

  DiscoveryService(const Subsystems& subsystems, const Listeners& listeners, const TargetOptions& options)
      : subsystems_(subsystems), listeners_(listeners), options_(options), serial_(random_serial()) {}

  // Of the discovery controllers: another one each time the target starts, because nothing is stored here.
  [[nodiscard]] const std::string& serial() const { return serial_; }

  // Log page 70h for this controller's host, asked over a connection with that info.
  [[nodiscard]] std::vector<std::byte> page(Controller& controller, const weft_qpair_info& info);
  // Something changed: raises the event where the host's view did.
  void check(Controller& controller, const weft_qpair_info& info);

 private:
  struct View {
    std::size_t hash = 0;
    std::uint64_t generation = 0;
  };
  using Entries = std::vector<fabrics::DiscoveryLogEntry>;

  static std::string random_serial();
  [[nodiscard]] Entries entries(const Controller& controller, std::string_view local) const;
  [[nodiscard]] std::uint64_t generation(const Controller& controller, std::string_view local, const Entries& entries);

  const Subsystems& subsystems_;
  const Listeners& listeners_;
  const TargetOptions& options_;
  const std::string serial_;
  std::map<std::string, View> views_;  // bounded; a view that was dropped gets a new generation
  std::uint64_t next_generation_ = 1;
};

}  // namespace weft::controller

#endif

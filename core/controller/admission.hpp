// admission.hpp - how many connections there may be: of all machines, of one, and of one whose Connect command has not come, or
// has not succeeded (docs/decisions/0105, 0106).
//
// So a peer that opens connections takes room from itself, not from others.
// Thread rule: admit() on the control thread; a Ticket may go on any.
#ifndef WEFT_CORE_CONTROLLER_ADMISSION_HPP
#define WEFT_CORE_CONTROLLER_ADMISSION_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/controller/listener_facts.hpp"

namespace weft::controller {

class Admission {
 public:
  struct Outcome {
    Tickets tickets;  // places are free again when they go
    std::string why_not;
  };

  Admission(std::uint32_t most, std::uint32_t most_newcomers) : most_(most), most_newcomers_(most_newcomers) {}

  [[nodiscard]] Outcome admit(std::string_view machine);

 private:
  struct Machine {
    Ticket::Count connections = std::make_shared<std::atomic<std::uint32_t>>(0);
    Ticket::Count newcomers = std::make_shared<std::atomic<std::uint32_t>>(0);
  };
  void forget_idle_machines();

  const std::uint32_t most_, most_newcomers_;
  const Ticket::Count connections_ = std::make_shared<std::atomic<std::uint32_t>>(0);
  std::map<std::string, Machine, std::less<>> machines_;
  std::size_t forget_at_ = 0;  // so many machines
};

}  // namespace weft::controller

#endif

// admission.hpp - how many connections there may be: of all machines, of one, and of one whose Connect command has not come, or
// has not succeeded (docs/decisions/0105, 0106).
//
// So a peer that opens connections takes room from itself, not from others. Those that have not connected have half of all places:
// where that is used up, or few places are left, one of them makes room for each that comes.
// Thread rule: admit() on the control thread; a Ticket may go on any.
#ifndef WEFT_CORE_CONTROLLER_ADMISSION_HPP
#define WEFT_CORE_CONTROLLER_ADMISSION_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/controller/listener_facts.hpp"
#include "core/controller/newcomers.hpp"

namespace weft::controller {

class Admission {
 public:
  struct Outcome {
    Tickets tickets;  // places are free again when they go
    std::string why_not;
    std::shared_ptr<Newcomer> makes_room;  // to be closed; null: none
  };

  Admission(std::uint32_t most, std::uint32_t most_of_machine) : most_(most), most_of_machine_(most_of_machine) {}

  [[nodiscard]] Outcome admit(std::string_view machine, Nanoseconds now);

 private:
  struct Machine {
    Ticket::Count connections = std::make_shared<std::atomic<std::uint32_t>>(0);
  };
  void forget_idle_machines();
  [[nodiscard]] bool wants_room(std::uint32_t open) const;

  const std::uint32_t most_, most_of_machine_;  // the latter: newcomers
  const Ticket::Count connections_ = std::make_shared<std::atomic<std::uint32_t>>(0);
  const std::shared_ptr<Newcomers> newcomers_ = std::make_shared<Newcomers>();
  std::map<std::string, Machine, std::less<>> machines_;
  std::size_t forget_at_ = 0;  // so many machines
};

}  // namespace weft::controller

#endif

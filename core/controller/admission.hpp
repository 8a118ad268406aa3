// admission.hpp - how many connections one peer may have open whose Connect command has not come, or has not succeeded.
//
// So a peer that opens connections and says nothing takes room from itself, not from others.
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
  explicit Admission(std::uint32_t most) : most_(most) {}

  // Null: the peer holds as many as it may. Its place is free again when the ticket goes.
  [[nodiscard]] std::shared_ptr<const Ticket> admit(std::string_view peer);

 private:
  void forget_idle_peers();

  const std::uint32_t most_;
  std::map<std::string, Ticket::Count, std::less<>> peers_;
  std::size_t forget_at_ = 0;  // so many peers
};

}  // namespace weft::controller

#endif

// admin_plan.hpp - what data an admin or Fabrics command carries, told by its submission queue entry alone.
//
// Pure; any thread.
#ifndef WEFT_CORE_CONTROLLER_ADMIN_PLAN_HPP
#define WEFT_CORE_CONTROLLER_ADMIN_PLAN_HPP

#include <cstdint>

#include "core/controller/answer.hpp"

namespace weft::controller {

struct AdminPlan {
  Answer answer;             // not ok: refused without a look at the data
  std::uint32_t length = 0;  // bytes
  bool to_host = false;
};

// For a connected admin queue. data_length: what the SGL says; max_transfer: MDTS in bytes.
[[nodiscard]] AdminPlan plan_admin(const nvme::Sqe& sqe, std::uint64_t data_length, std::uint64_t max_transfer);

}  // namespace weft::controller

#endif

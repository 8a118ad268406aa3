// cqe.hpp - completion queue entries, made in one call.
//
// Pure; any thread.
#ifndef WEFT_CORE_WIRE_CQE_HPP
#define WEFT_CORE_WIRE_CQE_HPP

#include <cstdint>

#include "weft/nvme.hpp"
#include "weft/status.hpp"

namespace weft::wire {

// The CID is the host's own, echoed untouched. SQID and the phase bit are reserved on Fabrics and stay 0.
[[nodiscard]] constexpr nvme::Cqe make_cqe(std::uint16_t cid, std::uint16_t sqhd, NvmeStatus status,
                                           std::uint64_t result = 0) {
  nvme::Cqe cqe;
  cqe.set_result(result);
  cqe.sqhd = sqhd;
  cqe.cid = cid;
  cqe.set_status(status);
  return cqe;
}

}  // namespace weft::wire

#endif

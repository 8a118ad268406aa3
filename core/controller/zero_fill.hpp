// zero_fill.hpp - what lies beyond the end of log pages goes out a bounded amount a turn, for all admin queues of a worker.
//
// A host may ask for 1 MiB of a log page that has 1 KiB: it gets zeroes, and they cost the others little.
// Thread rule: the worker's thread. A request is in here in state kFilling.
#ifndef WEFT_CORE_CONTROLLER_ZERO_FILL_HPP
#define WEFT_CORE_CONTROLLER_ZERO_FILL_HPP

#include <cstdint>
#include <span>

#include "core/controller/admin_request.hpp"
#include "weft/reactor.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

class ZeroFill final : public Poller {
 public:
  static constexpr std::uint32_t kMostAtOnce = 32u << 10;  // of one request

  void add(AdminRequest& request) { waiting_.push_back(request); }  // its turn comes: AdminQueue::fill
  std::uint32_t poll() override;
  int arm() override { return waiting_.empty() ? -1 : -2; }

  // `bytes` zeroes in as many entries as there is room for; how many entries, and how many bytes.
  [[nodiscard]] static std::uint32_t describe(std::uint32_t bytes, std::span<weft_iov> into, std::uint32_t& described);

 private:
  IntrusiveList<Claim> waiting_;
};

}  // namespace weft::controller

#endif

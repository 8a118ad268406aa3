// admin_turns.hpp - what all admin queues of a worker do in a turn is bounded: pieces of data begun, and zeroes sent.
//
// Hundreds of hosts may ask for log pages of 1 MiB at once; the I/O of others goes on between the pieces. What lies beyond the
// end of a log page is zeroes, which need no memory of their own.
// Thread rule: the worker's thread.
#ifndef WEFT_CORE_CONTROLLER_ADMIN_TURNS_HPP
#define WEFT_CORE_CONTROLLER_ADMIN_TURNS_HPP

#include <cstdint>
#include <span>

#include "core/controller/admin_request.hpp"
#include "core/controller/resources.hpp"
#include "weft/reactor.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

class AdminTurns final : public Poller {
 public:
  static constexpr std::uint32_t kMostZeroes = 32u << 10;  // of one request at once

  explicit AdminTurns(Resources& memory);
  void fill(AdminRequest& request) { to_fill_.push_back(request); }  // its turn comes: AdminQueue::fill
  std::uint32_t poll() override;
  int arm() override { return to_fill_.empty() && !memory_.has_due() ? -1 : -2; }

  // `bytes` zeroes in as many entries as there is room for; how many entries, and how many bytes.
  [[nodiscard]] static std::uint32_t zeroes(std::uint32_t bytes, std::span<weft_iov> into, std::uint32_t& described);

 private:
  Resources& memory_;
  IntrusiveList<Claim> to_fill_;  // requests in state kFilling
};

}  // namespace weft::controller

#endif

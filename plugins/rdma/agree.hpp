// agree.hpp - the sizes and depths of a queue pair, from what both ends ask for and what the device can do. Pure.
#ifndef WEFT_RDMA_AGREE_HPP
#define WEFT_RDMA_AGREE_HPP

#include <cstdint>
#include <expected>

#include "options.hpp"
#include "private_data.hpp"
#include "side.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

// A controller's: `reads` is how many READs the host answers at a time (initiator_depth of its request).
[[nodiscard]] std::expected<Agreed, RejectStatus> agree_with_host(const Request& request, std::uint8_t reads,
                                                                  const verbs::DeviceAttributes& device,
                                                                  const Options& options);

// A host's, before the controller has answered. Fails when the device cannot carry such a queue.
[[nodiscard]] plugin::Made<Agreed> agree_to_ask(const weft_qpair_params& params, const verbs::DeviceAttributes& device);
[[nodiscard]] Request request_for(const weft_qpair_params& params, const Agreed& agreed);

// The next smaller queue pair to ask for: without inline data, with fewer elements, with a shorter send queue. False:
// there is none of use.
[[nodiscard]] bool make_smaller(verbs::QueuePairSizes& sizes);

// ---- shared receives -----------------------------------------------------------------------------------------------

constexpr std::uint32_t kLeastSharedSlots = 16, kMostSharedSlots = 1024;
constexpr std::uint64_t kMostOwnReceives = 1u << 30;  // where nothing bounds what may be locked

// Slots of one ring: what an eighth of the lockable memory holds, at most 4 MiB. 0: the device has no shared receive queues.
[[nodiscard]] std::uint32_t shared_slots(std::uint32_t slot_bytes, const verbs::DeviceAttributes& device,
                                         std::uint64_t lockable);
// Whether a queue pair whose own receives would take `more` bytes takes part in a ring; `own`: what those of other queue pairs
// in this process take. kAuto: when they would come to more than an eighth of the lockable memory or 1 GiB, but not on
// soft-RoCE, where a host of Linux that is told to send again loses its queue pair.
[[nodiscard]] bool shares_receives(ShareReceives wanted, const verbs::DeviceAttributes& device, std::uint64_t own,
                                   std::uint64_t more, std::uint64_t lockable);

// ---- READs ---------------------------------------------------------------------------------------------------------

// READs that a host offers to answer at a time.
[[nodiscard]] std::uint8_t reads_to_answer(const verbs::DeviceAttributes& device, const Options& options);

}  // namespace weft::rdma

#endif

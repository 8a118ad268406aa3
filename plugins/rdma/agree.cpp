#include "agree.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "weft/nvme.hpp"

namespace weft::rdma {

using plugin::Failure;
using plugin::Made;

namespace {

// Work requests that a command may need on one queue at a time: the capsule's, and its key bound and taken back.
constexpr std::uint32_t kRequestsPerCommand = 3;
constexpr std::uint32_t kForDraining = 1;
constexpr std::uint32_t kLeastDepth = 2;

// Of what a process may lock; others are for staged memory (memory.cpp), for each thread's.
constexpr std::uint64_t kShareOfLockable = 8;
constexpr std::uint64_t kMostSharedBytes = 4U << 20;

// Commands that fit in one queue of the device.
std::uint32_t device_depth(const verbs::DeviceAttributes& device) {
  const std::uint32_t work = std::min(device.max_work_requests, device.max_completions / 2);
  return work <= kForDraining ? 0 : (work - kForDraining) / kRequestsPerCommand;
}

// Data behind a command in its capsule: a capsule is one message.
std::uint32_t in_one_message(std::uint32_t in_capsule, const verbs::DeviceAttributes& device) {
  const std::uint64_t most = device.max_message < sizeof(nvme::Sqe) ? 0 : device.max_message - sizeof(nvme::Sqe);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(in_capsule, most));
}

std::uint32_t at_most(std::uint32_t value, std::uint32_t bound) { return bound == 0 ? value : std::min(value, bound); }

}  // namespace

std::expected<Agreed, RejectStatus> agree_with_host(const Request& request, std::uint8_t reads,
                                                    const verbs::DeviceAttributes& device, const Options& options) {
  if (reads == 0) return std::unexpected(RejectStatus::kInvalidReadsIn);
  Agreed agreed;
  agreed.most_depth = std::min(options.depth, device_depth(device));
  agreed.depth = std::min({request.host_sends, request.host_receives, agreed.most_depth});
  if (agreed.depth < kLeastDepth)
    return std::unexpected(request.host_receives < kLeastDepth ? RejectStatus::kInvalidHostReceiveSize
                                                               : RejectStatus::kNoResources);
  agreed.receives = agreed.depth;
  agreed.peer_receives = request.host_receives;
  agreed.reads_out = at_most(std::min<std::uint32_t>(reads, device.max_reads_out), options.reads);
  if (agreed.reads_out == 0) return std::unexpected(RejectStatus::kInvalidReadsIn);
  agreed.in_capsule = in_one_message(options.in_capsule, device);
  agreed.qid = request.qid;
  return agreed;
}

Made<Agreed> agree_to_ask(const weft_qpair_params& params, const verbs::DeviceAttributes& device) {
  // HRQSIZE counts from 1 in 16 bits, HSQSIZE from 0.
  const std::uint32_t most = std::min<std::uint32_t>(device_depth(device), UINT16_MAX);
  if (params.depth > most)
    return std::unexpected(Failure{.code = EINVAL,
                                   .text = fmt::format("the device {} has room for queues of {} entries, not of {}",
                                                       device.name, most, params.depth),
                                   .stage = "connect"});
  Agreed agreed;
  agreed.depth = params.depth;
  agreed.receives = params.depth;
  agreed.peer_receives = params.depth;
  agreed.in_capsule = in_one_message(params.in_capsule, device);
  agreed.qid = params.qid;
  return agreed;
}

Request request_for(const weft_qpair_params& params, const Agreed& agreed) {
  return {.qid = params.qid,
          .host_receives = agreed.receives,
          .host_sends = agreed.depth,
          .cntlid = params.qid == 0 ? std::uint16_t{0} : params.cntlid};
}

bool make_smaller(verbs::QueuePairSizes& sizes) {
  constexpr std::uint32_t kLeastElements = 2, kLeastSends = 16;
  if (sizes.inline_bytes != 0) {
    sizes.inline_bytes = 0;
  } else if (sizes.send_sge > kLeastElements) {
    sizes.send_sge = kLeastElements;
  } else if (sizes.sends / 2 >= kLeastSends) {
    sizes.sends /= 2;
  } else {
    return false;
  }
  return true;
}

std::uint32_t shared_slots(std::uint32_t slot_bytes, const verbs::DeviceAttributes& device, std::uint64_t lockable) {
  const std::uint64_t bytes = std::min(lockable / kShareOfLockable, kMostSharedBytes);
  const std::uint64_t most = std::min({device.max_shared_receives, device.max_completions / 2, kMostSharedSlots});
  return static_cast<std::uint32_t>(std::min(std::max<std::uint64_t>(bytes / slot_bytes, kLeastSharedSlots), most));
}

bool shares_receives(ShareReceives wanted, const verbs::DeviceAttributes& device, std::uint64_t own, std::uint64_t more,
                     std::uint64_t lockable) {
  if (wanted != ShareReceives::kAuto) return wanted == ShareReceives::kOn;
  return device.max_shared_receives != 0 && device.vendor_id != verbs::kVendorSoftRoce &&
         own + more > std::min(lockable / kShareOfLockable, kMostOwnReceives);
}

std::uint8_t reads_to_answer(const verbs::DeviceAttributes& device, const Options& options) {
  return static_cast<std::uint8_t>(at_most(std::min<std::uint32_t>(device.max_reads_in, UINT8_MAX - 1), options.reads));
}

}  // namespace weft::rdma

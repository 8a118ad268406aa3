// io_slot.hpp - one I/O command under way: a fixed entry of its queue, found by the transport's token.
//
// Thread rule: the worker's thread. Ownership: the IoQueue has an array of them, made with the queue.
#ifndef WEFT_CORE_CONTROLLER_IO_SLOT_HPP
#define WEFT_CORE_CONTROLLER_IO_SLOT_HPP

#include <array>
#include <cstdint>
#include <span>

#include "core/controller/answer.hpp"
#include "core/controller/namespace_view.hpp"
#include "core/controller/resources.hpp"
#include "weft/backend.hpp"
#include "weft/nvme.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class IoQueue;

enum class IoState : std::uint8_t {
  kFree,
  kArrived,    // what it will need is being fetched (arrivals.hpp)
  kHalfPair,   // the first of a fused pair: waits for the second
  kWaiting,    // for resources
  kBehind,     // other commands of the queue pair, which hold as much as it may
  kLending,    // the backend looks for memory
  kReceiving,  // data comes from the host
  kAtGate,     // the gate is closed for its range
  kExclusive,  // asked to be alone, or is
  kWorking,    // in the backend
  kTurn,       // for the turn of its next piece (long_commands.hpp)
  kSending,    // data goes to the host; its completion goes with it
};

struct IoSlot final : Claim, BackendOp {
  std::array<weft_iov, kOwnIov> own_iov{};
  const nvme::Sqe* sqe = nullptr;      // the transport's, until the answer or the last send
  const void* capsule = nullptr;       // its data, all of it, while it can be taken from the capsule: the transport's
  NamespaceView* ns = nullptr;         // counted as its user
  std::uint32_t length = 0;            // bytes of data
  std::uint32_t moved = 0;             // bytes handed to the transport so far; then see dataset.cpp
  std::uint32_t asked = 0;             // ... by the call that has not ended
  std::uint32_t progress = 0;          // of commands that go step by step
  std::uint32_t partner = UINT32_MAX;  // the other of a fused pair
  std::uint32_t counted = 0;           // bytes of memory that its queue pair counts
  Nanoseconds since = 0;               // waits for the host since then: for its data, its reading, its second half
  std::uint16_t cid = 0;
  std::uint8_t opcode = 0;
  IoState state = IoState::kFree;
  bool abort = false;          // asked for by Abort: the command ends with its present step
  bool exclusive = false;      // holds the namespace's gate
  bool chained = false;        // data lies in chunks, not in memory of the backend
  bool reclaimed : 1 = false;  // cancelled for want of memory, while data comes in
  bool pending : 1 = false;    // a piece of it is pending in the backend

  [[nodiscard]] IoQueue& queue() const { return *static_cast<IoQueue*>(BackendOp::ctx); }
  [[nodiscard]] BlockRange range() const { return {lba, blocks}; }
  [[nodiscard]] std::span<const weft_iov> segments() const { return {iov, iov_count}; }
};
static_assert(sizeof(IoSlot) <= 240);

// How a transfer ended.
struct DataEnd {
  std::int32_t error = 0;
  NvmeStatus status;
  [[nodiscard]] bool ok() const { return error == 0 && status.ok(); }
  // What to tell the host.
  [[nodiscard]] Answer answer() const {
    return {status.ok() ? nvme::status::kDataTransferError : status, kNoLocation, 0};
  }
};

// Whether a data call that asked for so many bytes can have ended so: all of them moved, or fewer and an error.
inline bool moved_rightly(std::uint64_t moved, std::uint64_t asked, const DataEnd& end) {
  return moved == asked || (moved < asked && !end.ok());
}

}  // namespace weft::controller

#endif

// admin_request.hpp - a command that the control thread answers: every admin and Fabrics command, Connect among them.
//
// It belongs to the worker, then (after Worker::to_control) to the control thread, and goes back with the answer; whoever
// has it may use all of it, the hook included. A request that the control thread holds on to (an asynchronous event
// request) goes back at the latest when its queue pair closes.
#ifndef WEFT_CORE_CONTROLLER_ADMIN_REQUEST_HPP
#define WEFT_CORE_CONTROLLER_ADMIN_REQUEST_HPP

#include <cstdint>
#include <memory>
#include <string>

#include "core/controller/answer.hpp"
#include "core/controller/queue_shared.hpp"
#include "core/controller/resources.hpp"
#include "weft/nvme.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class Queue;
class Subsystem;

// What a Connect that succeeded makes of its queue pair.
struct ConnectGrant {
  bool admin = true;
  std::uint16_t qid = 0, cntlid = 0;
  std::uint32_t depth = 0;  // entries
  bool sq_flow_control = true;
  std::uint32_t in_capsule = 0;
  std::string hostnqn, subnqn;
  const Subsystem* subsystem = nullptr;  // a key on workers
  bool listed = false;                   // an access list names the host
  std::shared_ptr<QueueShared> shared;
};

enum class RequestState : std::uint8_t {
  kFree,
  kQueued,   // enough requests of this queue hold memory
  kWaiting,  // for memory
  kReceiving,
  kAtControl,
  kSending,
  kFilling,  // zeroes follow in a later turn
};

// Data to the host goes in pieces: the control thread writes the piece that begins at `piece` into the chunks, says how long
// all of it is (`content`), and is asked again when the piece has gone. Zeroes follow up to `length`.
struct AdminRequest final : Claim {
  Queue* queue = nullptr;
  std::uint64_t token = 0;
  nvme::Sqe sqe;
  std::uint32_t length = 0;  // of its data
  std::uint32_t moved = 0;   // handed to the transport
  std::uint32_t asked = 0;   // ... by the call that has not ended
  std::uint32_t piece = 0;
  std::uint32_t content = 0;
  std::uint64_t generation = 0;             // of what it is made of; another one when it has changed between pieces
  const std::byte* connect_data = nullptr;  // of a Connect
  Nanoseconds since = 0;                    // its data moves since then
  bool to_host = false;
  RequestState state = RequestState::kFree;
  bool abort = false;                   // asked for by Abort: the command ends before its next piece
  bool dropped = false;                 // the worker's: its CID stands for another command, so it is not answered
  Answer answer;                        // set by the control thread
  std::unique_ptr<ConnectGrant> grant;  // set by the control thread, for Connect
};

}  // namespace weft::controller

#endif

// queue_pair.hpp - one SQ/CQ pair over one transport connection: the asynchronous layer under host.hpp and controller.hpp.
//
// HostQueuePair numbers commands (CID < depth), keeps SQ flow control (SQHD), deadlines, and hands each command back exactly
// once. ControllerQueuePair keeps SQHD and tokens and hands each command capsule up once.
// Thread rule: everything on the reactor's thread. Callbacks come only from inside the reactor's turn, never from inside a
// call. Data memory is borrowed until the callback that ends the operation.
// Neither copies nor moves. Destroy only after on_closed.
#ifndef WEFT_QUEUE_PAIR_HPP
#define WEFT_QUEUE_PAIR_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "weft/address.hpp"
#include "weft/nvme.hpp"
#include "weft/reactor.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"
#include "weft/transport_abi.h"

namespace weft {

// How a command ended. error == 0: the controller answered, `status` and `result` are its words. Otherwise it was never
// answered here: -ETIMEDOUT, -ECANCELED (closed by us), -ECONNRESET ..., -EBADMSG (a data digest), and status is meaningless.
// A request also ends with -ENODATA when the controller says success, but not exactly the command's data moved.
struct Completion {
  std::int32_t error = 0;
  NvmeStatus status;
  std::uint64_t result = 0;  // DW0, DW1
  std::uint64_t moved = 0;   // bytes of data
  std::uint16_t sqhd = 0;  // of the response, when it had one (sqhd_valid); the Connect response's starts flow control
  bool sqhd_valid = false;
  [[nodiscard]] bool ok() const { return error == 0 && status.ok(); }
};

enum class DataDirection : std::uint8_t { kNone, kOut, kIn };  // from the host's view

struct HostQueuePairParams {
  std::uint16_t qid = 0;
  std::uint16_t cntlid = 0xffff;
  std::uint32_t depth = 32;  // entries; depth-1 outstanding under SQ flow control, depth without
  bool admin = true;
  std::uint32_t in_capsule = 0;  // bytes the controller grants; I/O queues
  std::uint16_t max_descriptors = 1;
  Nanoseconds connect_deadline = 0;
  std::string hostnqn, subnqn;
  std::string source_traddr, source_interface;  // "": the system's choice
};

class HostQueuePair {
 public:
  class Events {
   public:
    virtual void on_ready(const weft_limits& limits) = 0;  // the transport is connected; the Connect command is next
    // Last; reason.code 0: closed by us or cleanly. Here, and in no other callback, the queue pair may be destroyed.
    virtual void on_closed(const Error& reason) = 0;
    // A command's deadline passed. It is still outstanding: close, or let it go on. Once per command.
    virtual void on_timeout(std::uint16_t cid) = 0;

   protected:
    ~Events() = default;
  };
  struct Command {
    nvme::Sqe sqe;                  // submit() sets the CID and clears PSDT and SGL1, which the transport fills in
    const weft_iov* iov = nullptr;  // copied; the memory it names is borrowed until done
    std::uint32_t iov_count = 0;
    DataDirection direction = DataDirection::kNone;
    Nanoseconds deadline = 0;
    void (*done)(void* ctx, const Completion&) = nullptr;
    void* ctx = nullptr;
  };

  [[nodiscard]] static Result<std::unique_ptr<HostQueuePair>> open(Reactor&, Transport&, const Address&,
                                                                   const HostQueuePairParams&, Events&);
  virtual ~HostQueuePair() = default;
  // The CID, or -EAGAIN (queue full), -ENOTCONN (not ready or closing), -EINVAL. On failure nothing happened. Before
  // start_flow_control() there is room for one command: Connect.
  [[nodiscard]] virtual std::int32_t submit(Command&) = 0;
  [[nodiscard]] std::int32_t submit(Command&& command) { return submit(command); }  // of one that is not used again
  // Commands that submit() would take now; it may still say -ENOTCONN while the connection dies and on_closed is on its way.
  [[nodiscard]] virtual std::uint32_t room() const = 0;
  [[nodiscard]] virtual std::uint32_t outstanding() const = 0;
  // After the Connect response: its SQHD starts the flow control; FFFFh when it is off. Where it was not wanted, an SQHD that
  // no queue of this size has means nothing, in this response and in later ones; where it was, it is a violation.
  virtual void start_flow_control(std::uint16_t sqhd, bool wanted = true) = 0;
  virtual void close() = 0;                                     // every command ends, then on_closed; idempotent
  [[nodiscard]] virtual const weft_limits& limits() const = 0;  // after on_ready
  [[nodiscard]] virtual weft_qpair_info info() const = 0;
};

class ControllerQueuePair {
 public:
  class Events {
   public:
    virtual void on_ready(const weft_limits& limits) = 0;
    // sqe and capsule data are borrowed until respond(), send_data() with a CQE, or release().
    virtual void on_command(const weft_command& command) = 0;
    // A command came with the CID of `token`, which is held and not answered. True: that one is dropped: it is released, now
    // or later, and never answered, and on_command follows. False: on_command follows with Command ID Conflict.
    [[nodiscard]] virtual bool on_cid_reused(std::uint64_t token) {
      static_cast<void>(token);
      return false;
    }
    virtual void on_data(std::uint64_t cookie, std::uint64_t moved, std::int32_t error, NvmeStatus status,
                         std::uint32_t flags) = 0;
    // Last. What is still held is to be released; once finished() the owner destroys the queue pair (here, if it is already).
    virtual void on_closed(const Error& reason) = 0;

   protected:
    ~Events() = default;
  };
  // Takes the pending on success. The reactor may be another than the listener's.
  [[nodiscard]] static Result<std::unique_ptr<ControllerQueuePair>> accept(Reactor&, Transport&, weft_pending*,
                                                                           const weft_qpair_params&, Events&);
  virtual ~ControllerQueuePair() = default;
  // After Connect was judged, before its response: the next respond() is that response (SQHD FFFFh without flow control).
  // params.depth: the real entries of the queue.
  [[nodiscard]] virtual Status configure(const weft_qpair_params& params, bool sq_flow_control) = 0;
  [[nodiscard]] virtual std::int32_t receive_data(std::uint64_t token, std::uint64_t offset,
                                                  std::span<const weft_iov> iov, std::uint64_t cookie,
                                                  std::uint32_t flags = 0) = 0;
  // Data that is followed by the command's end: the completion goes with the last byte, folded into it when legal (flow
  // control off, success, result 0). on_data says when the memory is free.
  [[nodiscard]] virtual std::int32_t send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                                               bool last, std::uint16_t cid, std::uint64_t result, std::uint64_t cookie,
                                               std::uint32_t flags = 0) = 0;
  [[nodiscard]] virtual std::int32_t respond(std::uint64_t token, std::uint16_t cid, NvmeStatus status,
                                             std::uint64_t result = 0) = 0;  // SQHD is ours to fill
  virtual void cancel_data(std::uint64_t token) = 0;
  // -EBUSY while data is outstanding, -EINVAL when the token is not held.
  [[nodiscard]] virtual std::int32_t release(std::uint64_t token) = 0;
  [[nodiscard]] virtual std::uint32_t held() const = 0;  // commands between on_command and release()
  [[nodiscard]] virtual bool finished() const = 0;       // on_closed came and nothing is held: may be destroyed
  virtual void close(std::uint32_t flags, Nanoseconds deadline) = 0;
  [[nodiscard]] virtual weft_qpair_info info() const = 0;
};

}  // namespace weft

#endif

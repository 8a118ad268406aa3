// io_queue.hpp - the commands of one I/O queue pair: slots by token, and the steps that commands are made of.
//
// A command goes check -> (arrivals) -> (resources) -> start -> data and backend steps -> finish; which steps, its IoCommand says
// (io_commands.hpp). Every slot that a command took ends in finish() or sent(), exactly once.
//
// A queue pair whose peer takes and sends nothing holds little: one command, or kFirstWindow bytes. By what ends it may hold that
// much more. Commands beyond that wait in the queue pair, and hold nothing.
// Thread rule: the worker's thread. Owned by its Queue. Once it is made nothing here allocates, but for want_exclusive().
#ifndef WEFT_CORE_CONTROLLER_IO_QUEUE_HPP
#define WEFT_CORE_CONTROLLER_IO_QUEUE_HPP

#include <cstdint>
#include <memory>

#include "core/controller/io_slot.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

class Queue;
class Worker;

class IoQueue {
 public:
  IoQueue(Queue& queue, SubsystemView& namespaces, std::uint32_t depth);
  ~IoQueue() { std::destroy_n(slots_.get(), made_); }
  IoQueue(const IoQueue&) = delete;
  IoQueue& operator=(const IoQueue&) = delete;

  void on_command(const weft_command& command);
  void on_data(std::uint64_t cookie, std::uint64_t moved, DataEnd end);
  void on_closed();                             // those that wait end now; the others as their step ends
  void quiesce() { quiesced_ = true; }          // what comes now is turned away
  [[nodiscard]] bool abort(std::uint16_t cid);  // true: the command ends as aborted
  [[nodiscard]] std::uint32_t busy() const { return busy_; }
  [[nodiscard]] Nanoseconds waits_since() const;  // the command that waits longest for the host; kForever: none does
  // A transfer is taken back when it began before this and nothing of its queue has moved since: `cancel` for those that can be
  // cancelled, `end` for those that end with the queue pair. `alone`: although others of its queue have moved.
  struct Still {
    Nanoseconds cancel, end, alone;
  };
  // Under shortage, of a host over its share: the oldest such transfer. Null: there is none.
  [[nodiscard]] IoSlot* stalled(const Still& since);
  // Cancels it; the host may send the command again. False: only the end of the queue pair ends it.
  [[nodiscard]] bool reclaim(IoSlot& slot);
  static constexpr std::uint64_t kFirstWindow = 1u << 20;

  // The steps. A step that waits goes on in the command's own functions, or in `next`.
  using Step = void (*)(IoSlot&);
  void begin(IoSlot& slot);    // asks for what it claims, then start
  void receive(IoSlot& slot);  // its data, then data_done
  void send(IoSlot& slot);     // from its segments, completion and all, then data_done
  template <Step Next>
  void enter(IoSlot& slot) {  // once the gate is open for its range
    slot.resume = [](Claim& claim) { proceed<Next>(static_cast<IoSlot&>(claim)); };
    if (slot.ns->special() && !slot.exclusive && slot.ns->waits(slot, slot.range())) [[unlikely]] {
      slot.state = IoState::kAtGate;
      return;
    }
    proceed<Next>(slot);
  }
  // After a call of the backend, then backend_done: await_memory for lend(), await for those that count at the gate.
  static void await_memory(IoSlot& slot, Progress progress);
  static void await(IoSlot& slot, Progress progress);
  // The same for a piece of a long command.
  static void await_piece(IoSlot& slot, Progress progress);
  // Runs `Piece` in a turn of this command (long_commands.hpp) and once the gate is open for its range, unless it is cancelled
  // before: by Abort, or by the end of its queue pair, of its namespace or of the target.
  template <Step Piece>
  void take_turn(IoSlot& slot) {
    slot.resume = [](Claim& claim) { run_piece<Piece>(static_cast<IoSlot&>(claim)); };
    wait_for_turn(slot);
  }
  // A piece has ended in the backend. False: so has the command, for it failed or is aborted.
  [[nodiscard]] bool piece_done(IoSlot& slot);
  void await_host(IoSlot& slot);  // from now on its time is watched
  // What the submission queue entry of a command on a range says; the slot's own range may be a piece of it.
  [[nodiscard]] static BlockRange whole_range(const IoSlot& slot);
  void want_exclusive(IoSlot& slot);  // then IoCommand::granted
  static void granted(IoSlot& slot);  // the control thread's word
  void end_exclusive(IoSlot& slot, Effect effect);
  // Ends a command, and the other of its pair, outside the backend: what it holds there, and the gate, are given back.
  void give_up(IoSlot& slot, const Answer& answer);

  void finish(IoSlot& slot, const Answer& answer);  // answers, and frees the slot
  void sent(IoSlot& slot);                          // the answer went with the data: frees the slot

  [[nodiscard]] IoSlot& slot(std::uint32_t token) { return slots_[token]; }
  [[nodiscard]] std::uint32_t token(const IoSlot& slot) const {
    return static_cast<std::uint32_t>(&slot - slots_.get());
  }
  [[nodiscard]] Queue& queue() { return queue_; }
  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] Share& share() { return share_; }
  [[nodiscard]] SubsystemView& namespaces() { return namespaces_; }
  [[nodiscard]] bool closed() const { return closed_; }

  // The first of a fused pair that waits for its second (fused.cpp).
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint32_t kFailed = UINT32_MAX - 1;  // it has been refused: the second is to follow it
  std::uint32_t half_pair = kNone;

 private:
  template <Step Next>
  static void proceed(IoSlot& slot) {
    if (!slot.ns->holds(slot.lba, slot.blocks)) [[unlikely]] {  // it shrank meanwhile
      slot.queue().give_up(slot, refuse(nvme::status::kLbaOutOfRange, at::kCdw10));
      return;
    }
    Next(slot);
  }
  void claim(IoSlot& slot);
  [[nodiscard]] bool has_window(std::uint32_t bytes) const { return used_ == 0 || used_ + bytes <= window_; }
  void count(IoSlot& slot, std::uint32_t bytes);
  void begin_those_behind();
  template <Step Piece>
  static void run_piece(IoSlot& slot) {
    IoQueue& queue = slot.queue();
    if (const Answer reason = queue.cancelled(slot); !reason.ok()) [[unlikely]]
      return queue.give_up(slot, reason);
    if (slot.blocks == 0) return Piece(slot);  // it has no range
    if (slot.ns->special() && !slot.exclusive && slot.ns->waits(slot, slot.range())) [[unlikely]] {
      // All that wait at the gate are resumed in one call: each takes its turn again.
      slot.resume = [](Claim& claim) {
        auto& s = static_cast<IoSlot&>(claim);
        s.queue().take_turn<Piece>(s);
      };
      slot.state = IoState::kAtGate;
      return;
    }
    proceed<Piece>(slot);
  }
  void wait_for_turn(IoSlot& slot);
  // Why a long command is not to go on; success: it is.
  [[nodiscard]] Answer cancelled(const IoSlot& slot) const;
  void make_slots(std::uint32_t token);
  void refuse_early(IoSlot& slot, const weft_command& command);
  static void backend_done(BackendOp& op);
  static void backend_ended(IoSlot& slot);
  void free(IoSlot& slot);
  void free_pair(IoSlot& slot);  // and the other of its pair, if it is of one
  void transfer(IoSlot& slot, bool out);
  // It waits where nothing but we would end it.
  [[nodiscard]] static bool is_idle(const IoSlot& slot) {
    return slot.state == IoState::kArrived || slot.state == IoState::kWaiting || slot.state == IoState::kAtGate ||
           slot.state == IoState::kHalfPair || slot.state == IoState::kBehind || slot.state == IoState::kTurn;
  }
  void cancel(IoSlot& slot);
  static void ask_for_data(IoSlot& slot);

  Queue& queue_;
  Worker& worker_;
  Share& share_;
  SubsystemView& namespaces_;
  // Transports hand out the tokens that were used before, so an idle queue pair costs address space only: slots are made
  // as their tokens first come, and memory beyond them is not touched.
  struct Deallocate {
    void operator()(IoSlot* slots) const { ::operator delete(slots); }
  };
  const std::uint32_t depth_;
  std::uint32_t made_ = 0;
  const std::unique_ptr<IoSlot[], Deallocate> slots_;
  std::uint32_t busy_ = 0;
  std::uint64_t window_ = kFirstWindow;
  std::uint64_t used_ = 0;  // of it
  IntrusiveList<Claim> behind_;
  std::uint32_t passed_ = 0;  // commands that went past the first of them
  Nanoseconds progress_ = 0;  // when a transfer ended last
  bool beginning_ = false;
  bool closed_ = false;
  bool quiesced_ = false;
};

}  // namespace weft::controller

#endif

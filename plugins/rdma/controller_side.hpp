// controller_side.hpp - the controller's role on a queue pair: commands in, data by RDMA READ and WRITE, responses out.
//
//   RECV of a capsule -> on_command(token) -> receive_data: [run] READs -> on_data
//                                          -> send_data: [run] WRITEs, SEND of the response behind them -> on_data
//
// A token is a place in the table of commands; a slot of the ring is where a capsule lies until the command is answered.
// The ring may be shared with other queue pairs (shared_ring.hpp): then a capsule without data is copied and its slot given
// back at once, since a host may have commands that are answered in a year (event requests).
// Before configure() a queue pair of a core that took it with a depth of 1 or 2 has one receive, of the size of a Connect
// capsule: whoever connects and says nothing more pins little. The receives of the queue are posted by configure(), before
// the response to Connect leaves.
//
// Tokens are free when the core has released the command and its response is done; a capsule that finds none waits in its
// slot. A slot is posted again before the response goes, so a host that keeps to its queue always finds a receive.
//
// Data calls are DataOps: each has a run of staged memory or needs none, then its requests are posted as there is room (and,
// for READs, as many as the host answers at a time), then it ends. Data of different commands goes in any order; a response
// goes behind all data of its command, and under SQ flow control in the order in which the core gave it.
// Thread: the group's. Memory is made by open(). Events only from completed(), tell_finished() and end_operations().
#ifndef WEFT_RDMA_CONTROLLER_SIDE_HPP
#define WEFT_RDMA_CONTROLLER_SIDE_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../common/index_list.hpp"
#include "../common/list.hpp"
#include "block.hpp"
#include "capsule_ring.hpp"
#include "data_op.hpp"
#include "sgl.hpp"
#include "side.hpp"
#include "staging.hpp"
#include "weft/nvme.hpp"

namespace weft::rdma {

class ControllerSide final : public Side, private StagingUser {
 public:
  // Bytes of data in a Connect capsule; and the depth up to which a queue pair is one that waits for Connect.
  static constexpr std::uint32_t kConnectData = 1024, kDepthBeforeConnect = 2;
  // Linux hosts of some years may corrupt writes when more than this is offered together with lists of descriptors.
  static constexpr std::uint32_t kMostInCapsuleWithLists = 4096;
  static std::uint32_t slot_size(std::uint32_t in_capsule);  // of a capsule with that much data

  explicit ControllerSide(Link& link);
  ~ControllerSide() override;

  plugin::Made<void> configure(const weft_qpair_params& params);
  int receive_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov, std::uint64_t cookie,
                   std::uint32_t flags);
  int send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov, const void* final_cqe,
                std::uint64_t cookie, std::uint32_t flags);
  int send_response(std::uint64_t token, const void* cqe, std::uint32_t flags);
  void cancel_data(std::uint64_t token);
  int release_command(std::uint64_t token);                   // may free the connection, and this with it
  [[nodiscard]] std::uint32_t held() const { return held_; }  // commands that the core has not released

  [[nodiscard]] verbs::QueuePairSizes sizes(const Agreed& agreed) const override;
  plugin::Made<void> open(const Agreed& agreed) override;
  [[nodiscard]] weft_limits limits() const override;
  void completed(WorkId id, const ibv_wc& completion) override;
  void failed(WorkId id, const ibv_wc& completion) override;
  void count_done() override;
  void flush() override;
  void tell_finished(DataOp& op) override;
  void end_operations(std::int32_t error) override;
  [[nodiscard]] bool idle() const override { return operations_ == 0 && answers_left_ == 0 && link_.sends().empty(); }

 private:
  enum class State : std::uint8_t {
    kFree,
    kHeld,       // the core has it
    kAnswered,   // ... and has given its response, which is not done
    kResponded,  // ... which is
    kReleased,   // the core is done with it, the response is not
  };
  struct Command {
    DataOp* ops = nullptr;                  // outstanding data calls, oldest first
    DataOp* last_op = nullptr;              // the one whose end is the response's; null: none
    plugin::IndexHook hook;                 // on answers_ or on due_
    std::uint32_t slot = plugin::kNoIndex;  // of the ring, until answered
    std::uint32_t data_length = 0;          // from the SGL
    std::uint32_t data_offset = 0;          // in the capsule's data
    std::uint32_t invalidate_key = 0;
    std::uint16_t status = 0;  // of the transport's checks
    std::uint16_t error_offset = 0;
    std::uint8_t segments = 0;
    std::uint8_t calls = 0;     // data calls whose event has not come
    std::uint8_t unposted = 0;  // ... to the host with data that is not posted
    std::uint8_t reading = 0;   // ... from the host that are not over
    SglPlace place = SglPlace::kNone;
    State state = State::kFree;
    bool invalidate = false;  // invalidate_key may be
  };
  static constexpr std::uint8_t kAnswers = 1, kDue = 2;
  using SqeBytes = std::array<std::byte, sizeof(nvme::Sqe)>;

  // Of completions and Command::slot: of the receive before configure(); others are below.
  static constexpr std::uint32_t kFirstSlot = 1U << 23;

  auto hooks() {
    return [this](std::uint32_t index) -> plugin::IndexHook& { return commands_[index].hook; };
  }
  [[nodiscard]] nvme::Cqe* cqe_of(std::uint32_t token) const {
    return reinterpret_cast<nvme::Cqe*>(responses_->base()) + token;
  }
  [[nodiscard]] std::span<RemoteSegment> segments_of(std::uint32_t token) {
    return {&segments_[std::size_t{token} * most_segments_], commands_[token].segments};
  }
  [[nodiscard]] const std::byte* data_of(const Command& command) const;
  [[nodiscard]] const std::byte* capsule_at(std::uint32_t slot) const {
    return slot >= kFirstSlot ? first_ring_->at(slot - kFirstSlot) : ring_->at(slot);
  }

  // controller_side.cpp: commands as they come and go.
  // A capsule that was received, in a slot that is to be given back.
  struct Capsule {
    std::uint32_t slot = 0, bytes = 0;
  };
  plugin::Made<void> make_receives(const Agreed& agreed);
  plugin::Made<void> make_own_ring();
  plugin::Made<void> make_responses(std::uint32_t depth);
  void make_tokens(std::uint32_t depth);
  int post_receives();
  void repost(std::uint32_t slot);
  void take_capsule(Capsule capsule);
  void give_waiting();
  void deliver(Capsule capsule);
  void give_back_waiting();
  void tell_command(std::uint32_t token);
  void release_slot(Command& command);
  void free_token(std::uint32_t token);
  [[nodiscard]] Command* held_command(std::uint64_t token);
  void violated(std::string text);

  // controller_data.cpp: the data of commands.
  DataOp& new_op(std::uint32_t token, DataOp::Kind kind, std::uint64_t offset, std::span<const weft_iov> iov,
                 std::uint64_t length, std::uint64_t cookie);
  void start_part(DataOp& op);
  void staged(StagingClaim& claim) override;
  void post_reads();
  void post_writes();
  bool post_request(DataOp& op);
  [[nodiscard]] std::uint32_t most_read_elements();
  void request_done(const Posted& posted);
  void count(const Posted& posted);
  void part_done(DataOp& op);
  void take_part(DataOp& op);
  void give_up(DataOp& op);
  void finish(DataOp& op, std::int32_t error);
  void cancel(DataOp& op);

  void detach(DataOp& op);
  void tell_data(DataOp& op);

  // controller_answers.cpp: responses.
  void answer(std::uint32_t token, const void* cqe);
  void consider_answer(std::uint32_t token);
  [[nodiscard]] bool is_ready(const Command& command) const { return command.unposted == 0 && command.reading == 0; }
  void withdraw_answer(std::uint32_t token);
  void post_answers();
  void post_answer(std::uint32_t token);
  void answer_done(const Posted& posted);
  void response_left(std::uint32_t token);

  Link& link_;
  Agreed agreed_;
  std::uint32_t depth_ = 0;  // tokens in use: of params, then of configure()
  std::uint32_t reserved_ = 0;
  SglLimits sgl_limits_;
  StagingShare share_;     // of staged memory
  bool in_order_ = false;  // SQ flow control: responses leave in the order of the calls

  std::unique_ptr<Block> responses_;         // a CQE a token
  std::unique_ptr<Block> first_responses_;   // those before configure(), if there had to be more
  std::unique_ptr<CapsuleRing> first_ring_;  // the receive before configure()
  std::unique_ptr<CapsuleRing> own_ring_;    // nullptr: not yet, or the link's shared one
  CapsuleRing* ring_ = nullptr;              // nullptr: not yet
  std::unique_ptr<SqeBytes[]> sqes_;         // copied, a token; with a shared ring
  std::vector<RemoteSegment> segments_;
  std::uint32_t most_segments_ = 1;  // a token
  std::vector<Command> commands_;
  std::vector<std::uint32_t> free_;
  std::unique_ptr<Capsule[]> waiting_;  // for a token: a ring
  std::uint32_t waiting_first_ = 0, waiting_count_ = 0;
  DataOp turn_;  // asks for a turn to give those out
  bool turn_asked_ = false;

  std::uint32_t unanswered_ = 0;  // capsules taken whose response is not posted
  std::uint32_t held_ = 0;
  std::uint32_t operations_ = 0;    // data calls whose event has not come
  std::uint32_t answers_left_ = 0;  // responses given that are not posted
  std::uint32_t reads_left_ = 0;    // READs that the host still answers beside those under way
  bool gone_ = false;               // operations were ended: commands are only released
  bool invalidates_ = false;        // a response asked to invalidate a key
  plugin::HookList<DataOp, &DataOp::ready_hook> reads_, writes_;
  plugin::IndexList<kAnswers> answers_;  // given and not due: their data, or others before them, come first
  plugin::IndexList<kDue> due_;          // can be posted
};

}  // namespace weft::rdma

#endif

// controller_side.hpp - the controller's role on a connection: commands in, R2Ts and C2HData and responses out, tokens.
//
// A token is a place in the table of commands, taken when a capsule comes and free again when the core has released it
// and the response has left. Data calls are DataOps on the token, in order; those with something to send have the token
// on one of two lists: R2Ts and bare responses go before data of other commands. Under SQ flow control responses leave in
// the order in which they were given, so that SQHD never goes back: then bare ones wait for the data of those before.
// Thread: the group's. Memory is made by the constructor, open() and configure().
#ifndef WEFT_TCP_CONTROLLER_SIDE_HPP
#define WEFT_TCP_CONTROLLER_SIDE_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "../common/index_list.hpp"
#include "../common/lazy_array.hpp"
#include "handshake.hpp"
#include "sgl.hpp"
#include "side.hpp"
#include "slab_pool.hpp"
#include "transfer.hpp"
#include "weft/plugin.hpp"
#include "weft/transport_abi.h"

namespace weft::tcp {

class Connection;

class ControllerSide final : public Side {
 public:
  static constexpr std::uint32_t kMaxInCapsule = 64u << 10;
  static_assert(kMaxInCapsule + kMaxAlignment <= SlabPool::kReserve);

  explicit ControllerSide(Connection& connection);
  ~ControllerSide() override;
  void open(const Settled& settled);  // after ICReq

  plugin::Made<void> configure(const weft_qpair_params& params);
  int receive_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov, std::uint64_t cookie,
                   std::uint32_t flags);
  int send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov, const void* final_cqe,
                std::uint64_t cookie, std::uint32_t flags);
  int send_response(std::uint64_t token, const void* cqe, std::uint32_t flags);
  void cancel_data(std::uint64_t token);
  int release_command(std::uint64_t token);  // may free the connection, and this with it

  void tell_finished(DataOp& op);
  [[nodiscard]] std::uint32_t held() const { return held_; }  // commands that the core has not released

  bool next_frame(Frame& frame) override;
  std::uint32_t write_header(const Frame& frame, HeaderBuffer out) override;
  void frame_sent(const Frame& frame) override;
  void add_usual(Batch& batch) override;
  void frames_sent(std::span<const Frame> frames) override;
  Take take(const Pdu& pdu, Payload& payload, Violation& violation) override;
  void payload_done(bool digest_ok, const std::byte* data, Slab* slab) override;
  const std::byte* take_usual(Slab* slab, const std::byte* at, const std::byte* end) override;
  void end_operations(std::int32_t error) override;
  // A connection holds as much of the group's memory as is left for the others, and one command's data in any case.
  [[nodiscard]] bool may_read() const override;
  [[nodiscard]] bool idle() const override { return operations_ == 0; }

 private:
  enum class State : std::uint8_t {
    kFree,
    kArriving,   // its in-capsule data is coming
    kHeld,       // the core has it
    kAnswered,   // ... and has given its response, which has not left
    kResponded,  // ... which has left
    kReleased,   // the core is done with it, the response has not left
  };
  struct Command {
    std::array<std::byte, kSqeSize> sqe{};
    std::array<std::byte, kCqeSize> cqe{};
    DataOp* ops = nullptr;            // outstanding data calls, oldest first
    const std::byte* data = nullptr;  // in-capsule data, in `slab`, until answered
    Slab* slab = nullptr;
    plugin::IndexHook hook;
    std::uint32_t data_length = 0;  // from the SGL
    std::uint16_t status = 0;       // of the transport's checks
    std::uint16_t error_offset = 0;
    SglPlace place = SglPlace::kNone;
    State state = State::kFree;
    std::uint8_t calls = 0;       // data calls whose event has not come
    bool response_waits = false;  // a response without data is to be sent
  };
  static constexpr std::uint8_t kUrgent = 1, kBulk = 2, kTagWait = 3;

  Command& at(std::uint32_t token) { return token < first_.size() ? first_[token] : more_[token - first_.size()]; }
  // A token that is just taken. They are taken from the lowest on, so the first part is made before the second.
  Command& make(std::uint32_t token) {
    return token < first_.size() ? first_.make(token) : more_.make(token - first_.size());
  }
  [[nodiscard]] std::uint32_t count() const { return first_.size() + more_.size(); }
  [[nodiscard]] std::uint32_t made() const { return first_.made() + more_.made(); }  // tokens that ever were taken
  auto hooks() {
    return [this](std::uint32_t index) -> plugin::IndexHook& { return at(index).hook; };
  }
  [[nodiscard]] Command* held_command(std::uint64_t token);

  Command& take_token(std::uint32_t& token);
  Take take_command(const Pdu& pdu, Payload& payload, Violation& violation);
  Take take_data(const Pdu& pdu, Payload& payload, Violation& violation);
  void deliver(std::uint32_t token);
  void data_arrived(bool digest_ok);
  void release_data(Command& command);
  void free_token(std::uint32_t token);

  void enqueue(std::uint32_t token);
  void enqueue_answer(std::uint32_t token);
  void dequeue(std::uint32_t token);
  bool next_of(std::uint32_t token, Frame& frame);
  enum class Added : std::uint8_t { kNothing, kPart, kAll };
  Added add_usual_of(std::uint32_t token, Batch& batch);
  void add_response(Batch& batch, std::uint32_t token, DataOp* op);
  void add_whole_read(Batch& batch, std::uint32_t token, DataOp& op);
  [[nodiscard]] bool is_whole_read(const Command& command, const DataOp& op) const;
  bool next_r2t(std::uint32_t token, DataOp& op, Frame& frame);
  bool next_data(std::uint32_t token, DataOp& op, Frame& frame);
  void data_sent(const Frame& frame);
  void response_left(std::uint32_t token);

  DataOp& new_op(std::uint32_t token, DataOp::Kind kind, std::uint64_t offset, std::span<const weft_iov> iov,
                 std::uint64_t length, std::uint64_t cookie);
  void finish(DataOp& op, std::int32_t error);
  void cancel_send(std::uint32_t token, DataOp& op);

  Connection& connection_;
  plugin::LazyArray<Command> first_, more_;  // two parts, so that configure() moves no command
  std::uint32_t depth_ = 0;
  std::vector<std::uint32_t> free_;
  std::optional<ControllerTransfers> transfers_;
  SglLimits sgl_limits_;
  std::uint32_t usual_in_capsule_ = 0;  // in-capsule data that any command may have by all rules
  std::uint32_t max_r2t_ = 0, max_c2h_ = 0;
  std::uint32_t outstanding_r2t_ = 1;
  std::uint32_t unanswered_ = 0;  // capsules taken whose response has not left
  std::uint32_t held_ = 0;
  std::uint32_t operations_ = 0;     // data calls whose event has not come
  std::uint64_t capsule_bytes_ = 0;  // in-capsule data that commands hold
  bool in_order_ = false;            // SQ flow control: responses leave in the order of the calls
  plugin::IndexList<kUrgent> urgent_;
  plugin::IndexList<kBulk> bulk_;
  plugin::IndexList<kTagWait> tag_wait_;
  // The payload under way.
  bool arriving_capsule_ = false;
  std::uint32_t arriving_token_ = 0;
  DataOp* arriving_op_ = nullptr;
  std::uint32_t arriving_length_ = 0;
  std::uint16_t arriving_tag_ = 0;
  bool arriving_last_ = false;
};

}  // namespace weft::tcp

#endif

// host_side.hpp - the host's role on a queue pair: commands out, responses in, and keys for the controller that are good
// for one command where the device has memory windows.
//
//   send_command -> (staged memory) -> [BIND...] SEND -> ... the controller reads and writes ... -> RECV of the response
//                -> [LOCAL_INV of each key that the response did not invalidate] -> on_response
//
// A response is told only when the SEND is done and its keys are out of the controller's reach. Capsules leave in the
// order of the calls, so that fused pairs stay together: one that waits for staged memory keeps those behind it.
// Thread: the group's; events only from completed() and end_operations(), both inside a poll. Memory is made by open().
#ifndef WEFT_RDMA_HOST_SIDE_HPP
#define WEFT_RDMA_HOST_SIDE_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../common/index_list.hpp"
#include "block.hpp"
#include "capsule_ring.hpp"
#include "data_op.hpp"
#include "host_keys.hpp"
#include "side.hpp"
#include "staging.hpp"
#include "weft/nvme.hpp"

namespace weft::rdma {

class HostSide final : public Side, private StagingUser {
 public:
  explicit HostSide(Link& link) : link_(link) {}
  ~HostSide() override;

  int send_command(const void* sqe, std::span<const weft_iov> iov, std::uint32_t flags);

  [[nodiscard]] verbs::QueuePairSizes sizes(const Agreed& agreed) const override;
  plugin::Made<void> open(const Agreed& agreed) override;
  [[nodiscard]] weft_limits limits() const override;
  void peer_receives(std::uint32_t count) override { agreed_.peer_receives = count; }
  void completed(WorkId id, const ibv_wc& completion) override;
  void flush() override;
  void tell_finished(DataOp&) override {}  // responses are told where they come
  void end_operations(std::int32_t error) override;
  [[nodiscard]] bool idle() const override { return in_flight_ == 0; }
  bool go_on() override;                 // makes windows
  void drop_windows() { keys_.drop(); }  // when the queue pair is about to go, and nothing is posted any more

 private:
  enum class State : std::uint8_t { kFree, kQueued, kSent };
  enum class Where : std::uint8_t { kNone, kInCapsule, kKeyed };
  struct Command {
    std::array<std::byte, sizeof(nvme::Cqe)> cqe{};
    DataOp* op = nullptr;  // its data; null: none
    plugin::IndexHook hook;
    State state = State::kFree;
    Where where = Where::kNone;
    std::uint8_t retracting = 0;  // keys whose LOCAL_INV is under way, or waits for room
    bool in = false;              // the controller fills the data
    bool staged = false;          // ... by way of op->claim.run
    bool sent = false;            // the SEND is done
    bool answered = false;        // the response is in cqe
    bool keyless = false;         // it waits for a window
  };
  static constexpr std::uint8_t kCapsules = 1, kInvalidations = 2;

  auto hooks() {
    return [this](std::uint32_t index) -> plugin::IndexHook& { return commands_[index].hook; };
  }
  // The command's capsule: its SQE, and room for a list of descriptors.
  [[nodiscard]] nvme::Sqe* slot(std::uint32_t cid) const {
    return reinterpret_cast<nvme::Sqe*>(capsules_block_->base() + std::size_t{cid} * slot_bytes_);
  }
  [[nodiscard]] std::uint32_t most_pieces() const;
  bool place_data(std::uint16_t cid, std::span<const weft_iov> iov, std::uint64_t length, std::uint32_t direction);
  bool name_pieces(std::uint32_t cid, const DataOp& op);
  void take_key(std::uint32_t cid);
  void staged(StagingClaim& claim) override;

  void post_invalidations();
  void post_capsules();
  [[nodiscard]] bool may_post(std::uint32_t cid);
  void post_capsule(std::uint32_t cid);
  [[nodiscard]] std::uint32_t requests_of(std::uint32_t cid) const;
  std::uint32_t describe(std::uint32_t cid);
  [[nodiscard]] std::uint32_t find_stretches(const Command& command, std::span<Stretch> out);
  void gather(Command& command, ibv_send_wr& request);

  void take_response(std::uint32_t slot, const ibv_wc& completion);
  bool retract_keys(std::uint16_t cid, const ibv_wc& completion);
  void sends_done();
  void finish_if_over(std::uint32_t cid);
  void tell_response(std::uint32_t cid, std::int32_t error);
  void forget_data(Command& command);
  void violated(std::string text);

  Link& link_;
  Agreed agreed_;
  StagingShare share_;          // of staged memory
  std::uint32_t reserved_ = 0;  // operations of the pool
  std::unique_ptr<Block> capsules_block_;
  std::unique_ptr<CapsuleRing> ring_;
  std::uint32_t slot_bytes_ = sizeof(nvme::Sqe);
  HostKeys keys_;
  std::uint32_t keyless_ = 0;  // commands that wait for a window; the first of the capsules gets the next one
  std::vector<Command> commands_;
  std::uint32_t in_flight_ = 0;   // commands of the core's that were not ended
  std::uint32_t unanswered_ = 0;  // capsules posted: each takes a receive of the controller's
  plugin::IndexList<kCapsules> capsules_;
  plugin::IndexList<kInvalidations> invalidations_;
};

}  // namespace weft::rdma

#endif

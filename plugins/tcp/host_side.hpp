// host_side.hpp - the host's role on a connection: commands out, R2Ts answered, C2HData and responses in.
//
// Per-CID memory is made by the constructor. A response is told only when no PDU of its command is half sent, so that
// the memory is free by then. Thread: the group's; events only from receiver and tell_finished(), both inside a turn.
#ifndef WEFT_TCP_HOST_SIDE_HPP
#define WEFT_TCP_HOST_SIDE_HPP

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "../common/index_list.hpp"
#include "side.hpp"
#include "transfer.hpp"
#include "weft/transport_abi.h"

namespace weft::tcp {

class Connection;

class HostSide final : public Side {
 public:
  HostSide(Connection& connection, std::uint32_t outstanding_r2t);
  ~HostSide() override;

  int send_command(const void* sqe, std::span<const weft_iov> iov, std::uint32_t flags);
  void tell_finished(DataOp& op);  // a response that had to wait

  bool next_frame(Frame& frame) override;
  std::uint32_t write_header(const Frame& frame, HeaderBuffer out) override;
  void frame_sent(const Frame& frame) override;
  void add_usual(Batch& batch) override;
  void frames_sent(std::span<const Frame> frames) override;
  Take take(const Pdu& pdu, Payload& payload, Violation& violation) override;
  void payload_done(bool digest_ok, const std::byte* data, Slab* slab) override;
  const std::byte* take_usual(Slab* slab, const std::byte* at, const std::byte* end) override;
  void end_operations(std::int32_t error) override;
  [[nodiscard]] bool idle() const override { return transfers_.in_flight() == 0; }

 private:
  enum class State : std::uint8_t {
    kFree,
    kQueued,
    kSent,
    kAnswered
  };  // kAnswered: the response waits for a half sent PDU
  struct Command {
    std::array<std::byte, kSqeSize> sqe{};  // until sent; then the CQE of a response that waits
    DataOp* op = nullptr;
    plugin::IndexHook hook;
    State state = State::kFree;
    bool in_capsule = false;
    bool implied = false;  // of the response that waits
    std::uint32_t length = 0;
  };
  static constexpr std::uint8_t kCapsules = 1, kData = 2;

  auto hooks() {
    return [this](std::uint32_t index) -> plugin::IndexHook& { return commands_[index].hook; };
  }
  void dequeue(std::uint32_t cid);
  Take take_r2t(const Pdu& pdu, Violation& violation);
  Take take_data(const Pdu& pdu, Payload& payload, Violation& violation);
  Take take_response(const Pdu& pdu, Violation& violation);
  void add_capsule(Batch& batch, std::uint32_t cid);
  std::uint32_t take_whole_read(const std::byte* at, const std::byte* end);
  void answered(std::uint16_t cid, const std::byte* cqe, bool implied);
  void tell_response(std::uint16_t cid, const std::byte* cqe, bool implied, std::int32_t error);
  [[nodiscard]] bool was_sent(std::uint16_t cid) const;

  Connection& connection_;
  HostTransfers transfers_;
  std::vector<Command> commands_;
  plugin::IndexList<kCapsules> capsules_;  // in the order of the calls: fused pairs stay together
  plugin::IndexList<kData> data_;          // commands with R2Ts to answer
  // The C2HData under way.
  std::uint16_t data_cid_ = 0;
  std::uint32_t data_length_ = 0;
  bool data_success_ = false;
};

}  // namespace weft::tcp

#endif

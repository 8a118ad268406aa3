// controller_qpair.hpp - ControllerQueuePair over a transport's table; made by ControllerQueuePair::accept().
//
// A command is known by the transport's token, never by the host's CID. Per token one byte says whether the command is
// held and whether it was answered, so that a second answer or release is refused here. A CID that is outstanding already
// makes a command that fails (Command ID Conflict), unless the owner drops the one that has it. Under SQ flow control each
// response advances SQHD by one; the transport sends responses in the order of the calls.
// Thread rule, ownership, errors: as queue_pair.hpp.
#ifndef WEFT_CORE_QPAIR_CONTROLLER_QPAIR_HPP
#define WEFT_CORE_QPAIR_CONTROLLER_QPAIR_HPP

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/qpair/cids_in_use.hpp"
#include "weft/queue_pair.hpp"

namespace weft {

class ControllerQueuePairImpl final : public ControllerQueuePair {
 public:
  ControllerQueuePairImpl(Reactor& reactor, const weft_transport& table, std::uint32_t depth, Events& events);
  ~ControllerQueuePairImpl() override;

  [[nodiscard]] Status accept(weft_group* group, weft_pending* pending, const weft_qpair_params& params);

  [[nodiscard]] Status configure(const weft_qpair_params& params, bool sq_flow_control) override;
  [[nodiscard]] std::int32_t receive_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                                          std::uint64_t cookie, std::uint32_t flags) override;
  [[nodiscard]] std::int32_t send_data(std::uint64_t token, std::uint64_t offset, std::span<const weft_iov> iov,
                                       bool last, std::uint16_t cid, std::uint64_t result, std::uint64_t cookie,
                                       std::uint32_t flags) override;
  [[nodiscard]] std::int32_t respond(std::uint64_t token, std::uint16_t cid, NvmeStatus status,
                                     std::uint64_t result) override;
  void cancel_data(std::uint64_t token) override;
  [[nodiscard]] std::int32_t release(std::uint64_t token) override;
  [[nodiscard]] std::uint32_t held() const override { return held_; }
  [[nodiscard]] bool finished() const override { return state_ == State::kClosed && held_ == 0; }
  void close(std::uint32_t flags, Nanoseconds deadline) override;
  [[nodiscard]] weft_qpair_info info() const override;

 private:
  enum class State : std::uint8_t { kOpen, kClosing, kClosed };
  enum class Token : std::uint8_t { kFree, kHeld, kAnswered };
  enum class FlowControl : std::uint8_t { kUnknown, kOn, kOff };

  static const weft_qpair_events kEvents;
  static void on_ready(void* ctx, const weft_limits* limits);
  static void on_command(void* ctx, const weft_command* command);
  static void on_data(void* ctx, std::uint64_t cookie, std::uint64_t moved, std::int32_t error, std::uint16_t status,
                      std::uint32_t flags);
  static void on_closed(void* ctx, const weft_error* error);

  void take(const weft_command& command);
  void refuse(const weft_command& command);
  [[nodiscard]] bool drop_in_the_way(std::uint16_t cid);
  void closed(const weft_error* error);
  void fault(std::string sentence);
  [[nodiscard]] bool in_state(std::uint64_t token, Token state) const {
    return token < tokens_.size() && tokens_[token] == state;
  }
  [[nodiscard]] std::int32_t check(std::uint64_t token) const;  // may the command be answered or its data moved?
  [[nodiscard]] std::uint16_t next_sqhd() const;
  void answered(std::uint64_t token, std::uint16_t sqhd);

  // Constant.
  Reactor& reactor_;
  const weft_transport& table_;
  Events& events_;
  // Reactor's thread.
  weft_qpair* handle_ = nullptr;
  State state_ = State::kOpen;
  FlowControl flow_control_ = FlowControl::kUnknown;
  bool connect_response_next_ = false;
  std::uint16_t sqhd_ = 0;
  std::uint32_t entries_ = 0;  // from configure()
  std::uint32_t held_ = 0;
  std::vector<Token> tokens_;
  CidsInUse cids_;
  Error reason_;
};

}  // namespace weft

#endif

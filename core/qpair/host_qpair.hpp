// host_qpair.hpp - HostQueuePair over a transport's table; made by HostQueuePair::open().
//
// Each CID indexes a slot with the command's callback. A command is ended by the transport's on_response, or, if a transport
// forgets one, when the queue pair closes: once in any case. A response that fits no outstanding command closes the
// queue pair. Thread rule, ownership, errors: as queue_pair.hpp.
#ifndef WEFT_CORE_QPAIR_HOST_QPAIR_HPP
#define WEFT_CORE_QPAIR_HOST_QPAIR_HPP

#include <cstdint>
#include <string>

#include "core/qpair/deadlines.hpp"
#include "core/qpair/submission_queue.hpp"
#include "core/util/slot_table.hpp"
#include "weft/queue_pair.hpp"

namespace weft {

class HostQueuePairImpl final : public HostQueuePair {
 public:
  HostQueuePairImpl(Reactor& reactor, Transport& transport, const HostQueuePairParams& params, Events& events);
  ~HostQueuePairImpl() override;

  [[nodiscard]] Status connect(const Transport& transport, const Address& address, weft_group* group,
                               const HostQueuePairParams& params);

  [[nodiscard]] std::int32_t submit(Command& command) override;
  [[nodiscard]] std::uint32_t room() const override { return state_ == State::kOpen ? queue_.room() : 0; }
  [[nodiscard]] std::uint32_t outstanding() const override { return slots_.used_count(); }
  void start_flow_control(std::uint16_t sqhd, bool wanted) override;
  void close() override;
  [[nodiscard]] const weft_limits& limits() const override { return limits_; }
  [[nodiscard]] weft_qpair_info info() const override;

 private:
  enum class State : std::uint8_t { kConnecting, kOpen, kClosing, kClosed };
  struct Slot {
    void (*done)(void* ctx, const Completion&) = nullptr;
    void* ctx = nullptr;
  };

  static const weft_qpair_events kEvents;
  static void on_ready(void* ctx, const weft_limits* limits);
  static void on_response(void* ctx, const weft_response* response);
  static void on_closed(void* ctx, const weft_error* error);
  static void deadline_passed(void* ctx, std::uint16_t cid);

  void respond(const weft_response& response);
  void finish(std::uint16_t cid, const Completion& completion);
  void closed(const weft_error* error);
  void protocol_error(std::string sentence);
  [[nodiscard]] std::int32_t reason_for_end(std::int32_t error) const;

  // Constant.
  Reactor& reactor_;
  const weft_transport& table_;
  const decltype(weft_transport::send_command) send_command_;
  Events& events_;
  const std::uint16_t qid_;
  // Reactor's thread.
  weft_qpair* handle_ = nullptr;
  State state_ = State::kConnecting;
  SubmissionQueue queue_;
  SlotTable<Slot> slots_;
  Deadlines deadlines_;
  weft_limits limits_{};
  Error reason_;  // why we closed; code 0: no fault
};

}  // namespace weft

#endif

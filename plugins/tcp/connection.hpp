// connection.hpp - one queue pair over one TCP connection: joins socket, receiver, sender and the role's side, and is
// the weft_qpair of the table. Here: states, handshake, deadlines, errors, the end. What a PDU means is the side's
// business.
//
//   connecting -> handshake -> ready -> (flushing ->) (lingering ->) ended -> gone (held only by unreleased commands)
//
// Thread: the group's. Events come only from inside Group::poll. The object deletes itself through Group::bury when its
// on_closed was told and no command is held.
#ifndef WEFT_TCP_CONNECTION_HPP
#define WEFT_TCP_CONNECTION_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "../common/list.hpp"
#include "../common/net_address.hpp"
#include "../common/reason.hpp"
#include "../common/role_calls.hpp"
#include "../common/stats.hpp"
#include "handshake.hpp"
#include "hot_set.hpp"
#include "options.hpp"
#include "pollable.hpp"
#include "receiver.hpp"
#include "sender.hpp"
#include "side.hpp"
#include "socket.hpp"
#include "weft/plugin.hpp"

namespace weft::tcp {

class Connector;
class ControllerSide;
class Group;
class HostSide;

using plugin::Reason;

class Connection final : public Pollable, public plugin::RoleCalls<Connection>, private Side {
 public:
  Connection(Group& group, Role role, const Options& options, const weft_qpair_params& params,
             const weft_qpair_events& events, void* ctx);
  ~Connection() override;

  // The table's operations that are not one role's.
  void close(std::uint32_t flags, std::uint64_t deadline_ns);
  void info(weft_qpair_info& out) const;
  void stats(weft_stats& out) const;

  // How it comes to life: over a connected socket, or by a connector that calls start_asked() (its ICReq is sent) or end().
  void start(std::unique_ptr<Socket> socket);
  void start_asked(std::unique_ptr<Socket> socket);
  void connect_by(std::unique_ptr<Connector> connector);
  void end(Reason reason);

  // For the group.
  void on_events(std::uint32_t events) override;
  void on_deadline() override;
  void on_resume() override;
  void tell_end() override;
  void add_stats(weft_stats& sum) const override { plugin::add_up(sum, stats_); }
  void flush();
  void memory_is_free();
  void tell_finished(DataOp& op);
  void set_hot(bool hot);
  bool read_hot();  // true: something came
  [[nodiscard]] bool waits_to_send() const { return send_full_; }

  // For the sides.
  [[nodiscard]] Group& group() { return group_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const weft_qpair_params& params() const { return params_; }
  [[nodiscard]] const weft_qpair_events& events() const { return events_; }
  [[nodiscard]] void* context() const { return ctx_; }
  [[nodiscard]] Sender& sender() { return sender_; }
  [[nodiscard]] Receiver& receiver() { return receiver_; }
  [[nodiscard]] const Settled& settled() const { return settled_; }
  [[nodiscard]] weft_stats& counters() { return stats_; }
  [[nodiscard]] bool is_ready() const { return state_ == State::kReady; }
  [[nodiscard]] bool is_gone() const { return state_ == State::kGone; }
  void unblock();  // a token is free again
  void set_max_in_capsule(std::uint32_t bytes);
  void nothing_held();  // gone, and the last command was released

  plugin::Hook dirty_hook, memory_hook;
  Heat heat;

 private:
  friend class plugin::RoleCalls<Connection>;
  enum class State : std::uint8_t {
    kConnecting,
    kHandshake,
    kReady,
    kFlushing,   // closed by us: what is queued still goes
    kLingering,  // nothing more to say: waits for the peer to close
    kEnded,      // on_closed is to be told
    kGone,
  };
  static constexpr std::uint64_t kReadShare =
      128u << 10;  // bytes that one connection reads before what they lead to is sent

  // Side, as receiver and sender see it: the handshake and TermReqs here, all else goes on to side_.
  bool next_frame(Frame& frame) override;
  std::uint32_t write_header(const Frame& frame, HeaderBuffer out) override;
  void frame_sent(const Frame& frame) override;
  void add_usual(Batch& batch) override;
  void frames_sent(std::span<const Frame> frames) override;
  Take take(const Pdu& pdu, Payload& payload, Violation& violation) override;
  void payload_done(bool digest_ok, const std::byte* data, Slab* slab) override;
  const std::byte* take_usual(Slab* slab, const std::byte* at, const std::byte* end) override {
    return side_->take_usual(slab, at, end);
  }
  [[nodiscard]] bool may_read() const override;
  void end_operations(std::int32_t error) override;
  [[nodiscard]] bool idle() const override;

  Take take_handshake(const Pdu& pdu, Violation& violation);
  void begin_handshake(std::unique_ptr<Socket> socket);
  void establish(const Settled& settled);
  void queue_control(std::uint32_t length);
  void read_turn();
  void after_read(Receiver::Result result);
  void linger_turn();
  void on_end_of_stream();
  void on_io_error(int error, const char* what);
  void violate();
  void finish_flush();
  void linger();
  void update_interest();
  void update_pdu_deadline();
  void set_deadline(std::uint64_t deadline);
  void shut();
  [[nodiscard]] const char* stage() const;
  [[nodiscard]] const char* peer_word() const { return role_ == Role::kHost ? "controller" : "host"; }

  Group& group_;
  const Role role_;
  const Options options_;
  weft_qpair_params params_;
  const weft_qpair_events& events_;
  void* const ctx_;

  State state_ = State::kConnecting;
  std::unique_ptr<Socket> socket_;
  std::unique_ptr<Connector> connector_;
  Receiver receiver_;
  Sender sender_{role_};
  Settled settled_;
  std::unique_ptr<HostSide> host_;
  std::unique_ptr<ControllerSide> controller_;
  Side* side_ = nullptr;                             // one of the two, from establish() on
  std::array<std::byte, kMaxHeaderSize> control_{};  // ICReq, ICResp or TermReq to be sent
  std::uint32_t control_length_ = 0;
  bool control_waits_ = false;
  std::uint32_t interest_ = 0;  // what epoll was asked for
  bool send_full_ = false;
  bool blocked_ = false;  // the side has no token
  bool starved_ = false;  // memory is low, and its room is lent
  bool operations_ended_ = false;
  int send_error_ = 0;               // of the socket; what still can be read comes first
  std::uint64_t progress_mark_ = 0;  // bytes_in when the deadline of the PDU was set
  Reason reason_;
  plugin::NetAddress local_, peer_;
  weft_stats stats_{};
};

}  // namespace weft::tcp

#endif

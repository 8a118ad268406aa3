// loopback_hub.hpp - the inside of the loopback transport: its objects and the one hub that joins them.
//
// Everything here is guarded by Hub::mutex but the event callbacks, which are called without it. Functions that end in
// `_locked` want it held. Handles that are gone are kept until reset(), so that their use can be told from a stray pointer.
#ifndef WEFT_TESTS_SUPPORT_LOOPBACK_HUB_HPP
#define WEFT_TESTS_SUPPORT_LOOPBACK_HUB_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "support/loopback_transport.hpp"
#include "weft/transport_abi.h"

struct weft_domain {
  const weft_services* services;
};

struct weft_region {
  weft_domain* domain;
};

struct weft_group {
  weft_domain* domain;
  int event_fd;
  std::deque<std::function<void()>> events;  // run by group_poll, without the mutex
  std::deque<std::function<void()>> outbox;  // run by flush, with the mutex
  std::uint64_t listeners = 0, qpairs = 0;
  std::vector<weft_qpair*> connecting;  // hosts' queue pairs; those that no longer connect go at the next poll
  bool in_poll = false;
  weft_stats stats{};
};

struct weft_listener {
  weft_group* group;
  const weft_listener_events* events;
  void* ctx;
  std::string name;
  bool open = true;
  bool gone = false;
  std::deque<weft_pending*> held;  // while connects are held
};

struct weft_pending {
  weft_qpair* host;  // null: it has gone meanwhile
  weft_listener* listener;
  bool handed = false;  // to the core, by on_connect
  bool ended = false;
};

namespace weft::test {

enum class QueueState : std::uint8_t { kConnecting, kReady, kClosing, kClosed };

struct HostCommand {
  bool in_use = false;  // until on_response is called
  bool ended = false;   // its on_response is on its way
  std::array<std::byte, 64> sqe{};
  std::vector<weft_iov> iov;
  std::uint32_t flags = 0;
  std::uint64_t length = 0, moved = 0;
  std::int32_t error = 0;
};

struct Token {
  bool held = false;
  bool answered = false;
  bool cancelled = false;
  std::uint16_t cid = 0;
  std::uint32_t flags = 0;
  std::uint64_t length = 0;
  std::uint32_t transfers = 0;  // outstanding
  std::array<std::byte, 64> sqe{};
  std::vector<std::byte> capsule;
};

struct Transfer {
  weft_qpair* qpair;
  std::uint64_t token, offset, cookie;
  std::vector<weft_iov> iov;
  bool to_host;
  std::uint32_t flags;
  bool has_cqe = false;
  std::array<std::byte, 16> cqe{};
  bool ended = false;
};

struct Capsule {  // a command on its way to the controller
  std::array<std::byte, 64> sqe;
  std::vector<std::byte> data;
  std::uint32_t flags;
  std::uint64_t length;
};

}  // namespace weft::test

struct weft_qpair {
  bool host;
  weft_group* group;
  const weft_qpair_events* events;
  void* ctx;
  weft_qpair_params params;
  std::string name, from;  // from: what a host says its address is
  weft::test::LoopbackLimits limits;
  weft::test::QueueState state = weft::test::QueueState::kConnecting;
  bool gone = false;
  weft_qpair* peer = nullptr;
  weft_pending* pending = nullptr;                         // host, until accepted
  std::vector<weft::test::HostCommand> commands;           // host, by CID
  std::vector<std::unique_ptr<weft::test::Token>> tokens;  // controller
  std::deque<weft::test::Capsule> waiting;                 // controller: no free token yet
  std::vector<std::shared_ptr<weft::test::Transfer>> transfers;
  weft_stats stats{};
};

namespace weft::test {

struct Cut {
  CutPoint point;
  std::uint16_t qid;
  std::uint32_t after;
};

struct Faults {
  std::vector<Cut> cuts;
  int connect = 0, listen = 0, accept = 0, configure = 0;
  std::int32_t receive_error = 0, response_error = 0;
  std::uint16_t receive_status = 0, command_status = 0, command_offset = 0;
  bool hold_responses = false, hold_data = false, hold_connects = false;
  std::optional<std::uint64_t> moved;  // to report next
};

class Hub final : public LoopbackControl {
 public:
  std::mutex mutex;
  LoopbackLimits limits;
  Faults faults;
  LoopbackCounts counts;
  std::uint64_t carried = 0;
  std::uint64_t names_made = 0;
  std::map<std::string, weft_listener*> listeners;
  std::deque<std::function<void()>> responses_held, data_held;
  std::vector<std::unique_ptr<weft_qpair>> qpairs;
  std::vector<std::unique_ptr<weft_listener>> all_listeners;
  std::vector<std::unique_ptr<weft_pending>> pendings;

  void set_limits(const LoopbackLimits& value) override;
  void set_hold_responses(bool hold) override;
  void release_responses(std::uint32_t count) override;
  std::uint32_t held_responses() override;
  void set_hold_data(bool hold) override;
  void release_data(std::uint32_t count) override;
  std::uint32_t held_data() override;
  void set_hold_connects(bool hold) override;
  void cut_at(CutPoint point, std::uint16_t qid, std::uint32_t after) override;
  void cut_now(std::optional<std::uint16_t> qid) override;
  void fail_next_connect(int rc) override;
  void fail_next_listen(int rc) override;
  void fail_next_accept(int rc) override;
  void fail_next_configure(int rc) override;
  void fail_next_receive(std::int32_t error, std::uint16_t status) override;
  void fail_next_response(std::int32_t error) override;
  void misreport_next_data(std::uint64_t moved) override;
  void flag_next_command(std::uint16_t status, std::uint16_t error_offset) override;
  LoopbackCounts live() override;
  std::uint64_t commands_carried() override;
  void reset() override;

  // Is it this queue pair's turn to be cut at `point`? Counts down.
  bool cut_locked(CutPoint point, const weft_qpair& qpair);
};

Hub& hub();

void violation(const std::string& sentence);
// Queues an event of a group and wakes it.
void post_locked(weft_group& group, std::function<void()> event);
void flush_locked(weft_group& group);
weft_error make_error(std::int32_t code, std::uint32_t origin, const char* stage, const char* text);
int fail(weft_error* error, int rc, const char* stage, const char* text);

// loopback_queue.cpp
// Ends everything on one side and then says closed. `operations`: the error of what was outstanding.
void end_side_locked(weft_qpair& qpair, std::int32_t operations, const weft_error& reason);
void cut_connection_locked(weft_qpair& qpair);
void announce_locked(weft_listener& listener, weft_pending& pending);
bool is_usable(const weft_qpair* qpair, const char* call);  // violation() when the handle is gone
void finish_if_done_locked(weft_qpair& qpair);
std::uint64_t expire_connects_locked(weft_group& group, bool act);  // the nearest deadline, 0: none

int loop_connect(weft_group*, const weft_address*, const weft_qpair_params*, const weft_qpair_events*, void* ctx,
                 weft_qpair**, weft_error*);
void loop_close(weft_qpair*, std::uint32_t flags, std::uint64_t deadline_ns);
void loop_qpair_info(const weft_qpair*, weft_qpair_info*);
void loop_qpair_stats(const weft_qpair*, weft_stats*);
int loop_listen(weft_group*, const weft_address*, const weft_listener_events*, void* ctx, weft_listener**, weft_error*);
void loop_unlisten(weft_listener*);
void loop_listener_info(const weft_listener*, weft_listener_info*);
int loop_accept(weft_group*, weft_pending*, const weft_qpair_params*, const weft_qpair_events*, void* ctx, weft_qpair**,
                weft_error*);
void loop_reject(weft_pending*, std::uint32_t reason);
int loop_configure(weft_qpair*, const weft_qpair_params*, weft_error*);

// loopback_data.cpp
int loop_send_command(weft_qpair*, const void* sqe, const weft_iov*, std::uint32_t iovcnt, std::uint32_t flags);
int loop_receive_data(weft_qpair*, std::uint64_t token, std::uint64_t offset, const weft_iov*, std::uint32_t iovcnt,
                      std::uint64_t cookie, std::uint32_t flags);
int loop_send_data(weft_qpair*, std::uint64_t token, std::uint64_t offset, const weft_iov*, std::uint32_t iovcnt,
                   const void* final_cqe, std::uint64_t cookie, std::uint32_t flags);
int loop_send_response(weft_qpair*, std::uint64_t token, const void* cqe, std::uint32_t flags);
void loop_cancel_data(weft_qpair*, std::uint64_t token);
int loop_release_command(weft_qpair*, std::uint64_t token);
void end_command_locked(weft_qpair& host, std::uint16_t cid, std::int32_t error);
void end_transfer_locked(const std::shared_ptr<Transfer>& transfer, std::uint64_t moved, std::int32_t error,
                         std::uint16_t status, std::uint32_t flags);

}  // namespace weft::test

#endif

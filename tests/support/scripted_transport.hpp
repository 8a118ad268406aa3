// scripted_transport.hpp - a transport whose far side is the test: it records each call and plays the events it is told.
//
//   ScriptedTransport script;
//   auto qpair = HostQueuePair::open(*reactor, script.transport(), address, params, events);
//   script.ready();  reactor->run_once();                  // on_ready came
//   script.respond(cid, {.sqhd = 1});  reactor->run_once();
//
// One queue pair at a time, host's or controller's. Events come from group_poll, in the order of the calls. One instance at
// a time (a C table carries no context for domain_open). Thread rule: the reactor's thread.
#ifndef WEFT_TESTS_SUPPORT_SCRIPTED_TRANSPORT_HPP
#define WEFT_TESTS_SUPPORT_SCRIPTED_TRANSPORT_HPP

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weft/nvme.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"
#include "weft/transport_abi.h"

namespace weft::test {

// How the far side answers a command.
struct ScriptedReply {
  NvmeStatus status = {};
  std::uint64_t result = 0;
  std::uint16_t sqhd = 0;
  bool sqhd_valid = true;
  std::uint64_t moved = 0;
  std::int32_t error = 0;
};

class ScriptedTransport {
 public:
  struct Sent {  // send_command
    nvme::Sqe sqe;
    std::vector<weft_iov> iov;
    std::uint32_t flags = 0;
  };
  struct Answer {  // a response that the far side gives, or of send_response and send_data what was said
    std::uint64_t token = 0;
    nvme::Cqe cqe;
    std::uint32_t flags = 0;
    bool with_data = false;
  };

  ScriptedTransport();
  ~ScriptedTransport();
  ScriptedTransport(const ScriptedTransport&) = delete;
  ScriptedTransport& operator=(const ScriptedTransport&) = delete;

  [[nodiscard]] Transport& transport() { return *transport_; }
  [[nodiscard]] weft_pending* pending() { return reinterpret_cast<weft_pending*>(this); }

  // ---- Events, played by the next group_poll.
  void ready(weft_limits limits = {});
  void respond(std::uint16_t cid, const ScriptedReply& reply = {});
  void end(std::uint16_t cid, std::int32_t error);  // on_response without a CQE
  void closed(std::int32_t code, std::string text = "");
  void command(std::uint64_t token, std::uint16_t cid);
  void data(std::uint64_t cookie, std::uint64_t moved);
  void play(std::function<void()> event) { script_.push_back(std::move(event)); }
  // close() of the core ends what is outstanding with -ECANCELED, then says closed. Off: the test does it.
  bool close_by_itself = true;

  // ---- What the core called.
  std::vector<Sent> sent;
  std::vector<Answer> answers;
  std::vector<std::uint64_t> released;
  weft_qpair_params params{};  // of the last connect, accept or configure; strings are not kept
  std::string traddr, trsvcid;
  std::vector<std::string> options;
  int closes = 0;
  std::uint32_t close_flags = 0;
  int polls = 0, flushes = 0, arms = 0;
  int domains = 0, groups = 0;
  weft_group* group = nullptr;
  const weft_services* services = nullptr;

  // ---- What the next calls give.
  int next_call = 0;  // connect, accept, configure, send_command, send_response, send_data, release_command; once
  int next_poll = 0;  // group_poll's return value, when not 0; once
  int arm_again = 0;  // so many times group_arm says -EAGAIN
  int arm_fd = -1;
  std::uint64_t arm_deadline = 0;

 private:
  friend struct ScriptedTable;
  [[nodiscard]] int take_next_call() { return std::exchange(next_call, 0); }
  void close_now();
  void deliver(const weft_response& response);

  std::deque<std::function<void()>> script_;
  std::vector<std::uint16_t> outstanding_;  // CIDs of the host role
  const weft_qpair_events* events_ = nullptr;
  void* ctx_ = nullptr;
  std::unique_ptr<Transport> transport_;
};

}  // namespace weft::test

#endif

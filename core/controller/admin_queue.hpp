// admin_queue.hpp - the worker's half of admin and Fabrics commands: brings data in, asks the control thread, sends data out.
//
// Data to the host goes in pieces of a bounded size, each of them asked of the control thread; a few requests of a queue hold
// memory at once. A Connect has memory of its own, so that it waits for nobody.
// Thread rule: the worker's thread. Owned by its Queue. A request that was taken ends in done(), exactly once.
#ifndef WEFT_CORE_CONTROLLER_ADMIN_QUEUE_HPP
#define WEFT_CORE_CONTROLLER_ADMIN_QUEUE_HPP

#include <cstdint>
#include <memory>

#include "core/controller/admin_request.hpp"
#include "core/controller/io_slot.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

class Queue;
class Worker;

class AdminQueue {
 public:
  explicit AdminQueue(Queue& queue);
  AdminQueue(const AdminQueue&) = delete;
  AdminQueue& operator=(const AdminQueue&) = delete;

  // Connect, whose form was found good: one at a time.
  void connect(const weft_command& command);
  [[nodiscard]] bool connecting() const { return connect_.state != RequestState::kFree; }
  // Makes the requests of a connected admin queue.
  void make(std::uint32_t depth);
  void on_command(const weft_command& command);

  // Whether the command is an asynchronous event request that waits for its event; then it ends without an answer.
  [[nodiscard]] bool drop_event_request(std::uint64_t token);

  // Abort of a command that sends data and has not sent its last: it ends at once, or before its next piece. Not of an event
  // request, which the control thread has.
  [[nodiscard]] bool abort(std::uint16_t cid);

  void on_data(std::uint64_t cookie, std::uint64_t moved, DataEnd end);
  void answered(AdminRequest& request);  // back from the control thread
  void fill(AdminRequest& request);      // the next of the zeroes beyond its page's end
  void on_closed();
  void quiesce() { quiesced_ = true; }
  [[nodiscard]] std::uint32_t busy() const { return busy_; }
  [[nodiscard]] Nanoseconds waits_since() const;  // the transfer that began first; kForever: there is none

 private:
  static constexpr std::uint64_t kConnectCookie = UINT64_MAX;

  void claim(AdminRequest& request, std::uint32_t bytes);
  void ask(AdminRequest& request);
  void give_back(AdminRequest& request);
  void claim_queued();
  void begin_transfer(AdminRequest& request, RequestState state);
  void transfer(AdminRequest& request);
  void receive(AdminRequest& request);
  void sent(AdminRequest& request);
  void finish(AdminRequest& request, const Answer& answer);
  void done(AdminRequest& request);
  [[nodiscard]] bool take_out(AdminRequest& request);
  [[nodiscard]] std::uint64_t cookie(const AdminRequest& request) const {
    return &request == &connect_ ? kConnectCookie : request.token;
  }

  Queue& queue_;
  Worker& worker_;
  AdminRequest connect_;
  std::unique_ptr<std::byte[]> connect_data_;  // while there is one
  IntrusiveList<Claim> queued_;
  std::uint32_t claims_ = 0;  // requests that hold memory or wait for it
  bool claiming_ = false;
  std::unique_ptr<AdminRequest[]> requests_;
  std::uint32_t depth_ = 0;
  std::uint32_t busy_ = 0;
  bool closed_ = false;
  bool quiesced_ = false;
};

}  // namespace weft::controller

#endif

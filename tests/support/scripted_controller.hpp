// scripted_controller.hpp - a controller over the loopback transport that answers from a small model in memory, and misbehaves
// exactly as a test asks.
//
//   ScriptedController controller(*reactor, registry);          // listens as loop://here
//   controller.script = [](const Received &command) { return command.is_io(nvme::io::kRead) ? Verdict::hold() : Verdict::model(); };
//   ... controller.answer(0);                                   // of those held: any order, any time
//
// It knows the C table only, none of core/controller. What it is told to be (cap, identity, spaces ...) may be changed at
// any time; `script` is asked first about each command and may refuse it, answer it in other words, hold it or cut the line.
// Thread rule: the reactor's thread. Ownership: close(), then turns until closed(), before the reactor dies.
#ifndef WEFT_TESTS_SUPPORT_SCRIPTED_CONTROLLER_HPP
#define WEFT_TESTS_SUPPORT_SCRIPTED_CONTROLLER_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/fabrics.hpp"
#include "weft/nvme.hpp"
#include "weft/reactor.hpp"
#include "weft/transport.hpp"

namespace weft::test {

// A command as it arrived.
struct Received {
  std::uint16_t qid = 0;
  nvme::Sqe sqe;
  std::vector<std::byte> data;  // from the host
  std::uint64_t length = 0;     // of its data, either way
  [[nodiscard]] bool is_fabrics(std::uint8_t fctype) const { return sqe.is_fabrics() && sqe.fctype() == fctype; }
  [[nodiscard]] bool is_admin(std::uint8_t opcode) const { return qid == 0 && sqe.opcode == opcode; }
  [[nodiscard]] bool is_io(std::uint8_t opcode) const { return qid != 0 && sqe.opcode == opcode; }
};

struct Answered {
  NvmeStatus status;
  std::uint64_t result = 0;
  std::vector<std::byte> data;  // to the host
  bool padded = true;           // up to what was asked for; false: no more than this
};

struct Verdict {
  enum class Kind : std::uint8_t { kModel, kAnswer, kHold, kCut };
  Kind kind = Kind::kModel;
  Answered answer;
  static Verdict model() { return {}; }
  static Verdict refuse(NvmeStatus status, std::uint64_t result = 0) { return {Kind::kAnswer, {status, result, {}}}; }
  static Verdict with(Answered answered) { return {Kind::kAnswer, std::move(answered)}; }
  static Verdict hold() { return {Kind::kHold, {}}; }
  static Verdict cut() { return {Kind::kCut, {}}; }
};

struct Space {  // a namespace
  std::uint32_t block_size = 512;
  std::vector<std::byte> bytes;
  std::uint8_t nguid = 0;
};

class ScriptedController {
 public:
  ScriptedController(Reactor& reactor, TransportRegistry& registry, std::string name = "here");
  ~ScriptedController();
  void close();  // stops listening, cuts what is connected
  [[nodiscard]] bool closed() const;

  // What it is.
  nvme::Cap cap = nvme::Cap().with_mqes(127).with_to(2).with_css(nvme::Cap::kCssNvm).with_cqr(true);
  nvme::Vs vs{2, 0, 0};
  nvme::Csts csts;
  nvme::Cc cc;
  nvme::IdentifyController identity;
  std::uint16_t cntlid = 7;
  std::uint32_t queues_granted = 64;
  std::map<std::uint32_t, Space> spaces;
  std::map<std::uint8_t, std::vector<std::byte>> log_pages;
  bool becomes_ready = true;
  bool shuts_down = true;
  bool takes_data = true;            // false: commands are answered without the data that is not in the capsule
  bool ends_events_at_reset = true;  // an Asynchronous Event Request is aborted when CC.EN goes to 0
  std::optional<std::uint16_t> connect_sqhd;  // in place of what was asked for

  std::function<Verdict(const Received&)> script;

  // What happened.
  std::vector<Received> log;  // everything, in order
  [[nodiscard]] std::size_t count(const std::function<bool(const Received&)>& what) const;
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] const Received& held_command(std::size_t index) const;
  void answer(std::size_t index);  // by the model
  void answer(std::size_t index, const Answered& answered);
  [[nodiscard]] std::size_t event_requests() const { return events_.size(); }
  void send_event(nvme::AsyncEvent event, std::uint32_t nsid = 0);
  [[nodiscard]] std::size_t queues() const;  // connected now

 private:
  struct Queue;
  struct Pending {
    Queue* queue;
    std::uint64_t token;
    Received command;
    std::vector<std::byte> out;
  };
  struct Queue {
    ScriptedController* owner = nullptr;
    weft_qpair* handle = nullptr;
    bool open = true;
    bool flow_control = true;
    std::uint16_t qid = 0, sqhd = 0;
    std::uint32_t entries = 64;
    std::map<std::uint64_t, std::unique_ptr<Pending>> commands;  // by token
    Pending* fused_first = nullptr;
  };

  static const weft_qpair_events kEvents;
  static const weft_listener_events kListenerEvents;
  void accept(weft_pending* pending);
  void arrived(Queue& queue, const weft_command& command);
  void judge(Pending& pending);
  void give(Pending& pending, const Answered& answered);
  void release(Pending& pending);
  void forget(const Queue& queue);

  // The model.
  Answered model(Pending& pending, bool& later);
  Answered connect(Pending& pending);
  Answered property_get(const nvme::Sqe& sqe) const;
  Answered property_set(const nvme::Sqe& sqe);
  Answered admin(Pending& pending, bool& later);
  Answered identify(const nvme::Sqe& sqe) const;
  Answered log_page(const nvme::Sqe& sqe, std::uint64_t length) const;
  Answered io(Pending& pending, bool& later);
  Answered fused(Pending& first, Pending& second);

  Reactor& reactor_;
  const weft_transport* table_ = nullptr;
  weft_group* group_ = nullptr;
  weft_listener* listener_ = nullptr;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<Pending*> held_;
  std::vector<Pending*> events_;
  bool closing_ = false;
};

}  // namespace weft::test

#endif

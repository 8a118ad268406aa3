// event_records.hpp - what a test keeps of the events of a queue pair or a listener. They fail the test at an event that
// the contract forbids: a second end, one more than there were calls, anything after on_closed.
//
//   struct HostQueue : HostRecord { ... table.connect(group, where, &params, &HostRecord::kEvents, record(), ...) };
//
// Thread: the group's.
#ifndef WEFT_TESTS_SUPPORT_EVENT_RECORDS_HPP
#define WEFT_TESTS_SUPPORT_EVENT_RECORDS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weft/transport_abi.h"

namespace weft::test {

struct Closed {
  int code = 0;
  std::uint32_t origin = 0, detail = 0;
  std::string stage, text;
};

using Cqe = std::array<std::byte, 16>;
std::uint16_t status_of(const Cqe& cqe);

struct HostRecord {
  struct Response {
    int error = 0;
    std::uint64_t moved = 0;
    std::optional<Cqe> cqe;
    std::uint32_t flags = 0;
    int times = 0;
  };
  static const weft_qpair_events kEvents;
  HostRecord* record() { return this; }  // their context
  [[nodiscard]] bool answered(std::uint16_t cid) const { return responses.contains(cid); }

  std::optional<weft_limits> limits;
  std::map<std::uint16_t, Response> responses;  // by CID; whoever sends with it again erases it
  std::optional<Closed> closed;
  int outstanding = 0;  // commands sent, less those that ended
  std::function<void()> on_ready;
  std::function<void(std::uint16_t)> on_response;
};

struct ControllerRecord {
  struct Data {
    std::uint64_t moved = 0;
    int error = 0;
    std::uint16_t status = 0;
    std::uint32_t flags = 0;
    int times = 0;
  };
  static const weft_qpair_events kEvents;
  ControllerRecord* record() { return this; }
  virtual ~ControllerRecord() = default;
  virtual void keep(const weft_command& told) = 0;  // then on_command, or
  virtual void serve(std::uint64_t token) = 0;
  virtual void told_data(std::uint64_t cookie, const Data& told) = 0;

  std::optional<weft_limits> limits;
  std::vector<std::uint64_t> order;  // tokens, as their commands came
  std::optional<Closed> closed;
  std::function<void(std::uint64_t)> on_command;  // instead of serve()
  int held = 0;                                   // commands told, less those released
  int outstanding = 0;                            // data calls, less those that ended
};

struct ListenerRecord {
  static const weft_listener_events kEvents;
  ListenerRecord* record() { return this; }
  virtual ~ListenerRecord() = default;
  virtual void accept(weft_pending* pending) = 0;

  bool keep = false;  // pendings are kept and not accepted
  std::vector<weft_pending*> pendings;
  std::vector<std::string> peers;
  std::uint32_t asked_depth = 0;  // of the last peer
  std::optional<Closed> closed;
};

}  // namespace weft::test

#endif

// script.hpp - what goes wrong on one machine of the model: calls that fail, events of the connection manager that are
// late, lost or other than they should be.
//
//   machine.script.fail(Call::kPostSend, 3);                         the third from now on fails, with EIO
//   machine.script.hold(RDMA_CM_EVENT_ESTABLISHED);                  no such event, and none behind it, until release()
//   machine.script.turn(RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_UNREACHABLE, -ETIMEDOUT);
//
// Thread: under the fabric's lock, or when nothing runs.
#ifndef WEFT_TESTS_SUPPORT_RDMA_MODEL_SCRIPT_HPP
#define WEFT_TESTS_SUPPORT_RDMA_MODEL_SCRIPT_HPP

#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include <rdma/rdma_cma.h>

#include "plugins/rdma/verbs.hpp"

namespace weft::rdma::model {

enum class Call : std::uint8_t {
  kMakeCmChannel,
  kMakeId,
  kBind,
  kListen,
  kResolveAddress,
  kResolveRoute,
  kMakeQueuePair,
  kConnect,
  kAccept,
  kReject,
  kDisconnect,
  kMigrate,
  kNext,
  kMakeCompletionChannel,
  kMakeCompletionQueue,
  kMakeSharedReceives,
  kRegister,
  kMakeWindow,
  kPoll,
  kArm,
  kPostSend,     // counted by work request, so that a chain can fail in its middle
  kPostReceive,  // likewise
  kFail,
  kTune,
};
constexpr std::size_t kCalls = 24;
const char* name_of(Call call);

class Script {
 public:
  // The `which`-th such call from now on, and `times` - 1 more, fail with `error`.
  void fail(Call call, std::uint64_t which = 1, int error = EIO, std::uint64_t times = 1);
  [[nodiscard]] std::uint64_t count(Call call) const { return counts_[static_cast<std::size_t>(call)]; }

  void hold(rdma_cm_event_type type) { held_.insert(type); }
  void release(rdma_cm_event_type type) { held_.erase(type); }
  [[nodiscard]] bool holds(rdma_cm_event_type type) const { return held_.contains(type); }
  // The next event of this type never comes.
  void lose(rdma_cm_event_type type) { changes_.push_back({type, std::nullopt, 0}); }
  // The next event of this type comes as another one, or with another status.
  void turn(rdma_cm_event_type type, rdma_cm_event_type into, int status) { changes_.push_back({type, into, status}); }

  // Runs inside CompletionQueue::arm(), just before it arms: what comes now is not told.
  std::function<void()> before_arm;

  // For the model. 0, or the errno with which this call fails.
  [[nodiscard]] int next(Call call);
  // The same as a Failure with the call's name in its text.
  [[nodiscard]] verbs::Made<void> allow(Call call);
  // False: the event is lost.
  [[nodiscard]] bool pass(rdma_cm_event_type& type, int& status);

 private:
  struct Failing {
    Call call;
    std::uint64_t from, until;
    int error;
  };
  struct Change {
    rdma_cm_event_type type;
    std::optional<rdma_cm_event_type> into;  // empty: lost
    int status;
  };
  std::array<std::uint64_t, kCalls> counts_{};
  std::vector<Failing> failing_;
  std::vector<Change> changes_;
  std::set<rdma_cm_event_type> held_;
};

}  // namespace weft::rdma::model

#endif

// gate.hpp - the control thread's half of a namespace's gate: one exclusive operation after the other, hosts in rotation.
//
// An operation waits its turn, the gate closes on every worker for its range, it runs, the gate opens. It runs either on a
// worker (an I/O command: Worker::grant, then ended()) or here (a change of size). Unlike the rest of the way of an I/O
// command, this allocates: it is as rare as it is costly.
// Thread rule: the control thread. Until ended() the operation that runs keeps the namespace; messages that arrive later know
// it as a key only.
#ifndef WEFT_CORE_CONTROLLER_GATE_HPP
#define WEFT_CORE_CONTROLLER_GATE_HPP

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <span>

#include "core/controller/range_set.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class Namespace;
class Worker;

class Gate {
 public:
  // Runs alone on the range; ended() comes after.
  using Run = std::function<void()>;

  Gate(Namespace& ns, std::span<Worker* const> workers, Reactor& control)
      : ns_(ns), workers_(workers), control_(control) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // host: whose operation it is; null: the target's own.
  void want(BlockRange range, Run run, const void* host = nullptr);
  void ended(BlockRange range, Effect effect);

 private:
  struct Want {
    BlockRange range;
    Run run;
  };
  void close_next();
  void closed();
  void mark(const BlockRange& range, Effect effect);

  Namespace& ns_;
  const std::span<Worker* const> workers_;
  Reactor& control_;
  struct HostWants {
    const void* host;
    std::deque<Want> wants;  // at least one
  };
  std::list<HostWants> waiting_;  // by host, in the order of their turns
  Run run_;                       // of the operation whose range is being closed
  bool busy_ = false;
  std::size_t to_close_ = 0;
  std::shared_ptr<const RangeSet> unreadable_;  // null: none
};

}  // namespace weft::controller

#endif

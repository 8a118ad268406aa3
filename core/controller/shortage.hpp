// shortage.hpp - while claims of a worker wait for memory: what hosts over their share hold and do not move is taken back.
//
// Only while somebody waits who is within his share, first from the machine that is most over its share; a name within its
// share is left to TargetOptions::data_timeout (docs/decisions/0106). Thread rule: the worker's thread.
#ifndef WEFT_CORE_CONTROLLER_SHORTAGE_HPP
#define WEFT_CORE_CONTROLLER_SHORTAGE_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/controller/host_shares.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class Queue;
class Worker;

class Shortage {
 public:
  explicit Shortage(Worker& worker);
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;

  void begin();  // claims wait from now on
  void stop() { timer_.reset(); }

 private:
  using Part = Share HostShares::*;  // of which memory
  struct Machine {
    std::uint64_t names = 0;  // that hold or want some
    std::uint64_t share = 0;
  };
  using Machines = std::map<const MachineShare*, Machine>;
  struct Holder {
    HostShares* host = nullptr;
    std::uint64_t machine_over = 0, over = 0;
  };

  void tick();
  void end(Queue& queue);
  void judge(Resources& resources, Part part);
  [[nodiscard]] Machines machines(const Resources& resources, Part part, MemoryKind kind);
  void take_back(Resources& resources, Part part, MemoryKind kind, const std::vector<Holder>& from,
                 std::uint64_t wanted);
  [[nodiscard]] std::vector<Holder> holders(const Machines& machines, Part part, MemoryKind kind, const Share& waiting,
                                            std::uint64_t wanted);
  [[nodiscard]] std::uint64_t take_from(Queue& queue, Part part, MemoryKind kind, const Resources& resources);

  Worker& worker_;
  std::optional<Timer> timer_;  // made and destroyed on the worker's thread; the constructor runs on the control thread
  std::uint32_t left_ = 0;      // things to end in this tick
  std::uint32_t ended_ = 0;     // queue pairs, not told yet
  Nanoseconds say_at_ = 0;
};

}  // namespace weft::controller

#endif

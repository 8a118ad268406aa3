// newcomers.hpp - connections whose Connect command has not come, or has not succeeded, of all machines, and which of them makes
// room for the next (docs/decisions/0105).
//
// Thread rule: any thread; a mutex guards it, never on the path of an I/O. add() and pick_victim() cost the logarithm of the
// number of machines.
#ifndef WEFT_CORE_CONTROLLER_NEWCOMERS_HPP
#define WEFT_CORE_CONTROLLER_NEWCOMERS_HPP

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/util/intrusive_list.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class Newcomers;
class Queue;
class Worker;

struct OldestOfAll : IntrusiveHook {};
struct OldestOfMachine : IntrusiveHook {};

// One of them, counted as long as it lives or until it is picked.
class Newcomer final : public OldestOfAll, public OldestOfMachine, public std::enable_shared_from_this<Newcomer> {
 public:
  Newcomer(std::shared_ptr<Newcomers> all, std::string of_machine, Nanoseconds came)
      : machine(std::move(of_machine)), since(came), all_(std::move(all)) {}
  ~Newcomer();
  Newcomer(const Newcomer&) = delete;
  Newcomer& operator=(const Newcomer&) = delete;

  const std::string machine;
  const Nanoseconds since;
  Worker* worker = nullptr;  // control thread: the worker that the connection went to
  Queue* queue = nullptr;    // worker's thread: null before the queue pair is open, and once it has connected or gone

 private:
  friend class Newcomers;
  const std::shared_ptr<Newcomers> all_;
  std::uint64_t number_ = 0;  // in the order in which they came
};

class Newcomers : public std::enable_shared_from_this<Newcomers> {
 public:
  // What a Connect takes: the time that a connection has where another can make room.
  static constexpr Nanoseconds kConnectTime = 1'000'000'000;

  [[nodiscard]] std::shared_ptr<Newcomer> add(std::string_view machine, Nanoseconds now);
  [[nodiscard]] std::uint32_t count() const;
  [[nodiscard]] std::uint32_t count(std::string_view machine) const;
  // The oldest of the machine that has most of them. Where that one came within kConnectTime: the oldest of all, so that a
  // host that opens many queues at once keeps them. Not counted any more. Null: the one that was picked is just going.
  [[nodiscard]] std::shared_ptr<Newcomer> pick_victim(Nanoseconds now);

 private:
  friend class Newcomer;
  struct Machine {
    IntrusiveList<OldestOfMachine> newcomers;
    std::uint32_t count = 0;
  };
  struct Rank {
    std::uint32_t count = 0;
    std::uint64_t age = 0;  // greater: its oldest came earlier
    Machine* machine = nullptr;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  static Rank rank_of(Machine& machine);
  void remove(Newcomer& one);  // no effect when it is not counted

  mutable std::mutex mutex_;
  std::map<std::string, Machine, std::less<>> machines_;
  std::set<Rank> ranks_;  // of the machines that have some
  IntrusiveList<OldestOfAll> all_;
  std::uint32_t count_ = 0;
  std::uint64_t came_ = 0;
};

}  // namespace weft::controller

#endif

// long_commands.hpp - commands whose work grows with their arguments: Verify, Compare, Write Zeroes, Dataset Management, Flush,
// fused pairs. They go piece by piece, and between two pieces the thread serves everything else.
//
// A turn of the reactor runs pieces until kTime has passed or kPieces have run, however many commands wait and whoever sent
// them. Hosts are served in rotation, and so are the commands of one host, so that many commands of one host do not delay
// the only one of another. A host has at most kInBackend pieces pending in backends; the next ones wait for their end.
// A command that waits here can be cancelled (IoQueue::cancel). Thread rule: the worker's thread; nothing allocates.
#ifndef WEFT_CORE_CONTROLLER_LONG_COMMANDS_HPP
#define WEFT_CORE_CONTROLLER_LONG_COMMANDS_HPP

#include <cstdint>

#include "core/controller/long_turn.hpp"
#include "core/controller/resources.hpp"
#include "weft/reactor.hpp"

namespace weft::controller {

class LongCommands final : public Poller {
 public:
  static constexpr std::uint32_t kPieces = 64;
  static constexpr Nanoseconds kTime = 20'000;  // of a turn; the piece that is running then ends
  static constexpr std::uint32_t kInBackend = 8;

  explicit LongCommands(Reactor& reactor) : reactor_(reactor) {}

  // claim.resume runs the next piece.
  void add(Claim& claim, LongTurn& host);
  void remove(Claim& claim, LongTurn& host);
  // A piece is pending in a backend; it has ended.
  void entered(LongTurn& host);
  void left(LongTurn& host);

  std::uint32_t poll() override;
  int arm() override { return hosts_.empty() ? -1 : -2; }

 private:
  void queue(LongTurn& host);

  Reactor& reactor_;
  IntrusiveList<LongTurn> hosts_;  // those that have a piece to run
};

}  // namespace weft::controller

#endif

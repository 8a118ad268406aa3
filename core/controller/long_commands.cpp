#include "core/controller/long_commands.hpp"

namespace weft::controller {

void LongCommands::queue(LongTurn& host) {
  if (!host.linked() && !host.waiting.empty() && host.in_backend < kInBackend) hosts_.push_back(host);
}

void LongCommands::add(Claim& claim, LongTurn& host) {
  host.waiting.push_back(claim);
  queue(host);
}

void LongCommands::remove(Claim& claim, LongTurn& host) {
  claim.unlink();
  if (host.waiting.empty()) host.unlink();
}

void LongCommands::entered(LongTurn& host) {
  if (++host.in_backend == kInBackend) host.unlink();
}

void LongCommands::left(LongTurn& host) {
  --host.in_backend;
  queue(host);
}

std::uint32_t LongCommands::poll() {
  if (hosts_.empty()) [[likely]]
    return 0;
  const Nanoseconds until = reactor_.clock_now() + kTime;
  std::uint32_t pieces = 0;
  while (!hosts_.empty() && pieces < kPieces) {
    LongTurn& host = hosts_.pop_front();
    Claim& claim = host.waiting.pop_front();
    queue(host);  // behind the others, and before the piece runs: its end may be the end of the host's share
    claim.resume(claim);
    ++pieces;
    if (reactor_.clock_now() >= until) break;
  }
  return pieces;
}

}  // namespace weft::controller

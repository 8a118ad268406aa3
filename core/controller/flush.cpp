// Flush: of one namespace, or of all that the subsystem has (NSID FFFFFFFFh), one after the other. Each is a piece.
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

constexpr std::uint32_t kLookedAt = 1024;  // NSIDs without a namespace, in one piece

bool all(const IoSlot& s) { return s.sqe->nsid == nvme::kNsidAll; }

Answer check_flush(IoSlot& s, std::uint64_t data_length) {
  if (!all(s)) {
    if (const Answer answer = check_namespace(s); !answer.ok()) return answer;
  }
  return check_no_data(data_length);
}

void flush_one(IoSlot& s) { IoQueue::await_piece(s, s.ns->context().flush(s)); }

// The next namespace of all; s.progress is the last NSID that was looked at.
void flush_next(IoSlot& s) {
  const SubsystemView& namespaces = s.queue().namespaces();
  for (std::uint32_t i = 0; i < kLookedAt; ++i) {
    if (s.progress >= namespaces.limit()) return s.queue().finish(s, success());
    s.ns = namespaces.find(++s.progress);
    if (s.ns == nullptr) continue;
    s.ns->add_user();
    return flush_one(s);
  }
  s.queue().take_turn<flush_next>(s);
}

void start_flush(IoSlot& s) { all(s) ? s.queue().take_turn<flush_next>(s) : s.queue().take_turn<flush_one>(s); }

void flush_done(IoSlot& s) {
  if (!s.queue().piece_done(s)) return;
  if (!all(s)) return s.queue().finish(s, success());
  s.ns->remove_user();
  s.ns = nullptr;
  s.queue().take_turn<flush_next>(s);
}

}  // namespace

const IoCommand commands::kFlush = {check_flush, start_flush, no_data, flush_done, nullptr, nothing_lent};

}  // namespace weft::controller

// Flush: of one namespace, or of all that the subsystem has (NSID FFFFFFFFh), one after the other.
#include "core/controller/io_commands.hpp"
#include "core/controller/queue.hpp"

namespace weft::controller {
namespace {

bool all(const IoSlot& s) { return s.sqe->nsid == nvme::kNsidAll; }

Answer check_flush(IoSlot& s, std::uint64_t data_length) {
  if (!all(s)) {
    if (const Answer answer = check_namespace(s); !answer.ok()) return answer;
  }
  return check_no_data(data_length);
}

// The next namespace of all. False: there is none.
bool next_namespace(IoSlot& s) {
  if (s.ns != nullptr) s.ns->remove_user();
  s.ns = nullptr;
  const SubsystemView& namespaces = s.queue().namespaces();
  while (s.ns == nullptr && s.progress < namespaces.limit()) s.ns = namespaces.find(++s.progress);
  if (s.ns != nullptr) s.ns->add_user();
  return s.ns != nullptr;
}

bool flushed(IoSlot& s) {
  if (!s.status.ok() || !all(s) || !next_namespace(s)) {
    s.queue().finish(s, {s.status, kNoLocation, 0});
    return false;
  }
  return true;
}

void flush_each(IoSlot& s) {
  do {
    s.state = IoState::kWorking;
    if (s.ns->context().flush(s) == Progress::kPending) return s.ns->entered(s);
  } while (flushed(s));
}

void start_flush(IoSlot& s) {
  if (all(s) && !next_namespace(s)) return s.queue().finish(s, success());
  flush_each(s);
}

void flush_done(IoSlot& s) {
  if (flushed(s)) flush_each(s);
}

}  // namespace

const IoCommand commands::kFlush = {check_flush, start_flush, no_data, flush_done, nullptr, nothing_lent};

}  // namespace weft::controller

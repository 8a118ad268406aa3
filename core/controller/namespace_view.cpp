#include "core/controller/namespace_view.hpp"

#include <utility>

#include "core/controller/io_slot.hpp"

namespace weft::controller {

NamespaceView::NamespaceView(Namespace& owner, std::uint32_t nsid, const BackendInfo& info,
                             std::unique_ptr<BackendContext> context)
    : owner_(owner),
      nsid_(nsid),
      block_size_(info.block_size),
      read_only_(info.read_only),
      blocks_(info.blocks),
      context_(std::move(context)) {}

void NamespaceView::detach(std::function<void()> drained) {
  detached_ = true;
  drained_ = std::move(drained);
  if (users_ == 0) drained_();
}

bool NamespaceView::waits(IoSlot& slot, const BlockRange& range) {
  if (!gate_closed_ || !gate_.overlaps(range)) return false;
  at_gate_.push_back(slot);
  return true;
}

void NamespaceView::entered(IoSlot& slot) { in_backend_.push_back(slot); }

void NamespaceView::left() {
  if (!closed_ || busy()) return;
  std::exchange(closed_, nullptr)();
}

bool NamespaceView::busy() {
  bool overlap = false;
  in_backend_.for_each([&](Claim& claim) { overlap = overlap || static_cast<IoSlot&>(claim).range().overlaps(gate_); });
  return overlap;
}

void NamespaceView::close_gate(const BlockRange& range, std::function<void()> closed) {
  gate_ = range;
  gate_closed_ = special_ = true;
  closed_ = std::move(closed);
  left();
}

void NamespaceView::open_gate(std::uint64_t blocks, std::shared_ptr<const RangeSet> unreadable) {
  gate_closed_ = false;
  blocks_ = blocks;
  unreadable_ = std::move(unreadable);
  special_ = unreadable_ != nullptr;
  // Who waited enters before anything that comes later; a resumed command may end and take this view with it, but only by
  // a message, not inside this call.
  while (!at_gate_.empty()) {
    Claim& claim = at_gate_.pop_front();
    claim.resume(claim);
  }
}

void SubsystemView::set(std::uint32_t nsid, NamespaceView* view) {
  if (by_nsid_.size() < nsid) by_nsid_.resize(nsid, nullptr);
  NamespaceView*& entry = by_nsid_[nsid - 1];
  const auto is_small = [](const NamespaceView* v) { return v != nullptr && v->block_size() == 512 ? 1U : 0U; };
  small_blocks_ += is_small(view);
  small_blocks_ -= is_small(entry);
  entry = view;
}

}  // namespace weft::controller

#include "core/controller/arrivals.hpp"

#include "core/controller/io_queue.hpp"

namespace weft::controller {

void Arrivals::add(IoSlot& slot) {
  slot.state = IoState::kArrived;
  if (slot.blocks != 0) slot.ns->context().prefetch(slot.lba, slot.blocks);  // a flush has no range
  slots_.push_back(slot);
  if (++count_ > kAhead) begin_first();
}

void Arrivals::remove(IoSlot& slot) {
  slot.unlink();
  --count_;
}

std::uint32_t Arrivals::poll() {
  const std::uint32_t begun = count_;
  while (count_ != 0) begin_first();
  return begun;
}

void Arrivals::begin_first() {
  auto& slot = static_cast<IoSlot&>(slots_.pop_front());
  --count_;
  slot.queue().begin(slot);
}

}  // namespace weft::controller

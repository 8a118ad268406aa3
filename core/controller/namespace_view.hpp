// namespace_view.hpp - one worker's way into a namespace: its backend context, size, and the worker's side of the gate.
//
// The gate. A command that must be alone on a range (fused compare-and-write, marking blocks, shrinking) is run by closing
// the gate for that range on every worker: what is in the backend on the range ends, what would enter waits, then the
// command runs and the gate opens. A namespace whose gate is open and whose blocks are all readable costs a command one
// load (`special`). Only time inside the backend counts: data that a host is slow to send keeps nobody waiting.
//
// Thread rule: the worker's thread. Dies when it is detached and no command uses it any more.
#ifndef WEFT_CORE_CONTROLLER_NAMESPACE_VIEW_HPP
#define WEFT_CORE_CONTROLLER_NAMESPACE_VIEW_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/controller/range_set.hpp"
#include "core/controller/resources.hpp"
#include "core/util/intrusive_list.hpp"
#include "weft/backend.hpp"

namespace weft::controller {

class Namespace;
struct IoSlot;

class NamespaceView {
 public:
  NamespaceView(Namespace& owner, std::uint32_t nsid, const BackendInfo& info, std::unique_ptr<BackendContext> context);
  NamespaceView(const NamespaceView&) = delete;
  NamespaceView& operator=(const NamespaceView&) = delete;

  [[nodiscard]] BackendContext& context() { return *context_; }
  [[nodiscard]] Namespace& owner() const { return owner_; }
  [[nodiscard]] std::uint32_t nsid() const { return nsid_; }
  [[nodiscard]] std::uint64_t blocks() const { return blocks_; }
  [[nodiscard]] std::uint32_t block_size() const { return block_size_; }
  [[nodiscard]] bool read_only() const { return read_only_; }
  [[nodiscard]] bool special() const { return special_; }
  [[nodiscard]] bool holds(std::uint64_t lba, std::uint64_t count) const {
    return lba <= blocks_ && count <= blocks_ - lba;
  }
  [[nodiscard]] bool unreadable(const BlockRange& range) const { return unreadable_ && unreadable_->overlaps(range); }

  // What is alone on a range asks before it marks the range or makes it readable: there is a bound.
  [[nodiscard]] bool may_mark(const BlockRange& range) const { return !unreadable_ || unreadable_->may_insert(range); }
  [[nodiscard]] bool may_clear(const BlockRange& range) const { return !unreadable_ || unreadable_->may_erase(range); }

  void add_user() { ++users_; }
  void remove_user() {
    if (--users_ == 0 && detached_) [[unlikely]]
      drained_();
  }
  [[nodiscard]] bool detached() const { return detached_; }
  // No new users come; `drained` is called when the last one has gone, perhaps at once.
  void detach(std::function<void()> drained);

  // The gate. Does the range have to wait? Then the slot is resumed when it opens.
  [[nodiscard]] bool waits(IoSlot& slot, const BlockRange& range);
  // A slot whose backend call is pending, and its end.
  void entered(IoSlot& slot);
  void left();
  // `closed` is called once nothing overlaps, perhaps at once.
  void close_gate(const BlockRange& range, std::function<void()> closed);
  void open_gate(std::uint64_t blocks, std::shared_ptr<const RangeSet> unreadable);
  void set_blocks(std::uint64_t blocks) { blocks_ = blocks; }

 private:
  [[nodiscard]] bool busy();

  Namespace& owner_;
  const std::uint32_t nsid_;
  const std::uint32_t block_size_;
  const bool read_only_;
  bool special_ = false;
  bool gate_closed_ = false;
  bool detached_ = false;
  std::uint32_t users_ = 0;
  std::uint64_t blocks_;
  const std::unique_ptr<BackendContext> context_;
  std::shared_ptr<const RangeSet> unreadable_;  // null: none
  BlockRange gate_;
  std::function<void()> closed_, drained_;
  IntrusiveList<Claim> at_gate_, in_backend_;
};

// What a worker's I/O queues of one subsystem look namespaces up in.
class SubsystemView {
 public:
  [[nodiscard]] NamespaceView* find(std::uint32_t nsid) const {
    const std::uint64_t index = std::uint64_t{nsid} - 1;  // NSID 0: beyond any
    return index < by_nsid_.size() ? by_nsid_[index] : nullptr;
  }
  [[nodiscard]] std::uint32_t limit() const {
    return static_cast<std::uint32_t>(by_nsid_.size());
  }  // greatest NSID ever
  void set(std::uint32_t nsid, NamespaceView* view);
  // What Write Zeroes, Write Uncorrectable and Verify may cover, in bytes: as told (identify.hpp).
  [[nodiscard]] std::uint64_t size_limit() const { return small_blocks_ != 0 ? kSmallBlockLimit : kLargeBlockLimit; }

 private:
  static constexpr std::uint64_t kSmallBlockLimit = 65536ull * 512, kLargeBlockLimit = 65536ull * 4096;

  std::vector<NamespaceView*> by_nsid_;
  std::uint32_t small_blocks_ = 0;  // namespaces with blocks of 512 bytes
};

}  // namespace weft::controller

#endif

// host_keys.hpp - the keys with which a host's commands name memory to a controller: one for each stretch.
//
// With memory windows each stretch has a window of its own, so that a key is good for what the command names and for
// nothing between. A queue has one window for each of its commands, and a few more for commands of several stretches; whoever
// finds too few of those has its data staged. Windows are made kPiece at a time, since each costs the device a command: the
// first in make(), the others by grow(), once a turn. A queue whose device has no more goes on with those that it has.
// Without windows the key is the region's and there is nothing to take back.
//
// Thread: the group's. Memory is made by make(); take() and give() do not allocate.
#ifndef WEFT_RDMA_HOST_KEYS_HPP
#define WEFT_RDMA_HOST_KEYS_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data_op.hpp"
#include "send_queue.hpp"
#include "verbs.hpp"
#include "weft/plugin.hpp"

namespace weft::rdma {

class HostKeys {
 public:
  // Stretches of one command. More would cost more requests than a copy costs.
  static constexpr std::uint32_t kMostPieces = 8;
  static constexpr std::uint32_t kPiece = 16;
  // Windows beside the first of each command.
  static constexpr std::uint32_t spare(std::uint32_t depth) { return depth < 64 ? depth : 64; }

  // `most`: stretches of one command. Fails with a sentence when there is no window at all.
  plugin::Made<void> make(verbs::Device& device, std::uint32_t depth, std::uint32_t most, bool windows);
  // Makes the next windows. True: there are more to be made.
  bool grow(verbs::Device& device);
  void drop();  // the windows; nothing is posted any more

  [[nodiscard]] bool uses_windows() const { return !windows_.empty(); }
  [[nodiscard]] std::uint32_t most() const { return most_; }

  // Keys for `count` stretches of a command that has none. False: there are too few windows now.
  bool take(std::uint32_t cid, std::uint32_t count);
  void give_back(std::uint32_t cid);
  [[nodiscard]] std::uint32_t count(std::uint32_t cid) const { return counts_[cid]; }

  // The key for a stretch, the command's `nth`; with windows its request is added to `sends`.
  std::uint32_t give(std::uint32_t cid, std::uint32_t nth, const Stretch& stretch, bool in, SendQueue& sends);
  // The command was answered: what was bound is known to have been bound.
  void answered(std::uint32_t cid);
  // The controller invalidated one of the command's keys. False: it is none of them, or was not good.
  bool invalidated(std::uint32_t cid, std::uint32_t key);
  [[nodiscard]] std::uint32_t good(std::uint32_t cid) const;  // keys that are to be taken back
  std::uint32_t take_back(std::uint32_t cid);                 // the next of them, which is good no longer

 private:
  struct Key {
    verbs::Window* window = nullptr;
    std::uint32_t key = 0;
    bool good = false;
  };
  void add(std::unique_ptr<verbs::Window> window);
  [[nodiscard]] std::span<Key> keys_of(std::uint32_t cid) { return {&keys_[std::size_t{cid} * most_], counts_[cid]}; }

  std::uint32_t most_ = 1;
  // Windows of second and further stretches that may be in use at a time.
  [[nodiscard]] std::uint32_t most_further() const {
    return windows_.size() > depth_ ? static_cast<std::uint32_t>(windows_.size()) - depth_ : 0;
  }

  std::uint32_t depth_ = 0, wanted_ = 0, further_ = 0;  // further_: such windows in use
  std::vector<std::unique_ptr<verbs::Window>> windows_;
  std::vector<verbs::Window*> free_;
  std::vector<Key> keys_;             // most_ a CID
  std::vector<std::uint8_t> counts_;  // by CID
};

}  // namespace weft::rdma

#endif

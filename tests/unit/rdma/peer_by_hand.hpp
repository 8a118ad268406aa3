// peer_by_hand.hpp - the other end of a SideBench as a test plays it: capsules of any bytes, data by any key, and what
// came. Thread: the test's.
#ifndef WEFT_TESTS_UNIT_RDMA_PEER_BY_HAND_HPP
#define WEFT_TESTS_UNIT_RDMA_PEER_BY_HAND_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "side_bench.hpp"

namespace weft::rdma {

class PeerByHand {
 public:
  static constexpr std::uint64_t kMemory = 256U << 10;
  static constexpr std::uint32_t kReceives = 16, kSlot = 8192;

  // All of `memory` is registered with every right; receives are posted.
  explicit PeerByHand(End& end);

  // A SEND of these bytes, which are copied; with a key: SEND with invalidate.
  void send(std::span<const std::byte> bytes, std::optional<std::uint32_t> invalidate = {});
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void send(const T& what, std::optional<std::uint32_t> invalidate = {}) {
    send(std::as_bytes(std::span(&what, 1)), invalidate);
  }
  // READ into, or WRITE from, the start of `memory`.
  void move(ibv_wr_opcode opcode, std::uint64_t address, std::uint32_t key, std::uint32_t length);

  // A window over all of `memory`, which a peer may read and write by its key.
  void bind(verbs::Window& window);

  struct Message {
    std::vector<std::byte> bytes;
    std::optional<std::uint32_t> invalidated;
  };
  // Takes what completed: messages that came go to `messages`, statuses of our own requests to `statuses`.
  void poll();

  std::vector<std::byte> memory;
  std::vector<Message> messages;
  std::vector<ibv_wc_status> statuses;
  [[nodiscard]] std::uint32_t key() const { return region_->rkey(); }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(memory.data()); }

 private:
  void post(ibv_send_wr& request);
  void receive(std::uint32_t slot);

  End& end_;
  std::vector<std::byte> slots_, outgoing_;
  std::unique_ptr<verbs::Region> region_, slots_region_, outgoing_region_;
  std::uint64_t sent_ = 0;
};

}  // namespace weft::rdma

#endif

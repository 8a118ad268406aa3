// resources.hpp - memory that commands of one worker share: memory for data and iov arrays, with back-pressure.
//
// Bounded things, made once: `budget` bytes that a backend may lend or map, 4 KiB chunks for data that does not go straight to
// a backend (admin data, compare, dataset management), iov arrays too long for a command's own two entries.
// A Claim asks for all it needs at once, so nobody waits while holding.
//
//   if (resources.acquire(claim, share)) start(claim);   // else claim.resume(claim) is called, from a later release()
//
// A claim that needs nothing (Keep Alive, Flush) never waits. The others are admitted by shares (shares.hpp): machines divide
// the memory, names divide the part of their machine, and hosts on an access list have a reserve. What does not fit now waits
// in a lane of its share; lanes do not wait for each other. Overtaking is bounded: docs/decisions/0106.
//
// Thread rule: the worker's thread. The memory of chunks that a claim holds may be used by one other thread at a time.
#ifndef WEFT_CORE_CONTROLLER_RESOURCES_HPP
#define WEFT_CORE_CONTROLLER_RESOURCES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/controller/long_turn.hpp"
#include "core/util/intrusive_list.hpp"
#include "weft/transport_abi.h"

namespace weft::controller {

inline constexpr std::uint32_t kChunkSize = 4096;
inline constexpr std::uint32_t kNoChunk = UINT32_MAX;
inline constexpr std::uint32_t kOwnIov = 2;  // entries that a command brings itself

// What a command needs, then holds. The hook serves whatever list the command waits in; one at a time.
struct Claim : IntrusiveHook {
  std::uint32_t budget = 0;  // bytes
  std::uint16_t chunks = 0;
  std::uint16_t iov_entries = 0;   // up to kOwnIov: its own
  std::uint32_t chunk = kNoChunk;  // the first of its chain
  bool held = false;
  weft_iov* long_iov = nullptr;
  void (*resume)(Claim&) = nullptr;
};

enum MemoryKind : std::uint8_t { kBudget, kChunks, kShortIov, kLongIov, kMemoryKinds };
using Amounts = std::array<std::uint64_t, kMemoryKinds>;

// What the hosts of one machine hold together.
struct MachineShare {
  Amounts held{};
  std::uint32_t claims = 0;   // that hold something
  std::uint32_t waiting = 0;  // of its names: those that have claims that wait
  bool listed = false;        // its names are in an access list: a machine with both has one of each
};

// What one host name of a machine holds, and its claims that wait. Dies when it holds nothing and nothing waits.
struct Share : IntrusiveHook {
  static constexpr std::size_t kLanes = 6;
  struct Lane {
    IntrusiveList<Claim> claims;
    std::uint32_t passed = 0;       // claims of this share admitted since its first one waits
    std::uint64_t since_grant = 0;  // of all shares: what the count was when its first one began to wait
    std::uint32_t since_tick = 0;
  };

  explicit Share(MachineShare& machine_) : machine(machine_) {}
  MachineShare& machine;
  Amounts held{};
  std::uint32_t claims = 0;  // that hold something
  std::array<Lane, kLanes> lanes;
  Lane* urgent = nullptr;  // overtaken too often: the other lanes wait for it
  LongTurn long_commands;
};

class Resources {
 public:
  // max_entries: the longest iov array that a command asks for; 0: none that is longer than its own.
  Resources(std::uint64_t budget, std::uint32_t chunks, std::uint32_t max_entries);
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  // True: held now. False: it waits, and resume is called when it holds what it asked for.
  [[nodiscard]] bool acquire(Claim& claim, Share& share);
  // Gives back, and resumes those for whom there is room now. No effect when nothing is held.
  void release(Claim& claim, Share& share);
  // The last `count` chunks of `from` become `to`'s, which holds nothing yet and is of the same share.
  void split(Claim& from, Claim& to, std::uint16_t count, Share& share);
  // A claim that waits no longer.
  void withdraw(Claim& claim, Share& share);

  // The bytes of a chain from `offset` on, at most `length`, as iov entries; how many entries were written.
  [[nodiscard]] std::uint32_t describe(const Claim& claim, std::uint64_t offset, std::uint64_t length,
                                       std::span<weft_iov> into) const;
  void write(const Claim& claim, std::uint64_t offset, std::span<const std::byte> from);
  void read(const Claim& claim, std::uint64_t offset, std::span<std::byte> into) const;
  void zero(const Claim& claim, std::uint64_t offset, std::uint64_t length);
  // `length` bytes of the chain and of `iov`, from `offset` on: are they the same; the chain's into iov.
  [[nodiscard]] bool equal(const Claim& claim, std::span<const weft_iov> iov, std::uint64_t offset,
                           std::uint64_t length) const;
  void copy_to(const Claim& claim, std::span<const weft_iov> iov, std::uint64_t offset, std::uint64_t length) const;

  [[nodiscard]] std::uint32_t max_entries() const { return iov_[1].entries; }
  [[nodiscard]] std::uint64_t held() const { return held_; }  // claims
  [[nodiscard]] std::uint64_t total(MemoryKind kind) const { return total_[kind]; }
  // ... without the reserve of others.
  [[nodiscard]] std::uint64_t total_for(MemoryKind kind, const MachineShare& machine) const;

  // At most so many claims get what they ask for in a turn; those that wait get it in begin_turn(), which says how many did.
  void serve_in_turns(std::uint32_t most) { most_a_turn_ = left_ = most; }
  std::uint32_t begin_turn();
  [[nodiscard]] bool has_due() const { return due_; }

  // Hosts on an access list have a reserve from now on, or no longer.
  void set_reserve(bool reserve) { reserve_ = reserve; }

  // ---- Shortage: while claims wait the owner calls tick() at even intervals, and on_wait when the first begins to.
  std::function<void()> on_wait;
  void tick();
  [[nodiscard]] bool short_of_memory() const { return !waiting_.empty(); }
  // f(share, claim) for the first claims of lanes that wait `ticks` or longer.
  template <class F>
  void each_waiting(std::uint32_t ticks, F f) {
    waiting_.for_each([&](Share& share) {
      for (Share::Lane& lane : share.lanes) {
        if (!lane.claims.empty() && tick_ - lane.since_tick >= ticks) f(share, lane.claims.front());
      }
    });
  }
  [[nodiscard]] static std::uint64_t wanted(const Claim& claim, MemoryKind kind, const Resources& of);
  // Is there too little of this for the claim?
  [[nodiscard]] bool lacks(const Claim& claim, const Share& share, MemoryKind kind) const {
    return !admits(kind, wanted(claim, kind, *this), share, false);
  }

 private:
  struct IovClass {
    std::uint32_t entries = 0;
    std::unique_ptr<weft_iov[]> memory;
    std::vector<weft_iov*> free;
  };
  struct FreeMemory {
    void operator()(std::byte* memory) const;
  };

  [[nodiscard]] std::size_t iov_class(std::uint32_t entries) const { return entries <= iov_[0].entries ? 0 : 1; }
  [[nodiscard]] MemoryKind iov_kind(std::uint32_t entries) const {
    return iov_class(entries) == 0 ? kShortIov : kLongIov;
  }
  [[nodiscard]] bool is_easy(const Claim& claim) const;
  [[nodiscard]] std::uint64_t free_for(MemoryKind kind, const MachineShare& machine) const;
  [[nodiscard]] bool admits(MemoryKind kind, std::uint64_t wanted, const Share& share, bool urgent) const;
  [[nodiscard]] bool admits(const Claim& claim, const Share& share, bool urgent) const;
  [[nodiscard]] static bool holds_back(const Share& share);
  [[nodiscard]] bool gives_way(const Share& share) const;
  [[nodiscard]] static Share::Lane& lane_of(const Claim& claim, Share& share);
  void move(MemoryKind kind, std::uint64_t amount, Share& share);
  void take(Claim& claim, Share& share);
  void admitted(Share& share, const Share::Lane* lane);
  void find_urgent();
  void wait(Claim& claim, Share& share, Share::Lane& lane);
  void stamp(Share::Lane& lane) const;
  [[nodiscard]] Share::Lane* servable(Share& share) const;
  void serve(Share& share, Share::Lane& lane);
  [[nodiscard]] bool serve_next(std::uint32_t look);
  void leave(Share& share, Share::Lane& lane);
  void wake(std::uint32_t look);
  [[nodiscard]] bool spend();
  [[nodiscard]] bool more_is_free() const;
  void looked(std::uint32_t shares);
  static void fill(IovClass& pool, std::uint32_t entries, std::uint32_t count);
  [[nodiscard]] std::byte* memory(std::uint32_t chunk) const { return chunks_.get() + std::size_t{chunk} * kChunkSize; }
  // f(memory, bytes) for each piece of the range.
  template <class F>
  void each_piece(const Claim& claim, std::uint64_t offset, std::uint64_t length, F f) const;
  // f(memory of the chain, memory of iov, bytes) for what lies side by side.
  template <class F>
  void each_pair(const Claim& claim, std::span<const weft_iov> iov, std::uint64_t offset, std::uint64_t length,
                 F f) const;

  Amounts total_{}, free_{}, held_by_unlisted_{};
  bool reserve_ = false;
  std::unique_ptr<std::byte[], FreeMemory> chunks_;
  std::vector<std::uint32_t> next_;  // of a chunk in a chain
  std::vector<std::uint32_t> free_chunks_;
  std::array<IovClass, 2> iov_;   // short arrays and long ones
  IntrusiveList<Share> waiting_;  // those that have claims that wait
  std::uint32_t waiting_count_ = 0;
  // So many that wait were looked at, and could not be served while this was free and that held by unlisted hosts.
  std::uint32_t looked_ = 0;
  Amounts free_then_{}, unlisted_then_{};
  std::uint64_t grants_ = 0;  // claims admitted while others waited
  std::uint64_t look_at_ = 0;
  Share* urgent_ = nullptr;  // holds nothing, and was overtaken too often
  std::uint32_t tick_ = 0;
  std::uint64_t held_ = 0;
  bool waking_ = false;
  std::uint32_t most_a_turn_ = 0;  // 0: claims are served when there is room
  std::uint32_t left_ = 0;         // of it, in this turn
  bool due_ = false;               // some that wait are to be looked at in the next turn
};

}  // namespace weft::controller

#endif

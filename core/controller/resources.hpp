// resources.hpp - what commands of one worker share: memory for data and iov arrays, with back-pressure.
//
// Three bounded things, made once: `budget` bytes that a backend may lend or map, iov arrays too long for a command's own
// two entries, and 4 KiB chunks for data that does not go straight to a backend (admin data, compare, dataset management).
// A Claim asks for all it needs at once, so nobody waits while holding.
//
//   if (resources.acquire(claim, share)) start(claim);   // else claim.resume(claim) is called, from a later release()
//
// Each host has a Share. It may hold as much of a thing as is left for the others, so one alone has half, two have a third
// each, and whoever lets its transfers stand still never has what the next one needs. Claims of a share wait in order, and
// shares are served in turn; a claim whose share may have it, but for which there is not enough now, is not passed by,
// but by one that needs nothing (Keep Alive, Flush, an asynchronous event request).
//
// Thread rule: the worker's thread. The memory of chunks that a claim holds may be used by one other thread at a time.
#ifndef WEFT_CORE_CONTROLLER_RESOURCES_HPP
#define WEFT_CORE_CONTROLLER_RESOURCES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

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

// What one host holds of a worker's resources, and its claims that wait. Dies when it holds nothing and nothing waits.
struct Share : IntrusiveHook {
  std::uint64_t budget = 0;
  std::uint32_t chunks = 0;
  std::array<std::uint32_t, 2> iov{};  // short arrays and long ones
  IntrusiveList<Claim> waiting;
};

class Resources {
 public:
  // max_entries: the longest iov array that a command asks for.
  Resources(std::uint64_t budget, std::uint32_t chunks, std::uint32_t max_entries);
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  // True: held now. False: it waits, and resume is called when it holds what it asked for.
  [[nodiscard]] bool acquire(Claim& claim, Share& share);
  // Gives back, and resumes those for whom there is room now. No effect when nothing is held.
  void release(Claim& claim, Share& share);
  // The last `count` chunks of `from` become `to`'s, which holds nothing yet and is of the same share.
  void split(Claim& from, Claim& to, std::uint16_t count);
  // A claim that waits no longer.
  void withdraw(Claim& claim, Share& share);

  // The bytes of a chain from `offset` on, at most `length`, as iov entries; how many entries were written.
  [[nodiscard]] std::uint32_t describe(const Claim& claim, std::uint64_t offset, std::uint64_t length,
                                       std::span<weft_iov> into) const;
  void write(const Claim& claim, std::uint64_t offset, std::span<const std::byte> from);
  void read(const Claim& claim, std::uint64_t offset, std::span<std::byte> into) const;
  void zero(const Claim& claim, std::uint64_t offset, std::uint64_t length);
  // Is what lies in the chain what lies in `iov`?
  [[nodiscard]] bool equal(const Claim& claim, std::span<const weft_iov> iov) const;
  void copy_to(const Claim& claim, std::span<const weft_iov> iov) const;

  [[nodiscard]] std::uint32_t max_entries() const { return iov_[1].entries; }
  [[nodiscard]] std::uint64_t held() const { return held_; }  // claims

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
  [[nodiscard]] bool fits(const Claim& claim) const;
  [[nodiscard]] bool is_fair(const Claim& claim, const Share& share) const;
  [[nodiscard]] Share* next_served();
  void take(Claim& claim, Share& share);
  void take_waiting(Share& share);
  void wake();
  static void fill(IovClass& pool, std::uint32_t entries, std::uint32_t count);
  [[nodiscard]] std::byte* memory(std::uint32_t chunk) const { return chunks_.get() + std::size_t{chunk} * kChunkSize; }
  // f(memory, bytes) for each piece of the range.
  template <class F>
  void each_piece(const Claim& claim, std::uint64_t offset, std::uint64_t length, F f) const;

  std::uint64_t budget_;
  std::unique_ptr<std::byte[], FreeMemory> chunks_;
  std::vector<std::uint32_t> next_;  // of a chunk in a chain
  std::vector<std::uint32_t> free_chunks_;
  std::array<IovClass, 2> iov_;   // short arrays and long ones
  IntrusiveList<Share> waiting_;  // those that have claims that wait
  std::uint64_t held_ = 0;
  bool waking_ = false;
};

}  // namespace weft::controller

#endif

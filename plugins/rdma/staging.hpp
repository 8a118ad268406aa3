// staging.hpp - registered memory for data that lies in no region: a bounded number of bytes that all queue pairs of one
// group and device share, given out in runs.
//
//   StagingShare share;                                        one for each queue pair
//   StagingClaim claim;  claim.bytes = n;  claim.share = &share;  claim.user = this;
//   if (staging.claim(claim)) use(claim.run);                  // else staged(claim) comes when there is a run
//   staging.release(claim.run);
//
// Fairness. A queue pair whose peer takes nothing holds its runs until it ends, so it must not get all of them. A part of
// the memory is a reserve for queue pairs that hold no run and whose responses were all taken; claims of others are late.
// Of hosts a single queue pair is never late: it keeps nobody waiting.
// Claims of one queue pair are served in order. A claim that does not fit does not block those of other queue pairs that
// fit, until kMostOvertaken were served while it waited; then it blocks all of its kind. A late claim never blocks one
// that is not.
// To rule out deadlock, a holder of a run must be able to end without another one. Thread: the group's. Nothing allocates
// after the constructor.
//
// A host cannot see whether a controller wrote what it says it wrote, and hands out what lies in the run: so a run holds
// nothing of another owner (a queue pair), and what lay there of its own its controller has had already. Memory is
// cleared only when it changes hands.
#ifndef WEFT_RDMA_STAGING_HPP
#define WEFT_RDMA_STAGING_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "../common/list.hpp"
#include "run_allocator.hpp"

namespace weft::rdma {

struct DataOp;
struct StagingClaim;
struct StagingShare;

struct Run {
  std::byte* base = nullptr;
  std::uint64_t bytes = 0;
  StagingShare* share = nullptr;
  explicit operator bool() const { return base != nullptr; }
};

class StagingUser {
 public:
  // A claim that waited has its run. Comes from inside claim(), release(), withdraw() and settled(): nothing may be told
  // to the core here.
  virtual void staged(StagingClaim& claim) = 0;

 protected:
  ~StagingUser() = default;
};

struct StagingClaim {
  std::uint64_t bytes = 0;  // at most Staging::longest()
  StagingShare* share = nullptr;
  StagingUser* user = nullptr;
  DataOp* op = nullptr;  // for its user
  Run run;
  std::uint64_t since = 0;  // claims that had been served when it began to wait
  plugin::Hook hook;
};

// What one queue pair has of the memory.
struct StagingShare {
  std::uint32_t owner = 0;  // a host's queue pair; 0: what lies there is never handed out unwritten
  std::uint32_t runs = 0;   // that it holds
  std::uint32_t owed = 0;   // responses that were posted, and that the peer has not taken
  plugin::HookList<StagingClaim, &StagingClaim::hook> waiting;
  plugin::Hook hook;  // on the list of shares with claims that wait
};

// Whom the reserve is for, even as long as a single queue pair is there.
enum class Reserve : std::uint8_t { kForNewcomers, kForSeveral };

class Staging {
 public:
  static constexpr std::uint64_t kMostOvertaken = 64;

  // The memory is zeroed. `bytes`: a multiple of `longest`, and at least twice that.
  Staging(std::byte* base, std::uint64_t bytes, std::uint32_t longest, Reserve reserve = Reserve::kForNewcomers);

  void join() { ++shares_; }
  void leave() { --shares_; }

  // True: claim.run is set. False: it waits.
  bool claim(StagingClaim& claim);
  void withdraw(StagingClaim& claim);  // waits no more; does nothing when it does not wait
  void release(Run& run);              // leaves it empty
  void settled(StagingShare& share);   // it owes nothing any more

  [[nodiscard]] std::uint64_t longest() const { return rest_.longest(); }
  [[nodiscard]] std::uint64_t reserve() const { return reserve_bytes_; }
  [[nodiscard]] bool all_free() const { return reserve_.all_free() && rest_.all_free(); }

 private:
  [[nodiscard]] std::optional<std::uint64_t> find_run(const StagingClaim& claim);
  [[nodiscard]] bool is_late(const StagingShare& share) const {
    return (share.runs != 0 || share.owed != 0) && (keeps_ == Reserve::kForNewcomers || shares_ > 1);
  }
  bool take(StagingClaim& claim);
  void serve();
  void served(StagingClaim& claim);
  [[nodiscard]] bool urgent(const StagingClaim& claim) const { return served_ - claim.since >= kMostOvertaken; }
  void change_hands(const StagingClaim& claim);

  std::byte* const base_;
  const std::uint64_t reserve_bytes_;  // at the beginning of the memory
  const Reserve keeps_;
  RunAllocator reserve_, rest_;
  std::uint32_t shares_ = 0;
  std::vector<std::uint32_t> owners_;  // of each granule, whose data may lie there; 0: nobody's
  plugin::HookList<StagingShare, &StagingShare::hook> waiting_;
  std::uint64_t served_ = 0;          // claims that had to wait, and were served
  StagingClaim* claiming_ = nullptr;  // is told by the result of claim()
};

}  // namespace weft::rdma

#endif

// staging.hpp - registered memory for data that lies in no region: a bounded number of bytes that all queue pairs of one
// group and device share, given out in runs and waited for in order.
//
//   StagingClaim claim;  claim.bytes = n;  claim.user = this;
//   if (staging.claim(claim)) use(claim.run);                  // else staged(claim) comes when it is its turn
//   staging.release(claim.run);
//
// Whoever waits keeps those behind it waiting, so that a large claim is never starved by small ones; who holds a run
// must be able to end without another one. Thread: the group's. Nothing allocates after the constructor.
//
// A host cannot see whether a controller wrote what it says it wrote, and hands out what lies in the run: so a run holds
// nothing of another owner (a queue pair), and what lay there of its own its controller has had already. Memory is
// cleared only when it changes hands.
#ifndef WEFT_RDMA_STAGING_HPP
#define WEFT_RDMA_STAGING_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../common/list.hpp"
#include "run_allocator.hpp"

namespace weft::rdma {

struct Run {
  std::byte* base = nullptr;
  std::uint64_t bytes = 0;
  explicit operator bool() const { return base != nullptr; }
};

struct DataOp;
struct StagingClaim;

class StagingUser {
 public:
  // A claim that waited has its run. Comes from inside release() and withdraw(): nothing may be told to the core here.
  virtual void staged(StagingClaim& claim) = 0;

 protected:
  ~StagingUser() = default;
};

struct StagingClaim {
  std::uint64_t bytes = 0;  // at most Staging::longest()
  std::uint32_t owner = 0;  // a host's queue pair, not 0; 0: what lies there is never handed out unwritten
  StagingUser* user = nullptr;
  DataOp* op = nullptr;  // for its user
  Run run;
  plugin::Hook hook;
};

class Staging {
 public:
  // The memory is zeroed.
  Staging(std::byte* base, std::uint64_t bytes, std::uint32_t longest)
      : base_(base), runs_(bytes, longest), owners_(bytes / RunAllocator::kGranule) {}

  // True: claim.run is set. False: it waits.
  bool claim(StagingClaim& claim);
  void withdraw(StagingClaim& claim);  // waits no more; does nothing when it does not wait
  void release(Run& run);              // leaves it empty

  [[nodiscard]] std::uint64_t longest() const { return runs_.longest(); }
  [[nodiscard]] bool all_free() const { return runs_.all_free(); }

 private:
  bool take(StagingClaim& claim);
  void serve();
  void change_hands(const StagingClaim& claim);

  std::byte* const base_;
  RunAllocator runs_;
  std::vector<std::uint32_t> owners_;  // of each granule, whose data may lie there; 0: nobody's
  plugin::HookList<StagingClaim, &StagingClaim::hook> waiting_;
};

}  // namespace weft::rdma

#endif

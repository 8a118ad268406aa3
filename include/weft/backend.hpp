// backend.hpp - what stores a namespace's blocks. Ours are ram, null and file; anyone can write another (examples/backend.cpp).
//
// A Backend is the storage as a whole; a BackendContext is one reactor's way into it. Both kinds of data movement avoid copies:
//   write: lend() gives memory, the transport fills it, commit() makes it the blocks - or discard() gives it back and
//          nothing has changed (a bad digest, a peer that dies halfway);
//   read:  map() gives memory that holds the blocks and does not change under the reader until unmap().
// One block is atomic: a reader or a compare sees a block as it was before or after a write, never half of each.
//
// Thread rule: Backend's functions from any thread; a context belongs to its reactor's thread. An operation is done when the
// call returns kDone, or, after kPending, when op.done is called from inside the context's poll() - never from inside a call.
// The caller owns op and its iov array until then; between lend and commit/discard, and map and unmap, op stays alive and
// its `hold` words belong to the backend. Operations on overlapping blocks may run at the same time; their order is open.
// Errors: op.status, an NVMe status (write fault, unrecovered read). It is success when a call is made: who fails sets it.
// The caller checks the range.
//
// Nobody may have to wait for somebody who waits for him, so memory is promised when a context is opened: within its bound
// lend() and map() never wait for memory. commit(), flush(), write_zeroes() and deallocate() need none that others could hold,
// and wait behind nobody who waits for some. No call keeps its thread for long: what covers much returns kPending and goes
// on in poll(), a part of it in each turn.
#ifndef WEFT_BACKEND_HPP
#define WEFT_BACKEND_HPP

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "weft/address.hpp"
#include "weft/reactor.hpp"
#include "weft/status.hpp"
#include "weft/transport_abi.h"

namespace weft {

enum class DataLifetime : std::uint8_t {
  kKept,  // outlives the backend
  kLost,  // ends with the backend: one that is made anew is empty, and another disk
  kNone,  // nothing is ever kept
};

struct BackendInfo {
  std::uint64_t blocks = 0;
  std::uint32_t block_size = 512;  // 512 or 4096
  bool read_only = false;
  bool volatile_cache = false;       // flush() does something: Identify VWC
  bool thin = false;                 // deallocate frees space: NSFEAT, DLFEAT
  std::uint32_t optimal_blocks = 0;  // NPWG and friends; 0: not told
  std::string description;           // "ram 64 MiB": for people
  DataLifetime data = DataLifetime::kKept;
};

enum class Progress : std::uint8_t { kDone, kPending };

struct BackendOp {
  static constexpr std::uint32_t kForceUnitAccess = 1u << 0;  // commit, write_zeroes: durable before done
  static constexpr std::uint32_t kDeallocate = 1u << 1;       // write_zeroes: the blocks may become holes

  // The caller's.
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
  std::uint32_t flags = 0;
  weft_iov* iov = nullptr;      // room for at least context.segments(lba, blocks) entries
  std::uint32_t iov_count = 0;  // set by lend and map
  void (*done)(BackendOp& op) = nullptr;
  void* ctx = nullptr;
  // The backend's.
  NvmeStatus status;       // valid once done; the caller clears it first, only failures are set
  std::int32_t error = 0;  // the errno behind a failure, where there is one: for the operator; cleared like status
  std::uint64_t hold[2] = {0, 0};  // between lend and commit, map and unmap, and while pending
  BackendOp* next = nullptr;       // while pending
};

class BackendContext : public Poller {
 public:
  // The most iov entries that lend or map of this range needs. Pure.
  [[nodiscard]] virtual std::uint32_t segments(std::uint64_t lba, std::uint32_t blocks) const = 0;

  // The range is going to be lent or mapped, a few calls from now: what it will be looked up in may be fetched into the caches.
  // Nothing else comes of it, not even the call that it announces.
  virtual void prefetch(std::uint64_t /*lba*/, std::uint32_t /*blocks*/) const {}

  // May wait for memory only beyond the bound that open() was told; waiters are served in order.
  virtual Progress lend(BackendOp& op) = 0;
  virtual Progress commit(BackendOp& op) = 0;  // releases the memory, whatever the status
  virtual void discard(BackendOp& op) = 0;
  virtual Progress map(BackendOp& op) = 0;  // failed: nothing to unmap
  virtual void unmap(BackendOp& op) = 0;

  virtual Progress flush(BackendOp& op) = 0;  // what was committed before is durable; range ignored
  // What a caller that has other work covers with one call of the next two, in bytes: longer ranges come in parts.
  [[nodiscard]] virtual std::uint64_t zeroed_at_once() const { return 32u << 20; }
  virtual Progress write_zeroes(BackendOp& op) = 0;
  virtual Progress deallocate(BackendOp& op) = 0;  // the blocks read as zeroes afterwards

  std::uint32_t poll() override { return 0; }
  // False: it has nothing to do in a turn, so the caller need not add it to the reactor. With thousands of namespaces that
  // matters.
  [[nodiscard]] virtual bool polled() const { return true; }
};

// By what hosts know a disk again: UUID and NGUID of a namespace are derived from it and the subsystem's NQN. A host joins two
// disks of one identity into one, which corrupts both.
struct StorageIdentity {
  std::string kind;   // what `bytes` are, and whose: "example.org volume id"
  std::string bytes;  // of this storage as long as it exists, and of no other on any machine; "": not known
  std::string note;   // a sentence for the operator, about an identity that is new or not known; "": nothing to say
};

class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual BackendInfo info() const = 0;
  // Asked when a namespace without a configured UUID and NGUID is added, by the thread that adds it; may read and write the
  // storage. A namespace whose storage has no bytes is a new disk each time.
  [[nodiscard]] virtual StorageIdentity identity() { return {}; }
  // On the thread of `reactor`. The caller add()s the context to the reactor, where it is polled(), and destroys it when no
  // operation is in flight. `memory`: the most bytes that the caller will have lent and mapped at once through all contexts
  // that it opens on this reactor, each range counted as the 4 KiB pages of the namespace that it touches. The context must be
  // able to give that much, whatever other reactors do.
  [[nodiscard]] virtual Result<std::unique_ptr<BackendContext>> open(Reactor& reactor, std::uint64_t memory) = 0;
  // Changes the size while contexts are open. Before it shrinks, the caller has ended the I/O beyond the new end; what lay
  // there is lost: when it grows again, zeroes are there. Memory that is lent or mapped there stays good until it is given
  // back (what is lent: by discard()); a lend() that was on its way may still name such blocks. ENOTSUP where it cannot.
  [[nodiscard]] virtual Status resize(std::uint64_t blocks);
  // The blocks that the storage has now, for a size that follows the storage: a file or device that somebody enlarges. 0: the
  // size is as it was configured. One thread at a time; asked every few seconds, so it is cheap. What was found becomes the
  // size by resize().
  [[nodiscard]] virtual std::uint64_t measure() { return 0; }
};

using BackendFactory = std::function<Result<std::unique_ptr<Backend>>(const BackendAddress&)>;

// Scheme -> factory. Built in main; builtin() has ram, null and file. Not thread safe while being added to.
class BackendRegistry {
 public:
  [[nodiscard]] static BackendRegistry builtin();
  void add(std::string scheme, BackendFactory factory);
  [[nodiscard]] Result<std::unique_ptr<Backend>> open(std::string_view url) const;

 private:
  std::map<std::string, BackendFactory, std::less<>> factories_;
};

}  // namespace weft

#endif

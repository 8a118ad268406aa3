// file_ring.hpp - one reactor's io_uring, with the requests and buffers for file I/O: shared by every file that is open on that
// reactor, so that a namespace that rests costs none of it.
//
// A file has at most kRequestsOfFile of them in flight, so that one that hangs leaves
// some to the others. Buffers hold what the caller was promised for all its contexts on this reactor together.
// Thread rule: the reactor's thread. It adds itself to the reactor, and removes itself when the last context has gone.
#ifndef WEFT_CORE_BACKEND_FILE_RING_HPP
#define WEFT_CORE_BACKEND_FILE_RING_HPP

#include <liburing.h>
#include <sys/uio.h>

#include <array>
#include <memory>
#include <vector>

#include "core/backend/file_buffers.hpp"
#include "core/backend/per_reactor.hpp"
#include "core/backend/wait_list.hpp"
#include "core/util/intrusive_list.hpp"
#include "weft/backend.hpp"

namespace weft {

class FileContext;

enum class FileCall : std::uint64_t { kLend, kRead, kWrite, kSync, kDeallocate, kPunch, kPunchSync, kZero };

// Why io_uring was refused, and what to do about it: `error` is an errno of io_uring_setup().
[[nodiscard]] Error io_uring_refused(int error);

// The part of a context that waits for a request or for its blocks.
struct WaitingFile : IntrusiveHook {
  WaitList to_begin;
  std::uint32_t in_flight = 0;
};

class FileRing final : public Poller {
 public:
  static constexpr std::uint32_t kRequests = 1024;
  static constexpr std::uint32_t kRequestsOfFile = 256;

  [[nodiscard]] static Result<std::unique_ptr<FileRing>> create(Reactor& reactor, std::uint64_t memory);
  ~FileRing() override;

  Progress start(FileContext& file, BackendOp& op, FileCall call);
  void give(BackendOp& op) { buffers_->give(op); }

  std::uint32_t poll() override;
  void submit() override;
  int arm() override;

 private:
  static constexpr std::uint32_t kMaxPieces = 64;
  struct Request {
    BackendOp* op = nullptr;
    FileContext* file = nullptr;
    FileCall call = FileCall::kRead;
    std::uint64_t moved = 0;  // bytes done so far: short transfers go on
    std::array<iovec, kMaxPieces> iov;
  };

  explicit FileRing(Reactor& reactor) : reactor_(reactor) {}
  [[nodiscard]] static FileContext& file_of(const BackendOp& op);
  [[nodiscard]] static std::uint64_t bytes_of(const BackendOp& op);
  [[nodiscard]] bool waits_for_another_thread();
  void begin_in_turn(BackendOp& op);
  bool begin(BackendOp& op);
  std::uint32_t begin_one_of_each();
  bool lend_waiting();
  void queue(Request& request);
  void prepare(Request& request, io_uring_sqe* sqe);
  std::uint32_t fill_iov(Request& request);
  void complete(Request& request, std::int32_t result);
  bool goes_on(Request& request, std::int32_t& result);
  void end(Request& request, NvmeStatus status);

  Reactor& reactor_;
  std::unique_ptr<FileBuffers> buffers_;
  io_uring ring_{};
  bool ring_open_ = false;
  bool added_ = false;
  bool queued_ = false;  // entries not submitted yet
  bool scarce_ = false;  // a file waits for a request
  std::vector<Request> requests_;
  std::vector<Request*> free_;
  WaitList for_memory_;
  IntrusiveList<WaitingFile> waiting_;  // files with operations that could not begin
};

using FileRings = PerReactor<FileRing>;

}  // namespace weft

#endif

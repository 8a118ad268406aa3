// host.hpp - the host's side of an association: connect to a controller, then read, write and ask.
//
// Host is asynchronous and belongs to one reactor's thread. BlockingHost (blocking.hpp) offers the same calls from any
// thread. Requests are the caller's objects: they are not copied, queue up in order when every queue is full, are split
// when larger than the controller or the transport takes, and end exactly once by their `done`, from inside the reactor's turn,
// never from inside a call. Data memory is borrowed until then. The data path allocates nothing.
// Errors: connecting gives an Error whose stage is "resolve", "connect", "icreq" (the transport's words), "Connect command",
// "enable", "identify" or "queues". A request's Completion tells the controller's status apart from our errno.
#ifndef WEFT_HOST_HPP
#define WEFT_HOST_HPP

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/address.hpp"
#include "weft/fabrics.hpp"
#include "weft/nvme.hpp"
#include "weft/queue_pair.hpp"
#include "weft/reactor.hpp"
#include "weft/status.hpp"
#include "weft/transport.hpp"

namespace weft {

// A namespace as the controller described it. A value; describes the moment it was identified.
struct Namespace {
  std::uint32_t nsid = 0;
  std::uint64_t blocks = 0;
  std::uint32_t block_size = 512;
  bool read_only = false;
  std::array<std::uint8_t, 16> nguid{};
  std::array<std::uint8_t, 16> uuid{};
  std::array<std::uint8_t, 8> eui64{};
  [[nodiscard]] std::uint64_t bytes() const { return blocks * block_size; }
};

// One I/O. Set the first part, submit(), leave it alone until done. Reusable afterwards.
struct IoRequest {
  enum class Kind : std::uint8_t {
    kRead,
    kWrite,
    kCompare,
    kCompareAndWrite,
    kFlush,
    kWriteZeroes,
    kDeallocate,
    kWriteUncorrectable,
    kVerify,
  };
  Kind kind = Kind::kRead;
  bool force_unit_access = false;
  bool deallocate = false;  // write zeroes: the controller may free the blocks
  std::uint32_t nsid = 0;
  std::uint32_t block_size = 0;  // of the namespace
  std::uint64_t lba = 0;
  std::uint64_t blocks = 0;       // any number: what is too large for one command is split (compare-and-write is not)
  const weft_iov* iov = nullptr;  // borrowed; read, write, compare: blocks * block_size bytes in all
  std::uint32_t iov_count = 0;
  const weft_iov* compare_iov = nullptr;  // compare-and-write: what must be there
  std::uint32_t compare_iov_count = 0;
  std::uint16_t queue = 0;  // 0: spread over the I/O queues; else this one
  Nanoseconds timeout = 0;  // of each command; 0: the host's
  void (*done)(IoRequest&) = nullptr;
  void* ctx = nullptr;

  Completion completion;  // of the whole: the first failure, or success; `moved` is the sum

  // The host's own, while it is under way.
  struct Progress {
    IoRequest* next = nullptr;  // in the list of those that wait
    std::uint64_t blocks_sent = 0;
    std::uint64_t iov_offset = 0;  // how much of iov[iov_index] was sent
    std::uint32_t iov_index = 0;
    std::uint32_t pieces = 0;  // commands under way
    bool queued = false;       // not wholly sent: it stands in a list
  } progress;
};

// One command of the caller's own making: admin (queue 0) or I/O (queue >= 1). Never split.
struct PassthroughRequest {
  nvme::Sqe sqe;  // CID, PSDT and SGL1 are filled in
  std::uint16_t queue = 0;
  DataDirection direction = DataDirection::kNone;
  const weft_iov* iov = nullptr;
  std::uint32_t iov_count = 0;
  Nanoseconds timeout = 0;  // 0: the host's; kForever: none, for what may take for ever (an event request)
  void (*done)(PassthroughRequest&) = nullptr;
  void* ctx = nullptr;

  Completion completion;
  PassthroughRequest* next = nullptr;  // the host's own
};

struct AsyncEvent {
  std::uint8_t type = 0, info = 0, log_page = 0;
  std::uint32_t nsid = 0;
};

class Host {
 public:
  using Connected = std::move_only_function<void(Result<std::unique_ptr<Host>>)>;
  struct Events {
    std::move_only_function<void(const AsyncEvent&)>
        on_event;  // its log page was asked for: it is unmasked, if that went well
    std::move_only_function<void(const Error&)> on_lost;  // the association is over; every request has ended
    std::move_only_function<void(const Error&)>
        on_reset;  // a time-out led to a reset of the controller; it works again
  };
  // Any callback, a request's done too, may destroy the Host or replace its Events.

  // Connects, enables, identifies, asks for and connects the I/O queues. `done` from a later turn, exactly once. A discovery
  // controller (the well-known NQN, or CNTRLTYPE 2) gets no I/O queues.
  static void connect(Reactor& reactor, TransportRegistry& registry, const Address& address, const HostOptions& options,
                      Connected done);
  ~Host();  // closes in the background if close() was not called; requests end with -ECANCELED
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void set_events(Events events);

  void submit(IoRequest& request);
  void submit(PassthroughRequest& request);

  // Control path. Callbacks exactly once; buffers are the callee's own.
  template <class T>
  using Reply = std::move_only_function<void(Result<T>)>;
  void list_namespaces(Reply<std::vector<std::uint32_t>> done);
  void identify_namespace(std::uint32_t nsid, Reply<Namespace> done);
  // As many bytes as came: fewer where the controller's page ends before `length`.
  void get_log_page(std::uint8_t lid, std::uint32_t nsid, std::uint64_t offset, std::uint32_t length,
                    Reply<std::vector<std::byte>> done);
  void get_feature(std::uint8_t fid, std::uint32_t cdw11, Reply<std::uint32_t> done);
  void set_feature(std::uint8_t fid, std::uint32_t cdw11, Reply<std::uint32_t> done);
  void get_property(std::uint32_t offset, bool eight_bytes, Reply<std::uint64_t> done);
  void set_property(std::uint32_t offset, std::uint64_t value, bool eight_bytes, Reply<bool> done);
  // The discovery log, whole and of one generation.
  void discover(Reply<std::vector<fabrics::DiscoveryLogEntry>> done);
  // CC.EN 1 -> 0 -> 1, queues connected anew. Requests under way end, those that wait for room are sent afterwards. A reset
  // that fails is the association's end. No on_reset.
  void reset(Reply<bool> done);

  // Why the association was lost, in the words of on_lost; code 0: it was not. A request that ends with its connection ends
  // a little before the association: asked then, this waits for it.
  void ask_loss(std::move_only_function<void(const Error&)> done);

  [[nodiscard]] const nvme::IdentifyController& identity() const;
  [[nodiscard]] std::uint64_t capabilities() const;  // CAP
  [[nodiscard]] std::uint32_t version() const;       // VS
  [[nodiscard]] std::uint16_t cntlid() const;
  [[nodiscard]] std::uint16_t io_queues() const;
  [[nodiscard]] std::uint64_t max_transfer() const;  // bytes of one command, 0: no bound (MDTS and the transport's)
  [[nodiscard]] const HostOptions& options() const;
  [[nodiscard]] weft_qpair_info connection() const;  // of the admin queue
  [[nodiscard]] Transport& transport() const;        // any thread; for allocate_memory() and register_memory()

  // Shuts the controller down (CC.SHN), closes every queue. Requests end with -ECANCELED. `done` from a later turn.
  void close(std::move_only_function<void()> done);

  struct Impl;  // core/host/impl.hpp

 private:
  explicit Host(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

// What a Completion that is not ok() says, as an Error: EIO and the status in words, or the errno.
[[nodiscard]] Error completion_error(const Completion& completion, std::string_view what);

// This machine's names: /etc/nvme/hostnqn and hostid, else derived from the machine's identity, stable over restarts.
[[nodiscard]] std::string default_hostnqn();
[[nodiscard]] std::string default_hostid();

}  // namespace weft

#endif

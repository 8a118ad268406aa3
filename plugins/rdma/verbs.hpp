// verbs.hpp - what the transport uses of libibverbs and librdmacm, as interfaces: the seam. verbs_library.cpp is the
// real thing; tests put a model device in its place and run everything above it.
//
// Plain structs of <infiniband/verbs.h> (work requests, completions, scatter elements) pass through unchanged, so the
// data path pays one indirect call and no translation. Whatever names an object of the device is a class here.
//
// Ownership: what make_*() returns belongs to the caller and goes before what made it. Deleting a QueuePair is the last
// word: when the destructor returns, the device touches none of the memory of its work requests. Deleting a CmId deletes
// no QueuePair: delete that first. A Device lives as long as its Library.
// Threads: Library and Device from any thread; everything else from one thread at a time, its owner's.
// Errors: a Failure with a sentence where something is made; 0 or an errno on the data path, of either sign, since
// providers do not agree on that: minus_errno().
#ifndef WEFT_RDMA_VERBS_HPP
#define WEFT_RDMA_VERBS_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <sys/socket.h>

#include "weft/plugin.hpp"

namespace weft::rdma::verbs {

template <class T>
using Made = plugin::Made<T>;

// 0 or -errno.
constexpr int minus_errno(int result) { return result > 0 ? -result : result; }

// Soft-RoCE of Linux, where some of what a device says it can do is not to be used unasked.
constexpr std::uint32_t kVendorSoftRoce = 0xffffff;

// What a device can do, as it says; nothing here is clamped.
struct DeviceAttributes {
  std::string name;  // "rxe0"
  std::uint32_t vendor_id = 0;
  std::uint32_t max_work_requests = 0;  // of one queue
  std::uint32_t max_sge = 0;
  std::uint32_t max_sge_read = 0;     // of an RDMA READ; 0: as max_sge
  std::uint32_t max_completions = 0;  // of one completion queue
  std::uint32_t max_shared_receives = 0;
  std::uint32_t max_reads_in = 0;   // RDMA READs of a peer that we answer at a time (max_qp_rd_atom)
  std::uint32_t max_reads_out = 0;  // RDMA READs of ours to one peer at a time (max_qp_init_rd_atom)
  std::uint64_t max_message = 0;    // of one SEND, READ or WRITE; bytes
  std::uint64_t max_region = 0;     // bytes
  bool windows = false;  // memory windows of type 2B; whether any can be made, Device::makes_windows() finds out
  std::uint32_t completion_vectors = 1;
  bool iwarp = false;        // memory that an RDMA READ fills needs IBV_ACCESS_REMOTE_WRITE
  bool invalidates = false;  // SEND with invalidate, local invalidate
};

// Registered memory. Its keys are good until it is deleted.
class Region {
 public:
  virtual ~Region() = default;
  [[nodiscard]] virtual ibv_mr* handle() const = 0;  // for bind_info of a window
  [[nodiscard]] std::uint32_t lkey() const { return handle()->lkey; }
  [[nodiscard]] std::uint32_t rkey() const { return handle()->rkey; }
};

// A memory window of type 2: a key that IBV_WR_BIND_MW makes good for a part of a region, and IBV_WR_LOCAL_INV or a
// peer's SEND with invalidate makes bad again. handle()->rkey is the latest key: whoever binds writes ibv_inc_rkey() of
// it into the work request and, when the post succeeded, into handle()->rkey.
class Window {
 public:
  virtual ~Window() = default;
  [[nodiscard]] virtual ibv_mw* handle() const = 0;
};

// A descriptor that is readable when a completion queue that was armed has got a completion.
class CompletionChannel {
 public:
  virtual ~CompletionChannel() = default;
  [[nodiscard]] virtual int fd() const = 0;
  virtual void drain() = 0;  // takes and acknowledges what is there; never waits
};

class CompletionQueue {
 public:
  virtual ~CompletionQueue() = default;
  // Up to out.size() completions: how many, or -errno (the queue overran or the device is gone).
  virtual int poll(std::span<ibv_wc> out) = 0;
  // The channel hears of the next completion. What came before is not told: arm, then poll once more.
  virtual int arm() = 0;
};

// Receives that several queue pairs take from. A queue pair that fails flushes none of them; one that it was filling may
// never be told of. It goes after its queue pairs.
class SharedReceives {
 public:
  virtual ~SharedReceives() = default;
  // On an error some of the chain may have been taken: the queue is of no more use.
  virtual int post(ibv_recv_wr& chain) = 0;
};

struct QueuePairSizes {
  std::uint32_t sends = 0, receives = 0;  // work requests; receives 0 with shared ones
  std::uint32_t send_sge = 1, receive_sge = 1;
  std::uint32_t inline_bytes = 0;  // wanted; what is given may be less
};

class QueuePair {
 public:
  virtual ~QueuePair() = default;
  // On an error nothing, or the chain's first part, was taken: `failed` is the first request that was not.
  virtual int post_sends(ibv_send_wr& chain, ibv_send_wr*& failed) = 0;
  virtual int post_receives(ibv_recv_wr& chain, ibv_recv_wr*& failed) = 0;
  // Into the error state: everything posted, and whatever is posted from now on, completes as flushed.
  virtual int fail() = 0;
  [[nodiscard]] virtual std::uint32_t number() const = 0;
  [[nodiscard]] virtual std::uint32_t inline_bytes() const = 0;
};

// What a device tells by itself. It is a copy, acknowledged already: whatever it is about may be deleted meanwhile.
struct AsyncEvent {
  ibv_event_type type = IBV_EVENT_DEVICE_FATAL;
  std::uint32_t queue_pair = 0;                  // its number; 0: it is about none
  const CompletionQueue* completions = nullptr;  // to be compared, not to be used
  const SharedReceives* receives = nullptr;      // likewise
  std::uint32_t port = 0;
};

class Device {
 public:
  Device() = default;
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  [[nodiscard]] virtual const DeviceAttributes& attributes() const = 0;
  // Some devices say that they have memory windows, and no provider makes one. One is made to find out, once. Any thread.
  [[nodiscard]] bool makes_windows();
  // What memory needs that an RDMA READ of ours fills.
  [[nodiscard]] int read_sink_access() const {
    return IBV_ACCESS_LOCAL_WRITE | (attributes().iwarp ? IBV_ACCESS_REMOTE_WRITE : 0);
  }
  virtual Made<std::unique_ptr<CompletionChannel>> make_completion_channel() = 0;
  // `vector`: the interrupt that tells of its completions, taken modulo those that the device has.
  virtual Made<std::unique_ptr<CompletionQueue>> make_completion_queue(std::uint32_t entries, CompletionChannel&,
                                                                       std::uint32_t vector) = 0;
  virtual Made<std::unique_ptr<SharedReceives>> make_shared_receives(std::uint32_t entries, std::uint32_t sge) = 0;
  // access: IBV_ACCESS_*. ENOMEM most often means RLIMIT_MEMLOCK: the caller says so, with sizes.
  virtual Made<std::unique_ptr<Region>> register_memory(void* base, std::uint64_t length, int access) = 0;
  virtual Made<std::unique_ptr<Window>> make_window() = 0;
  // Readable when next_event() has something. Any thread; each event is given to one of those that ask.
  [[nodiscard]] virtual int event_fd() const = 0;
  [[nodiscard]] virtual bool next_event(AsyncEvent& out) = 0;  // false: nothing there; never waits

 private:
  enum class Probe : std::uint8_t { kUnknown, kMakes, kMakesNone };
  std::atomic<Probe> windows_ = Probe::kUnknown;
};

struct ConnectionParameters {
  std::span<const std::byte> private_data;
  std::uint8_t reads_in = 0;   // responder_resources
  std::uint8_t reads_out = 0;  // initiator_depth
  std::uint8_t retries = 7, rnr_retries = 7;
};

// What packets of a connection carry and how they are sent again; 0: as the system has it.
struct ConnectionTuning {
  std::uint8_t tos = 0;
  std::uint8_t ack_timeout = 0;  // exponent: 4.096 us times two to the power of it
};

class CmChannel;

// A connection of the connection manager, or a listener. Calls that take time end in an event on its channel.
class CmId {
 public:
  virtual ~CmId() = default;  // no event of it comes any more, not even one that its channel had already
  // `one_family`: "::" stands for IPv6 addresses alone.
  // Before anything else, or before accept().
  virtual Made<void> tune(const ConnectionTuning&) = 0;
  virtual Made<void> bind(const sockaddr& local, bool one_family) = 0;
  virtual Made<void> listen(int backlog) = 0;
  virtual Made<void> resolve_address(const sockaddr* source, const sockaddr& peer, int timeout_ms) = 0;
  virtual Made<void> resolve_route(int timeout_ms) = 0;
  // After the address was resolved, or on what a connect request brought. nullptr: bound to no device.
  [[nodiscard]] virtual Device* device() const = 0;
  // One completion queue for both directions; all_signalled false.
  virtual Made<std::unique_ptr<QueuePair>> make_queue_pair(CompletionQueue&, SharedReceives*,
                                                           const QueuePairSizes&) = 0;
  virtual Made<void> connect(const ConnectionParameters&) = 0;
  virtual Made<void> accept(const ConnectionParameters&) = 0;
  virtual Made<void> reject(std::span<const std::byte> private_data) = 0;
  virtual Made<void> disconnect() = 0;
  // Its events come from `channel` from now on. Only when every event taken of it was dealt with.
  virtual Made<void> migrate(CmChannel& channel) = 0;
  [[nodiscard]] virtual sockaddr_storage local() const = 0;
  [[nodiscard]] virtual sockaddr_storage peer() const = 0;
};

// An event, already acknowledged: everything in it is a copy.
struct CmEvent {
  rdma_cm_event_type type = RDMA_CM_EVENT_ADDR_RESOLVED;
  int status = 0;               // as librdmacm gives it: a negative errno, or a reject reason of the CM
  CmId* id = nullptr;           // whose it is; of a connect request the listener; nullptr: nobody's, see device
  Device* device = nullptr;     // a removal that is told whether or not somebody has an id there
  std::unique_ptr<CmId> fresh;  // of a connect request: the new connection
  std::uint8_t reads_in = 0;    // responder_resources: READs that the peer wants to have outstanding to us
  std::uint8_t reads_out = 0;   // initiator_depth: READs that we may have outstanding to the peer
  std::uint32_t private_length = 0;
  std::array<std::byte, 256> private_data;  // zero behind private_length

  [[nodiscard]] std::span<const std::byte> said() const { return {private_data.data(), private_length}; }
};

class CmChannel {
 public:
  virtual ~CmChannel() = default;
  [[nodiscard]] virtual int fd() const = 0;   // readable: next() has something
  virtual Made<bool> next(CmEvent& out) = 0;  // false: nothing there; never waits
  virtual Made<std::unique_ptr<CmId>> make_id() = 0;
};

// Where a device can be reached: for sentences ("devices: rxe0 192.0.2.1").
struct DeviceAddress {
  std::string device;
  std::vector<std::string> addresses;
};

class Library {
 public:
  virtual ~Library() = default;
  virtual Made<std::unique_ptr<CmChannel>> make_cm_channel() = 0;
  [[nodiscard]] virtual std::vector<Device*> devices() = 0;  // empty: none, or no driver
  [[nodiscard]] virtual std::vector<DeviceAddress> addresses() = 0;
  // The device is going away and nothing that was made of it is left: it is let go, so that the removal can end. It is
  // none of devices() any more, and its address is never given to another one.
  virtual void forget(Device& device) = 0;
};

// Memory windows of the machine's devices. kAuto: not those of soft-RoCE, which does local work again when a packet was
// lost, and whose kernel (6.12) does not survive that a window is invalidated twice.
enum class WindowUse : std::uint8_t { kAuto, kOn, kOff };

// The machine's own; a device whose windows are not to be used says that it has none. Fails with a sentence when RDMA cannot be
// used at all (no connection manager, no permission).
Made<std::unique_ptr<Library>> open_library(WindowUse windows);

}  // namespace weft::rdma::verbs

#endif

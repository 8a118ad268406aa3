// loopback_transport.hpp - a transport that joins a host and a controller in one process, for tests of what lies above.
//
//   LoopbackGuard loopback;                                     // clean before, and checks that nothing is left after
//   registry.add(loopback_transport(), "loopback");             // scheme "loop"; an address is any name: loop://here, 192.0.2.1@here
//   loopback_control().set_hold_responses(true);
//
// The whole C table in both roles. Data is copied straight between the two sides' memory. It is strict where a real
// transport would be silent: wrong use (a token released twice, a CID in use, a call after closed ...) fails the running
// test by ADD_FAILURE with a sentence, sqe and capsule bytes are overwritten once they are no longer borrowed, and live
// objects are counted.
// Thread rule: as the ABI says; behind it one mutex guards everything, so a test may use the control from any thread.
#ifndef WEFT_TESTS_SUPPORT_LOOPBACK_TRANSPORT_HPP
#define WEFT_TESTS_SUPPORT_LOOPBACK_TRANSPORT_HPP

#include <cstdint>
#include <optional>
#include <string>

#include "weft/transport_abi.h"

namespace weft::test {

[[nodiscard]] const weft_transport* loopback_transport();

// What on_ready tells, and what is taken. For queue pairs that become ready after the change.
struct LoopbackLimits {
  std::uint32_t caps =
      WEFT_CAP_SGL_IN_CAPSULE | WEFT_CAP_SGL_TRANSPORT;  // WEFT_CAP_IMPLIED_SUCCESS: folds when allowed
  std::uint32_t max_in_capsule = 8192;        // I/O queues; used up to what weft_qpair_params.in_capsule grants
  std::uint32_t max_in_capsule_admin = 8192;  // also for Fabrics commands on I/O queues
  std::uint32_t max_iov = 1024;
  std::uint32_t max_descriptors = 1;
  std::uint32_t max_depth = 65536;
  std::uint32_t data_alignment = 1;
  std::uint64_t max_transfer = 0;
  std::uint32_t max_io_depth = 0;
  bool contiguous_capsules = true;  // false: capsule_data is NULL, in-capsule data is got by receive_data too
};

// Objects and obligations that exist now. All zero when everything was closed and given back.
struct LoopbackCounts {
  std::uint64_t domains = 0, groups = 0, listeners = 0, pendings = 0, qpairs = 0, regions = 0;
  std::uint64_t tokens = 0;     // commands that the controller has not released
  std::uint64_t commands = 0;   // host commands without their on_response: their memory is borrowed
  std::uint64_t transfers = 0;  // receive_data and send_data without their on_data: their memory is borrowed
  friend bool operator==(const LoopbackCounts&, const LoopbackCounts&) = default;
};
[[nodiscard]] std::string to_string(const LoopbackCounts& counts);

// Where a connection is cut, as if the network had gone. Counted over all queue pairs of that qid.
enum class CutPoint : std::uint8_t {
  kAccept,       // both sides are told in place of on_ready
  kCommand,      // the command never reaches the controller
  kResponse,     // the response never reaches the host
  kReceiveData,  // after half of the data of one receive_data
  kSendData,     // after half of the data of one send_data
};

class LoopbackControl {
 public:
  virtual void set_limits(const LoopbackLimits& limits) = 0;
  // Responses (and the ones folded into data) wait until they are let go, in order.
  virtual void set_hold_responses(bool hold) = 0;
  virtual void release_responses(std::uint32_t count = UINT32_MAX) = 0;
  [[nodiscard]] virtual std::uint32_t held_responses() = 0;
  // receive_data and send_data wait until they are let go, in order.
  virtual void set_hold_data(bool hold) = 0;
  virtual void release_data(std::uint32_t count = UINT32_MAX) = 0;
  [[nodiscard]] virtual std::uint32_t held_data() = 0;
  // Connections that arrive wait, without on_connect, until false.
  virtual void set_hold_connects(bool hold) = 0;

  // Cuts the connection at the `after`-th event of that kind from now on (0: the next one) on queue `qid`; once.
  virtual void cut_at(CutPoint point, std::uint16_t qid, std::uint32_t after = 0) = 0;
  // Cuts all connections, or those of one qid, now: both sides get on_closed(-ECONNRESET, network).
  virtual void cut_now(std::optional<std::uint16_t> qid = std::nullopt) = 0;
  // The next call fails at once with this code and had no effect.
  virtual void fail_next_connect(int rc) = 0;
  virtual void fail_next_listen(int rc) = 0;
  virtual void fail_next_accept(int rc) = 0;
  virtual void fail_next_configure(int rc) = 0;
  // The next receive_data moves its bytes, then ends with this error and NVMe status (a data digest: -EBADMSG, 022h).
  virtual void fail_next_receive(std::int32_t error, std::uint16_t status) = 0;
  // The next data call reports so many bytes as moved, moves no more than those, and reports no error: a plugin's fault.
  virtual void misreport_next_data(std::uint64_t moved) = 0;
  // The host's on_response of the next command that send_data serves carries this error beside its CQE.
  virtual void fail_next_response(std::int32_t error) = 0;
  // The next command comes with this verdict of the transport's own checks.
  virtual void flag_next_command(std::uint16_t status, std::uint16_t error_offset) = 0;

  [[nodiscard]] virtual LoopbackCounts live() = 0;
  [[nodiscard]] virtual std::uint64_t commands_carried() = 0;  // since reset()
  virtual void reset() = 0;                                    // defaults; only when live() is all zero

 protected:
  ~LoopbackControl() = default;
};
[[nodiscard]] LoopbackControl& loopback_control();

// Resets the control, and at its end fails the test if anything is still alive.
class LoopbackGuard {
 public:
  LoopbackGuard();
  ~LoopbackGuard();
  LoopbackGuard(const LoopbackGuard&) = delete;
  LoopbackGuard& operator=(const LoopbackGuard&) = delete;
};

}  // namespace weft::test

#endif

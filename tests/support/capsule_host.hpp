// capsule_host.hpp - a host made of capsules, for tests of a controller: sends any submission queue entry over any
// transport's table, and keeps every completion.
//
//   CapsuleHost admin(reactor, transport, address);
//   ASSERT_TRUE(admin.open(0, 32));
//   const Reply reply = admin.call(wire::keep_alive());
//
// Nothing is checked or numbered on the way but the CID, which is drawn when the entry has none. Thread rule: the thread
// that runs the reactor; waiting functions run it.
#ifndef WEFT_TESTS_SUPPORT_CAPSULE_HOST_HPP
#define WEFT_TESTS_SUPPORT_CAPSULE_HOST_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/address.hpp"
#include "weft/fabrics.hpp"
#include "weft/nvme.hpp"
#include "weft/reactor.hpp"
#include "weft/transport.hpp"

namespace weft::test {

struct Reply {
  bool arrived = false;    // false: the wait ended without one
  std::int32_t error = 0;  // of the transport
  nvme::Cqe cqe;
  bool has_cqe = false;
  bool sqhd_valid = false;
  std::uint64_t moved = 0;

  [[nodiscard]] std::uint16_t code() const { return has_cqe ? cqe.status().code() : 0xFFFF; }  // SCT<<8|SC
  [[nodiscard]] bool ok() const { return has_cqe && code() == 0 && error == 0; }
  [[nodiscard]] bool dnr() const { return cqe.status().do_not_retry(); }
  [[nodiscard]] bool more() const { return (cqe.status().value() & NvmeStatus::kMore) != 0; }
  [[nodiscard]] std::uint64_t result() const { return cqe.result(); }
};

class CapsuleHost {
 public:
  CapsuleHost(Reactor& reactor, Transport& transport, Address address);
  ~CapsuleHost();  // closes, and waits for its end
  CapsuleHost(const CapsuleHost&) = delete;
  CapsuleHost& operator=(const CapsuleHost&) = delete;

  // False: the connection was refused; closed_error() says how.
  [[nodiscard]] bool open(std::uint16_t qid, std::uint32_t depth, std::uint32_t in_capsule = 8192);
  // Sends; the CID. `out` is copied, `in` is borrowed until the reply.
  std::uint16_t send(nvme::Sqe sqe, std::span<const std::byte> out = {}, std::span<std::byte> in = {});
  [[nodiscard]] Reply wait(std::uint16_t cid);
  [[nodiscard]] Reply call(const nvme::Sqe& sqe, std::span<const std::byte> out = {}, std::span<std::byte> in = {}) {
    return wait(send(sqe, out, in));
  }
  [[nodiscard]] std::optional<Reply> reply(std::uint16_t cid) const;                // if it is there
  [[nodiscard]] const std::vector<std::uint16_t>& order() const { return order_; }  // CIDs as they were answered
  [[nodiscard]] bool wait_closed();
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const weft_error& closed_error() const { return closed_error_; }
  void close(std::uint32_t flags = 0);
  // Turns the reactor until done() or five seconds have passed.
  [[nodiscard]] bool run(const std::function<bool()>& done);

  // Connect, with names and identifiers that a test may change.
  struct Names {
    std::string subnqn;
    std::string hostnqn = "nqn.2026-01.org.example:host-a";
    std::array<std::uint8_t, 16> hostid{1, 2, 3};
  };
  [[nodiscard]] static fabrics::ConnectData connect_data(const Names& names, std::uint16_t cntlid);
  Reply connect(const Names& names, std::uint16_t qid, std::uint32_t entries, std::uint16_t cntlid = 0xFFFF,
                std::uint32_t kato_ms = 0, bool no_flow_control = false);

 private:
  static const weft_qpair_events kEvents;

  Reactor& reactor_;
  Transport& transport_;
  Address address_;
  weft_qpair* handle_ = nullptr;
  bool ready_ = false, closed_ = false;
  weft_error closed_error_{};
  std::uint16_t next_cid_ = 0;
  std::uint32_t depth_ = 0;
  std::map<std::uint16_t, Reply> replies_;
  std::map<std::uint16_t, std::vector<std::byte>> outstanding_;  // with what they send
  std::vector<std::uint16_t> order_;
};

}  // namespace weft::test

#endif

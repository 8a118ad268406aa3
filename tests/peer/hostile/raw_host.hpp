// raw_host.hpp - a host made of a socket and PDUs: one connection of it, and an association of an admin and an I/O queue.
//
//   RawAssociation host;
//   ASSERT_TRUE(host.open({.port = served.port}));
//   host.io.send(RawPdu(...));  host.io.receive();
//
// Thread rule: one thread. Every call waits at most kPatience.
#ifndef WEFT_TESTS_PEER_HOSTILE_RAW_HOST_HPP
#define WEFT_TESTS_PEER_HOSTILE_RAW_HOST_HPP

#include <cstdint>
#include <optional>
#include <string>

#include "tests/peer/hostile/raw_socket.hpp"

namespace weft::hostile {

inline constexpr char kHostNqn[] = "nqn.2026-01.org.example:raw";

// How a command ended.
struct Answer {
  std::uint16_t cid = 0;
  std::uint16_t status = 0;  // SCT<<8 | SC, without phase, retry and More bits
  std::uint64_t result = 0;
  Bytes cqe{};   // all 16 bytes
  Bytes data{};  // what came before it
};

struct ConnectPlan {
  std::string port;
  std::string subnqn = "nqn.2026-01.org.example:session";
  std::string hostnqn = kHostNqn;
  Digests digests{};
  std::uint16_t entries = 32;
  std::uint32_t maxr2t = 0;  // 0's based, as on the wire
  const char* from = nullptr;
  int receive_buffer = 0;  // 0: the kernel's choice
};

Sqe connect_command(std::uint16_t qid, std::uint16_t entries);
Bytes connect_data(std::uint16_t cntlid, const std::string& subnqn, const std::string& hostnqn);
Sqe property_set(std::uint16_t cid, std::uint32_t offset, std::uint32_t value);
Sqe property_get(std::uint16_t cid, std::uint32_t offset, bool eight_bytes);

class RawHost {
 public:
  [[nodiscard]] bool shake_hands(const ConnectPlan& plan);  // TCP, ICReq, ICResp
  [[nodiscard]] std::optional<Answer> call(const Sqe& sqe, const Bytes& data = {});
  bool send(const RawPdu& pdu) { return socket.send(pdu); }
  [[nodiscard]] std::optional<Answer> answer();  // the next one
  [[nodiscard]] std::optional<ReceivedPdu> receive() { return socket.receive(); }
  // A command with its data in the capsule, if it has any, as this connection wants it.
  [[nodiscard]] RawPdu capsule(const Sqe& sqe, const Bytes& data = {}) const { return {sqe, digests, data}; }

  RawSocket socket;
  Digests digests;
  std::uint32_t max_h2c_data = 0;
};

class RawAssociation {
 public:
  [[nodiscard]] bool open(const ConnectPlan& plan);  // everything
  [[nodiscard]] bool open_admin(const ConnectPlan& plan);
  [[nodiscard]] bool enable();
  [[nodiscard]] bool open_io(const ConnectPlan& plan);

  RawHost admin, io;
  std::uint16_t cntlid = 0;
};

}  // namespace weft::hostile

#endif

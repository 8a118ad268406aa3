// raw_controller.hpp - a controller made of a socket and PDUs: as much of one as a host needs to become ready, then whatever the
// test sends.
//
// Thread rule: one thread; the host under test has its own. Every call waits at most kPatience.
#ifndef WEFT_TESTS_PEER_HOSTILE_RAW_CONTROLLER_HPP
#define WEFT_TESTS_PEER_HOSTILE_RAW_CONTROLLER_HPP

#include <optional>
#include <string>

#include "tests/peer/hostile/raw_socket.hpp"

namespace weft::hostile {

class RawController {
 public:
  [[nodiscard]] std::string url(const std::string& options) const;
  [[nodiscard]] bool take_ic_req();             // accepts, and reads ICReq
  bool give_ic_resp();                          // with the digests that were asked for
  [[nodiscard]] bool serve_until_identified();  // from Connect, which has not been read, to Identify Controller
  [[nodiscard]] bool serve_until_queues_are_asked_for();  // ... to Set Features Number of Queues: one is granted
  [[nodiscard]] std::optional<ReceivedPdu> command();     // the next CapsuleCmd
  bool respond(std::uint16_t cid, std::uint64_t result = 0, std::uint16_t status = 0, std::uint16_t head = 0);
  [[nodiscard]] RawPdu response(std::uint16_t cid, std::uint64_t result, std::uint16_t status,
                                std::uint16_t head) const;

  RawSocket socket;
  Digests digests;
  bool withholds_data = false;  // Identify succeeds, and no data comes
  std::uint8_t response_flags = 0;
  std::uint16_t connect_sqhd = 0xffff, sqhd = 0;  // of what serve_until_identified() answers

 private:
  bool serve(const ReceivedPdu& command, bool& identified, bool& asked);
  RawListener listener_;
};

// Of a CapsuleCmd.
inline std::uint16_t cid_of(const ReceivedPdu& command) { return command.u16(10); }

}  // namespace weft::hostile

#endif

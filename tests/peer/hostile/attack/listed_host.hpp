// listed_host.hpp - the host that means well while others attack: one I/O at a time, small and large, read and written in turn.
//
// Thread rule: one thread. An I/O that is not answered in kPatience ends the run.
#ifndef WEFT_TESTS_PEER_HOSTILE_ATTACK_LISTED_HOST_HPP
#define WEFT_TESTS_PEER_HOSTILE_ATTACK_LISTED_HOST_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/peer/hostile/raw_host.hpp"

namespace weft::hostile {

class ListedHost {
 public:
  using Duration = std::chrono::steady_clock::duration;

  struct Measured {
    std::uint64_t completed = 0;
    Duration longest{};
    Duration p99{};
    bool failed = false;  // an I/O failed, or was not answered
  };

  [[nodiscard]] bool open(const std::string& port, const std::string& subnqn, const std::string& hostnqn);
  // As many as it completes: 4 KiB and 128 KiB, reads and writes.
  [[nodiscard]] Measured run(Duration time);
  // Reads of 4 KiB, each due `interval` after the one before. Late ones make the next ones late.
  [[nodiscard]] Measured run_paced(std::size_t count, Duration interval);

 private:
  bool read(std::uint32_t blocks);
  bool write(std::uint32_t blocks);
  bool send_data(const ReceivedPdu& r2t, const Bytes& data);

  RawAssociation host_;
  std::uint16_t cid_ = 0;
};

}  // namespace weft::hostile

#endif

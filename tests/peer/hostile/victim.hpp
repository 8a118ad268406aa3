// victim.hpp - a host under test, its calls on threads of their own, and the controller of sockets and PDUs that it trusts.
//
// Thread rule: the test's thread. The destructor takes the controller away first, so that nothing waits for it.
#ifndef WEFT_TESTS_PEER_HOSTILE_VICTIM_HPP
#define WEFT_TESTS_PEER_HOSTILE_VICTIM_HPP

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/peer/hostile/raw_controller.hpp"
#include "tests/peer/hostile/rows.hpp"
#include "weft/blocking.hpp"

namespace weft::hostile {

inline constexpr std::uint32_t kLength = 16384;  // of the command that is outstanding: more than goes into a capsule
inline constexpr std::uint16_t kTag = 5;

struct Victim {
  explicit Victim(TransportRegistry& known) : registry(known) {}
  ~Victim() {
    raw.socket.close();
    if (called.valid()) called.wait();
  }

  // Admin queue only.
  void connect(const std::string& options, const std::string& timeout = "20s") {
    connected = std::async(std::launch::async, [this, url = raw.url("&timeout=" + timeout + options)] {
      auto address = *Address::parse(url);
      HostOptions admin_only = *take_host_options(address);
      admin_only.queues = 0;
      return BlockingHost::connect(registry, address, admin_only);
    });
  }
  void call(DataDirection direction) {
    called = std::async(std::launch::async, [this, direction] {
      PassthroughRequest request;
      request.sqe.opcode = direction == DataDirection::kOut ? 0xc1 : 0xc2;
      request.direction = direction;
      const weft_iov iov{memory.data(), memory.size(), nullptr};
      request.iov = &iov;
      request.iov_count = 1;
      return host->passthrough(request);
    });
  }

  TransportRegistry& registry;
  RawController raw;
  std::future<Result<std::unique_ptr<BlockingHost>>> connected;
  std::unique_ptr<BlockingHost> host;
  std::future<Completion> called;
  std::vector<std::byte> memory = std::vector<std::byte>(kLength);
  Spot spot;
  Bytes before;  // sent in one piece with what comes next
};

}  // namespace weft::hostile

#endif

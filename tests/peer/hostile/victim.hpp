// victim.hpp - a host under test, its calls on threads of their own, and the controller of sockets and PDUs that it trusts.
//
// Thread rule: the test's thread. The destructor takes the controller away first, so that nothing waits for it.
#ifndef WEFT_TESTS_PEER_HOSTILE_VICTIM_HPP
#define WEFT_TESTS_PEER_HOSTILE_VICTIM_HPP

#include <gtest/gtest.h>

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
  // How far the controller has served it: ICReq is answered next, or Connect, or nothing, or a command of kLength.
  enum class Stage : std::uint8_t { kHello, kConnecting, kIdle, kWriting, kReading };

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

  // After connect(). For ASSERT_NO_FATAL_FAILURE.
  void serve_up_to(Stage stage) {
    ASSERT_TRUE(raw.take_ic_req());
    if (stage == Stage::kHello) return;
    raw.give_ic_resp();
    if (stage == Stage::kConnecting) return take_command(0);
    ASSERT_TRUE(raw.serve_until_identified());
    auto made = connected.get();
    ASSERT_TRUE(made) << made.error().text;
    host = std::move(*made);
    if (stage == Stage::kIdle) return;
    call(stage == Stage::kWriting ? DataDirection::kOut : DataDirection::kIn);
    take_command(kLength);
  }

  TransportRegistry& registry;
  RawController raw;
  std::future<Result<std::unique_ptr<BlockingHost>>> connected;
  std::unique_ptr<BlockingHost> host;
  std::future<Completion> called;
  std::vector<std::byte> memory = std::vector<std::byte>(kLength);
  Spot spot;
  Bytes before;  // sent in one piece with what comes next

 private:
  void take_command(std::uint32_t length) {
    const auto command = raw.command();
    ASSERT_TRUE(command);
    spot = {.cid = cid_of(*command), .tag = kTag, .offset = 0, .length = length};
  }
};

}  // namespace weft::hostile

#endif

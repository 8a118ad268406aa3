// attack.hpp - what a hostile client does: a kind of command, how far its connections go before, and how many there are.
//
//   hold: sends its commands, receives nothing, and keeps what that holds. flood: receives answers and sends anew at once.
//
// Everything is bounded: by --seconds (an alarm ends the process whatever it waits for), by --connections and --commands.
// Thread rule: one thread.
#ifndef WEFT_TESTS_PEER_HOSTILE_ATTACK_ATTACK_HPP
#define WEFT_TESTS_PEER_HOSTILE_ATTACK_ATTACK_HPP

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/peer/hostile/raw_host.hpp"

namespace weft::hostile {

enum class Level : std::uint8_t {
  kSocket,  // TCP
  kHello,   // ICReq, ICResp
  kAdmin,   // and Connect of an admin queue
  kIo,      // and its controller enabled, and I/O queues
};

// What is sent once a connection is as far as its level says.
struct Kind {
  std::string_view name;
  Level level;
  Sqe (*command)(std::uint16_t cid);  // null: none
  std::uint32_t in_capsule = 0;       // bytes of data behind it
  void (*fill)(std::span<std::uint8_t> data) = nullptr;
  std::uint32_t held_back = 0;  // so many bytes at the end of each PDU are not sent; one command then
  Type type = kCapsuleCmd;
};

[[nodiscard]] std::span<const Kind> kinds();
[[nodiscard]] const Kind* find_kind(std::string_view name);  // null: none of that name
// The PDU of one command, without what is held back.
[[nodiscard]] Bytes pdu_of(const Kind& kind, std::uint16_t cid);

struct AttackPlan {
  std::string port;
  std::string subnqn = "nqn.2014-08.org.nvmexpress.discovery";
  std::vector<std::string> machines{"127.0.0.2"};  // connection i comes from machine i modulo their number
  std::vector<std::string> names;                  // HOSTNQNs in the same way; none: each connection invents one
  std::uint32_t connections = 8;                   // associations, or connections of levels below kAdmin
  std::uint32_t queues = 1;                        // I/O queues of each
  std::uint32_t commands = 31;                     // on each queue
  std::uint32_t rate = 0;  // of a flood: commands a second, all connections together; 0: no bound
  std::uint32_t seconds = 30;
  std::uint32_t dribble_ms = 0;  // of a hold: so often, each connection sends and receives one byte; 0: never
  bool renew = false;            // a connection that was closed is opened anew
};

// One association, or what there is of it.
struct Attacker {
  RawHost admin;
  std::vector<RawHost> io;

  [[nodiscard]] std::span<RawHost> victims_of(Level level) {
    return level == Level::kIo ? std::span<RawHost>(io) : std::span<RawHost>(&admin, 1);
  }
};

// Opens number `index` of the plan; false: it was refused, or nobody answers.
[[nodiscard]] bool open_attacker(const AttackPlan& plan, const Kind& kind, std::uint32_t index, Attacker& into);

// Each prints "ready OPENED of CONNECTIONS" once all are open, and from then on what has become of them, every 100 ms:
// "here N done M", the connections that are there and the commands that a flood has sent, or the Connects of a storm. Each returns when the time is over or nobody
// is there any more.
void hold(const AttackPlan& plan, const Kind& kind);
void flood(const AttackPlan& plan, const Kind& kind);
// Admin connections that come, Connect, and go, as fast as it goes.
void storm(const AttackPlan& plan);
// Tells that, at most every 100 ms.
class Account {
 public:
  void tell(std::size_t here, std::uint64_t done);

 private:
  std::chrono::steady_clock::time_point told_{};
};

// What a flood is compared with: a socket that takes PDUs, answers each at once and does nothing. Prints its port.
void bare();

}  // namespace weft::hostile

#endif

// attacked_target.hpp - `weft serve` with default limits, a host on its allow list, and what it completes while attackers are at it.
//
//   const auto attack = attack_with({"hold", "reads", "--subnqn", kDisk, ...});
//   while_attacked(attack)
//
// Thread rule: one thread. Target, attackers and bare socket are processes of their own, which the destructor ends.
#ifndef WEFT_TESTS_PEER_HOSTILE_ATTACK_ATTACKED_TARGET_HPP
#define WEFT_TESTS_PEER_HOSTILE_ATTACK_ATTACKED_TARGET_HPP

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/peer/hostile/attack/listed_host.hpp"
#include "tests/support/child_process.hpp"

namespace weft::hostile {

inline constexpr char kDisk[] =
    "nqn.2026-01.org.example:disk";  // lists kListed, kLate and nqn.2026-01.org.example:m0 to m7
inline constexpr char kOpen[] = "nqn.2026-01.org.example:open";  // any host may connect
inline constexpr char kListed[] = "nqn.2026-01.org.example:listed";
inline constexpr char kLate[] = "nqn.2026-01.org.example:late";

// Sanitizers and missing optimisation make everything slower than the bars suppose.
#ifdef WEFT_SLOW_BUILD
inline constexpr bool kSlowBuild = true;
#else
inline constexpr bool kSlowBuild = false;
#endif
inline constexpr std::chrono::seconds kLongest{kSlowBuild ? 10 : 1};  // of an I/O of the listed host

// Arguments of hostile_client but for --port: words with blanks between.
using Attack = std::string;

class AttackedTarget : public testing::Test {
 protected:
  void SetUp() override;

  // In place, or this is no test: at least one of its connections was let in, unless it is to be refused.
  [[nodiscard]] std::unique_ptr<ChildProcess> begin(const Attack& attack, const std::string& port);
  [[nodiscard]] std::unique_ptr<ChildProcess> begin(const Attack& attack) { return begin(attack, port_); }
  [[nodiscard]] ListedHost listed(const char* name = kListed);
  // SIGTERM ends the target in time, with exit code 0.
  void ends_when_told();

  std::unique_ptr<ChildProcess> target_;
  std::string port_;
};

}  // namespace weft::hostile

#endif

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
inline constexpr char kFile[] = "nqn.2026-01.org.example:file";  // as kDisk, in a file
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

// Attackers at work. What they say of themselves is how a test knows that its attack took place.
class Attackers {
 public:
  // Begins the attack; expects that half of the connections that it asks for come in. (A storm asks for none.)
  Attackers(const Attack& attack, const std::string& port);
  // Expects that at least half of those that came in are there now, or so many.
  void expect_here() { expect_here(opened_ / 2); }
  void expect_here(std::uint32_t least);
  // Expects that a flood sent so many commands at least, or a storm connected so often.
  void expect_done(std::uint64_t least);

 private:
  void listen();

  const Attack attack_;
  std::unique_ptr<ChildProcess> process_;
  std::uint32_t opened_ = 0;
  std::uint64_t here_ = 0, done_ = 0;  // as told last
};

class AttackedTarget : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] std::unique_ptr<Attackers> begin(const Attack& attack) {
    return std::make_unique<Attackers>(attack, port_);
  }
  [[nodiscard]] ListedHost listed(const char* name = kListed, const char* disk = kDisk);
  // SIGTERM ends the target in time, with exit code 0.
  void ends_when_told();

  std::unique_ptr<ChildProcess> target_;
  std::string port_;

 private:
  std::string file_;
};

}  // namespace weft::hostile

#endif

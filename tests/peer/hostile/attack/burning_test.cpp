// Attackers that burn time. What they cost a listed host that reads at a steady rate is at most twice what the same commands
// cost it when they are thrown at a socket that answers each at once and does nothing. Times are compared in the optimised build only: in others the host goes on. Then the attackers leave, and SIGTERM is
// obeyed at once, whatever they have asked for.

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>

#include "tests/peer/hostile/attack/attacked_target.hpp"

namespace weft::hostile {
namespace {

constexpr std::chrono::microseconds kInterval{500};
constexpr std::size_t kSamples = 800;
constexpr std::size_t kFewestPairs = 3;
constexpr std::size_t kMostPairs = 15;  // where the machine is noisy; a target that is too slow is so in all of them
constexpr double kMost = 2.0;
constexpr std::uint64_t kFewestCommands = 10;  // an attack of fewer is none

struct Burning {
  const char* name;
  Attack attack;
};

double microseconds(ListedHost::Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

class AttackersThatBurn : public AttackedTarget, public testing::WithParamInterface<Burning> {
 protected:
  // Who serves has a processor, who asks another one, as if they were two machines. Else the kernel puts the host that is woken
  // behind the thread that answered it, which sleeps at once only if it has nothing else to do.
  void SetUp() override {
    run_on(0);
    AttackedTarget::SetUp();
    bare_ = std::make_unique<ChildProcess>(std::vector<std::string>{WEFT_HOSTILE_CLIENT, "bare"});
    run_on(1);
    const auto line = bare_->read_line();
    ASSERT_TRUE(line);
    bare_port_ = *line;
  }
  // For ASSERT_NO_FATAL_FAILURE.
  void goes_on(ListedHost& host) {
    const auto attackers = begin(GetParam().attack);
    const auto measured = host.run(std::chrono::seconds(1));
    attackers->expect_here();
    attackers->expect_done(kFewestCommands);
    ASSERT_FALSE(measured.failed) << measured.completed << " I/Os, and one that failed or was not answered";
    EXPECT_LE(measured.longest, kLongest);
  }
  void measure(ListedHost& host, const std::string& port, double& p99) {
    Attackers attackers(GetParam().attack + " --polite", port);
    const auto measured = host.run_paced(kSamples, kInterval);
    ASSERT_FALSE(measured.failed) << measured.completed << " reads, and one that failed or was not answered";
    p99 = microseconds(measured.p99);
    if (port != port_) return;
    attackers.expect_here();
    attackers.expect_done(kFewestCommands);
  }
  // One time in which the machine does something else for 5 ms makes ten reads late, on either side: the least of each is compared.
  void compare(ListedHost& host) {
    double bare = 0, ours = 0;
    for (std::size_t pairs = 0; pairs < kFewestPairs || (ratio() > kMost && pairs < kMostPairs); ++pairs) {
      ASSERT_NO_FATAL_FAILURE(measure(host, bare_port_, bare));
      ASSERT_NO_FATAL_FAILURE(measure(host, port_, ours));
      fmt::print("p99 with the attack at a bare socket {:.0f} us, at the target {:.0f} us\n", bare, ours);
      least_bare_ = std::min(least_bare_, bare);
      least_ours_ = std::min(least_ours_, ours);
    }
    RecordProperty("ratio", fmt::format("{:.2f}", ratio()));
    EXPECT_LE(ratio(), kMost);
  }
  [[nodiscard]] double ratio() const { return least_ours_ / least_bare_; }

  static void run_on(std::size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    static_cast<void>(sched_setaffinity(0, sizeof set, &set));  // fails where there is no such processor
  }

  std::unique_ptr<ChildProcess> bare_;
  std::string bare_port_;
  double least_bare_ = HUGE_VAL, least_ours_ = HUGE_VAL;
};

TEST_P(AttackersThatBurn, CostAListedHostAtMostTwiceWhatABareSocketCosts) {
  ListedHost host = listed();
  ASSERT_NO_FATAL_FAILURE(goes_on(host));
  if (!kSlowBuild) {
    ASSERT_NO_FATAL_FAILURE(compare(host));
  }
  host = ListedHost();
  ends_when_told();
}

std::string admitted(const std::string& rest) { return rest + " --subnqn " + kOpen; }

std::vector<Burning> burnings() {
  return {
      {"Datasets", admitted("flood datasets --connections 4 --rate 1000")},
      {"Verifies", admitted("flood verifies --connections 4 --rate 1000")},
      // Their relatives.
      {"VerifiesOfMany", admitted("flood verifies --connections 200 --rate 5000")},
      {"WriteZeroes", admitted("flood write-zeroes --connections 4 --rate 5000")},
      {"WriteUncorrectables", admitted("flood write-uncorrectables --connections 4")},
      {"SpreadUncorrectables", admitted("flood spread-uncorrectables --connections 4 --commands 1023")},
      {"CapsuleWrites", admitted("flood capsule-writes --connections 8")},
      {"CapsuleCompares", admitted("flood capsule-compares --connections 8")},
      {"Flushes", admitted("flood flushes --connections 8")},
      {"OutOfRange", admitted("flood out-of-range --connections 8")},
      {"Aborts", admitted("flood aborts --connections 8")},
      {"UnknownCommands", admitted("flood unknown-commands --connections 8")},
      {"IdentifyLists", admitted("flood identify-lists --connections 8")},
      {"IdentifyDescriptors", admitted("flood identify-descriptors --connections 8")},
      {"ErrorLogPages", admitted("flood error-log-pages --connections 8")},
      {"SmartLogPages", admitted("flood smart-log-pages --connections 8")},
      {"KeepAlives", admitted("flood keep-alives --connections 8")},
      {"Features", admitted("flood features --connections 8")},
      {"Properties", admitted("flood properties --connections 8")},
      {"Identify", "flood identify --connections 8"},
      {"ShortLogPages", "flood short-log-pages --connections 8"},
      {"Connects", "storm --connections 1"},
  };
}

INSTANTIATE_TEST_SUITE_P(Attack, AttackersThatBurn, testing::ValuesIn(burnings()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace weft::hostile

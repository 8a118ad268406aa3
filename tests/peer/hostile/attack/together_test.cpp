// All attackers at once: the target obeys SIGTERM in time while they go on, and holds no more memory than its limits add up to.

#include <fmt/format.h>

#include <vector>

#include "tests/peer/hostile/attack/attacked_target.hpp"
#include "tests/support/process_counts.hpp"

namespace weft::hostile {
namespace {

class AttackersTogether : public AttackedTarget {
 protected:
  // To the subsystem that admits any host unless it is discovery; each kind from a machine of its own.
  void begin_all(const std::vector<std::string>& to_open, const std::vector<std::string>& to_discovery) {
    int machine = 1;
    const auto from_next = [&] { return fmt::format(" --machine 127.0.2.{}", machine++); };
    for (const std::string& one : to_open) attackers_.push_back(begin(one + " --subnqn " + kOpen + from_next()));
    for (const std::string& one : to_discovery) attackers_.push_back(begin(one + from_next()));
  }
  std::vector<std::unique_ptr<Attackers>> attackers_;
};

TEST_F(AttackersTogether, DoNotKeepATargetFromEnding) {
  begin_all(
      {"hold fused-firsts --connections 4 --commands 1", "hold reads --connections 8", "hold writes --connections 8",
       "flood datasets --connections 2 --rate 200", "flood verifies --connections 2 --rate 200",
       "flood spread-uncorrectables --connections 2 --commands 255", "flood capsule-writes --connections 2"},
      {"hold connect-without-data --connections 100 --commands 1", "hold log-pages --connections 16",
       "flood identify --connections 2", "hold silence --connections 100"});
  for (const auto& attackers : attackers_) attackers->expect_here();
  ends_when_told();
}

}  // namespace
}  // namespace weft::hostile

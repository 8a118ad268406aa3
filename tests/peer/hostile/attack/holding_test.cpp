// Attackers that hold memory, connections and controllers, with default limits and as many as these let in. A listed host goes
// on: at least a quarter of what it completes alone, no I/O longer than a second, and another one comes in.

#include <fmt/format.h>

#include <cstdlib>

#include "tests/peer/hostile/attack/attacked_target.hpp"

namespace weft::hostile {
namespace {

constexpr double kLeast = kSlowBuild ? 0.1 : 0.25;
constexpr std::chrono::milliseconds kWindow{400};
constexpr int kMostTries = 4;  // where the machine is busy with something else

struct Holding {
  const char* name;
  Attack attack;
  const char* disk = kDisk;  // the listed host's
  std::uint32_t least = 0;   // connections that are there after the measurement; 0: half of those that came in
};

class AttackersThatHold : public AttackedTarget, public testing::WithParamInterface<Holding> {
 protected:
  struct Seen {
    double ratio = 0;
    bool too_long = false;
    [[nodiscard]] bool good() const { return ratio >= kLeast && !too_long; }
  };

  // Alone and attacked, one after the other. For ASSERT_NO_FATAL_FAILURE.
  void compare(ListedHost& host, Seen& seen) {
    const auto alone = host.run(kWindow);
    ASSERT_FALSE(alone.failed);
    const auto attackers = begin(GetParam().attack);
    const auto attacked = host.run(2 * kWindow);
    ASSERT_FALSE(attacked.failed) << attacked.completed << " I/Os, and one that failed or was not answered";
    if (GetParam().least == 0) attackers->expect_here();
    if (GetParam().least != 0) attackers->expect_here(GetParam().least);
    seen.ratio = static_cast<double>(attacked.completed) / 2 / static_cast<double>(alone.completed);
    seen.too_long = attacked.longest > kLongest;
    const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(attacked.longest).count();
    fmt::print("{} I/Os alone, {} attacked in twice the time, the longest {} ms\n", alone.completed, attacked.completed,
               longest);
    ListedHost late;
    ASSERT_TRUE(late.open(port_, GetParam().disk, kLate)) << "another listed host does not come in";
    EXPECT_FALSE(late.run(kWindow / 8).failed);
  }
};

TEST_P(AttackersThatHold, LeaveAListedHostAQuarterAndLetAnotherIn) {
  ListedHost host = listed(kListed, GetParam().disk);
  Seen seen;
  for (int tries = 0; tries < kMostTries && !seen.good(); ++tries) ASSERT_NO_FATAL_FAILURE(compare(host, seen));
  EXPECT_GE(seen.ratio, kLeast);
  EXPECT_FALSE(seen.too_long);
  host = ListedHost();
  ends_when_told();
}

std::string machines(int count) {
  std::string all = " --machine";
  for (int i = 0; i < count; ++i) all += fmt::format(" 127.0.1.{}", i + 1);
  return all;
}
std::string names(int count, const char* of) {
  std::string all = " --name";
  for (int i = 0; i < count; ++i) all += fmt::format(" nqn.2026-01.org.example:{}{}", of, i);
  return all;
}
std::string listed_names(const std::string& rest) { return rest + " --subnqn " + kDisk + names(8, "m"); }
std::string of_file(const std::string& rest) { return rest + " --subnqn " + kFile + names(8, "m"); }
std::string any_names(const std::string& rest) { return rest + " --subnqn " + kOpen; }

std::vector<Holding> holdings() {
  const std::string disk = std::string(" --subnqn ") + kDisk;
  std::vector<Holding> all = {
      {"LogPages", "hold log-pages --connections 7 --renew"},
      {"LogPagesOfManyMachines", "hold log-pages --connections 256 --renew" + machines(8)},
      {"ReadsOfListedNames", listed_names("hold reads --connections 7")},
      {"ReadsOfManyQueues", listed_names("hold reads --connections 32 --queues 4 --commands 127")},
      {"ReadsOfManyMachines", any_names("hold reads --connections 128" + machines(8))},
      {"ReadsOneByteAtATime", listed_names("hold reads --connections 16 --dribble 100")},
      {"TinyReads", listed_names("hold tiny-reads --connections 8 --queues 4 --commands 127")},
      {"WritesOfListedNames", listed_names("hold writes --connections 8")},
      {"WritesOfManyMachines", any_names("hold writes --connections 128" + machines(8))},
      {"WritesOneByteAtATime", listed_names("hold writes --connections 16 --dribble 100")},
      {"ComparesWithoutData", listed_names("hold compares --connections 16")},
      {"DiscoveryControllers", "hold controllers --connections 1024" + names(5, "invented")},
      {"ControllersOfListedNames", listed_names("hold controllers --connections 1100")},
      {"ControllersOfManyNames", any_names("hold controllers --connections 1100" + machines(4))},
      {"ReadsOfItsOwnName", "hold reads --connections 8" + disk + " --name " + kListed},
      {"IdentifyUnread", "hold identify --connections 64" + machines(4)},
      {"EventRequests", "hold events --connections 200"},
      {"TinyWrites", listed_names("hold tiny-writes --connections 16 --queues 4 --commands 127")},
      {"DatasetsWithoutData", listed_names("hold datasets-without-data --connections 16")},
      {"DatasetsInCapsules", any_names("hold datasets --connections 16 --queues 4 --commands 1000" + machines(16))},
      {"HalfCapsules", listed_names("hold half-capsules --connections 256")},
      {"FusedFirsts", listed_names("hold fused-firsts --connections 16 --commands 1")},
      {"Queues", listed_names("hold queues --connections 8 --queues 100 --commands 1023")},
      {"QueuesOfManyMachines", any_names("hold queues --connections 16 --queues 40 --commands 1023" + machines(4))},
      {"Silence", "hold silence --connections 600 --renew"},
      {"SilenceOfThousandsOfMachines", "hold silence --connections 9000 --renew --machines 9000", kDisk, 1000},
      {"HalfAHello", "hold half-hello --connections 600"},
      {"Hello", "hold hello --connections 600"},
      {"ConnectWithoutData", "hold connect-without-data --connections 1024 --commands 1" + machines(4)},
      {"HalfAConnect", "hold half-connect --connections 1024" + machines(4)},
      // Of a file: those that hold its requests and buffers, and ranges that are deallocated there.
      {"ReadsOfAFile", of_file("hold reads --connections 16"), kFile},
      {"WritesToAFile", of_file("hold writes --connections 16"), kFile},
      {"DatasetsOfAFile", of_file("flood datasets --connections 8 --rate 200"), kFile},
  };
  if (std::getenv("WEFT_TEST_ALL") != nullptr) {
    const std::vector<Holding> longer = {
        {"ControllersOfItsOwnName", "hold controllers --connections 300" + disk + " --name " + kLate},
        {"SilenceOfManyMachines", "hold silence --connections 9000" + machines(18)},
    };
    all.insert(all.end(), longer.begin(), longer.end());
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Attack, AttackersThatHold, testing::ValuesIn(holdings()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace weft::hostile

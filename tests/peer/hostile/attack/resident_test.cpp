// What the limits add up to (docs/cli.md, "The configuration file"): an attacked target's resident memory stays within it.
#include <fmt/format.h>

#include <algorithm>

#include "tests/peer/hostile/attack/attacked_target.hpp"
#include "tests/support/process_counts.hpp"

namespace weft::hostile {
namespace {

constexpr std::uint64_t kKi = 1024, kMi = kKi * kKi;
constexpr std::uint64_t kThread = (64 + 2 + 8) * kMi;  // data_memory, admin data and iov arrays, rxmem
constexpr std::uint64_t kEntries = 1024 * kKi;         // max_queue_entries
constexpr std::uint64_t kProgram = 20 * kMi;
// Freed memory that the allocator and the sanitizers keep.
// The address sanitizer keeps up to 256 MiB of what was freed.
constexpr std::uint64_t kSlack = kSlowBuild ? 320 * kMi : 16 * kMi;

struct Row {
  const char* name;
  std::uint64_t associations, queues, commands;  // commands: of each queue
  std::string attack;
};

std::string listed_names() {
  std::string all = std::string(" --subnqn ") + kDisk + " --name";
  for (int i = 0; i < 8; ++i) all += fmt::format(" nqn.2026-01.org.example:m{}", i);
  return all;
}

class Resident : public AttackedTarget, public testing::WithParamInterface<Row> {};

TEST_P(Resident, MemoryStaysWithinWhatTheLimitsAddUpTo) {
  const Row& row = GetParam();
  const std::uint64_t connections = row.associations * (1 + row.queues);
  const std::uint64_t entries = row.associations * row.queues * (row.commands + 1);
  const std::uint64_t bound = kProgram + kThread + connections * 48 * kKi + std::min(entries, kEntries) * kKi +
                              row.associations * 48 * kKi + kSlack;
  const auto attackers = begin(fmt::format("{} --connections {} --queues {} --commands {}", row.attack,
                                           row.associations, std::max<std::uint64_t>(row.queues, 1), row.commands));
  ListedHost host = listed();
  std::uint64_t most = 0;
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(host.run(std::chrono::milliseconds(200)).failed);
    most = std::max(most, resident_bytes(target_->pid()));
  }
  attackers->expect_here();
  fmt::print("{} KiB of at most {} KiB\n", most / kKi, bound / kKi);
  EXPECT_LE(most, bound);
  host = ListedHost();
  ends_when_told();
}

INSTANTIATE_TEST_SUITE_P(Attack, Resident,
                         testing::Values(Row{"LogPages", 400, 0, 31, "hold log-pages"},
                                         Row{"Reads", 64, 4, 127, "hold reads" + listed_names()},
                                         Row{"Writes", 64, 4, 127, "hold writes" + listed_names()},
                                         Row{"WritesByteByByte", 64, 2, 31,
                                             "hold writes --dribble 20" + listed_names()},
                                         Row{"DeepQueues", 8, 16, 1023, "hold tiny-writes" + listed_names()},
                                         Row{"HalfCapsules", 200, 1, 31, "hold half-capsules" + listed_names()},
                                         Row{"Controllers", 800, 0, 1, "hold controllers"}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace weft::hostile

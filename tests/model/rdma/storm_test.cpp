// Short runs from seeds: several queue pairs, commands of all kinds and sizes, devices of all kinds, and the order in
// which hardware does things. A run that fails prints its seed; WEFT_RDMA_SEED runs that one alone.
#include <cstdlib>
#include <set>

#include "queues.hpp"

namespace weft::rdma::model {
namespace {

constexpr std::uint16_t kDepth = 8;
constexpr std::size_t kCommands = 60;      // of one run
constexpr std::size_t kArea = 128u << 10;  // of the controller's memory, for each CID
constexpr std::size_t kSizes[] = {0, 1, 512, 4096, 4097, 16384, 65536, 131072};

Traits random_traits(Fabric& dice) {
  Traits traits;
  traits.attributes.windows = dice.random(3) != 0;
  traits.attributes.invalidates = dice.random(3) != 0;
  if (dice.random(3) == 0) traits.attributes.max_message = 4096;
  if (dice.random(4) == 0) traits.attributes.max_sge = 2;
  if (dice.random(3) == 0) traits.attributes.max_reads_in = 1 + static_cast<std::uint32_t>(dice.random(3));
  if (dice.random(3) == 0) traits.max_inline = 0;
  traits.keeps_completions = dice.random(2) == 0;
  return traits;
}

// One host queue with its own part of a controller's memory: it writes, and reads back what it wrote last.
class Client {
 public:
  Client(World& world, bool registered, std::uint32_t in_capsule, std::uint16_t descriptors)
      : world_(world), host(world, Where(), params(kDepth, false, in_capsule, descriptors)) {
    for (auto& buffer : buffers_) buffer = std::make_unique<Buffer>(world, world.host_domain, kArea, registered);
  }

  // False: every CID is in use.
  bool start(std::uint64_t number) {
    for (std::uint16_t cid = 0; cid < kDepth; ++cid) {
      if (busy_.contains(cid)) continue;
      Slot& slot = slots_[cid];
      Buffer& buffer = *buffers_[cid];
      const std::size_t pieces = 1 + world_.fabric.random(host.limits->max_iov > 3 ? 3 : 1);
      slot.reads = !slot.written.empty() && world_.fabric.random(2) == 0;
      slot.length = slot.reads ? slot.written.size() : kSizes[world_.fabric.random(std::size(kSizes))];
      const std::uint32_t where = cid * static_cast<std::uint32_t>(kArea);
      if (slot.reads) {
        std::ranges::fill(buffer.bytes, std::byte{0});
        take(host.read(cid, where, buffer, slot.length, pieces));
      } else if (slot.length == 0) {
        take(host.send(core_sqe(kFlush, cid)));
      } else {
        slot.written = pattern(slot.length, number);
        std::ranges::copy(slot.written, buffer.bytes.begin());
        take(host.write(cid, where, buffer, slot.length, pieces));
      }
      busy_.insert(cid);
      return true;
    }
    return false;
  }

  // Looks at every command that has ended.
  std::size_t finish() {
    std::size_t ended = 0;
    for (auto at = busy_.begin(); at != busy_.end();) {
      const std::uint16_t cid = *at;
      if (!host.answered(cid)) {
        ++at;
        continue;
      }
      check(cid);
      ++ended;
      at = busy_.erase(at);
    }
    return ended;
  }

  [[nodiscard]] bool idle() const { return busy_.empty(); }

 private:
  struct Slot {
    Bytes written;
    std::size_t length = 0;
    bool reads = false;
  };
  // -ENOTCONN: on_closed says why, soon.
  static void take(int result) { EXPECT_TRUE(result == 0 || result == -ENOTCONN) << result; }
  void check(std::uint16_t cid) {
    const Slot& slot = slots_[cid];
    const HostQueue::Response& answer = host.responses[cid];
    EXPECT_EQ(answer.error, 0);
    ASSERT_TRUE(answer.cqe);
    EXPECT_EQ(status_of(*answer.cqe), 0);
    EXPECT_EQ(answer.moved, slot.length);
    if (!slot.reads) return;
    EXPECT_TRUE(std::ranges::equal(slot.written, std::span(buffers_[cid]->bytes).first(slot.length)));
  }
  World& world_;
  std::array<std::unique_ptr<Buffer>, kDepth> buffers_;
  std::array<Slot, kDepth> slots_;
  std::set<std::uint16_t> busy_;

 public:
  HostQueue host;
};

std::string ends_of(const Server& server) {
  std::string all;
  for (const auto& queue : server.queues) all += queue->closed ? " " + queue->closed->text : " lives";
  return all;
}

void run(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Fabric dice(seed * 7919);
  Setting setting{.seed = seed, .host = random_traits(dice), .controller = random_traits(dice)};
  const std::uint64_t one_message = setting.controller.attributes.max_message - kSqeSize;
  // A controller that takes lists of descriptors offers no more than 4 KiB in capsules.
  const std::uint16_t descriptors = dice.random(2) == 0 ? 1 : 16;
  setting.options.in_capsule = descriptors == 1 ? 16384 : 4096;
  const auto in_capsule = static_cast<std::uint32_t>(std::min<std::uint64_t>(
      {std::array{0u, 4096u, 16384u}[dice.random(3)], setting.options.in_capsule, one_message}));
  setting.options.srq = std::array{ShareReceives::kOff, ShareReceives::kOn}[dice.random(2)];
  if (dice.random(2) == 0) setting.lockable = 1;  // rings of a few receives
  setting.controller.half_filled =
      std::array{HalfFilled::kNone, HalfFilled::kLost, HalfFilled::kFlushed}[dice.random(3)];
  const bool scarce = setting.options.srq == ShareReceives::kOn && setting.lockable == 1;
  World world(setting);
  Server server(world, params(kDepth, false, in_capsule, descriptors));
  server.registered = dice.random(2) == 0;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::uint64_t i = 0; i <= dice.random(3); ++i)
    clients.push_back(std::make_unique<Client>(world, dice.random(2) == 0, in_capsule, descriptors));
  for (const auto& client : clients) {
    world.run_until([&] { return client->host.limits || client->host.closed; });
    ASSERT_TRUE(client->host.limits) << client->host.closed->text;
  }
  std::size_t started = 0, ended = 0;
  world.run_until([&] {
    for (const auto& client : clients) {
      if (client->host.closed) {
        ADD_FAILURE() << client->host.closed->text << "; the controllers:" << ends_of(server);
        return true;
      }
      ended += client->finish();
      if (started < kCommands && dice.random(2) == 0 && client->start(started + 1)) ++started;
    }
    return started == kCommands && std::ranges::all_of(clients, [](const auto& client) { return client->idle(); });
  });
  for (const auto& queue : server.queues) EXPECT_THAT(queue->data_errors, testing::IsEmpty());
  EXPECT_EQ(world.controller.record.counts.rnr, 0u) << "hosts have a receive for each command";
  EXPECT_TRUE(scarce || world.host.record.counts.rnr == 0) << "both kept to their queues";
  EXPECT_EQ(ended, kCommands);
}

class StormTest : public testing::TestWithParam<int> {};

TEST_P(StormTest, EverythingComesBackAsItWas) {
  if (const char* only = std::getenv("WEFT_RDMA_SEED"); only != nullptr) return run(std::strtoull(only, nullptr, 10));
  constexpr int kRuns = 25;
  for (int i = 0; i < kRuns && !HasFailure(); ++i) run(static_cast<std::uint64_t>(GetParam() * kRuns + i + 1));
}

INSTANTIATE_TEST_SUITE_P(Seeds, StormTest, testing::Range(0, 10));

}  // namespace
}  // namespace weft::rdma::model

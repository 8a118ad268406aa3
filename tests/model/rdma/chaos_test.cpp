// Everything at once, from seeds: hosts that come and go on devices of all kinds, with little memory or enough, while calls
// fail, devices and the network go and come back, and either side closes. Data is for storm_test; here each operation ends
// once, on_closed comes last, no device meets a fault, and every device that went is let go.
#include <cstdlib>
#include <utility>

#include "queues.hpp"

namespace weft::rdma::model {
namespace {

constexpr std::uint16_t kDepth = 8;
constexpr std::size_t kArea = 128u << 10;
constexpr int kTurns = 400;
constexpr std::size_t kMostHosts = 6;

template <class T, std::size_t N>
T one_of(Fabric& dice, const std::array<T, N>& all) {
  return all[dice.random(N)];
}

Traits random_traits(Fabric& dice) {
  Traits traits;
  traits.attributes.windows = dice.random(3) != 0;
  traits.attributes.invalidates = dice.random(3) != 0;
  traits.invalidate_fails = dice.random(8) == 0;
  if (dice.random(3) == 0) traits.attributes.max_message = 4096;
  if (dice.random(4) == 0) traits.attributes.max_sge = 2;
  if (dice.random(4) == 0) traits.attributes.max_completions = 256;
  if (dice.random(3) == 0) traits.attributes.max_reads_in = 1;
  if (dice.random(3) == 0) traits.max_inline = 0;
  if (dice.random(4) == 0)
    traits.max_locked = one_of(dice, std::array<std::uint64_t, 3>{300u << 10, 1u << 20, 9u << 20});
  traits.keeps_completions = dice.random(2) == 0;
  traits.half_filled = one_of(dice, std::array{HalfFilled::kNone, HalfFilled::kLost, HalfFilled::kFlushed});
  return traits;
}

Setting random_setting(std::uint64_t seed, Fabric& dice) {
  Setting setting{.seed = seed, .host = random_traits(dice), .controller = random_traits(dice)};
  setting.host.max_locked = UINT64_MAX;  // of a test's own buffers, too
  setting.options.srq = one_of(dice, std::array{ShareReceives::kOff, ShareReceives::kAuto, ShareReceives::kOn});
  setting.options.in_capsule = one_of(dice, std::array{0u, 4096u, 16384u});
  setting.options.staging = one_of(dice, std::array<std::uint64_t, 3>{0, 64u << 10, 1u << 20});
  setting.lockable = one_of(dice, std::array<std::uint64_t, 3>{1, 8u << 20, UINT64_MAX});
  return setting;
}

// `registers`: it is the test that registers memory on this machine.
void let_calls_fail(Machine& machine, Fabric& dice, bool registers) {
  for (std::uint64_t left = dice.random(4); left != 0; --left) {
    auto call = static_cast<Call>(dice.random(kCalls));
    if (call == Call::kMakeCmChannel || (call == Call::kRegister && registers)) call = Call::kPostSend;
    machine.script.fail(call, 1 + dice.random(60), one_of(dice, std::array{EIO, ENOMEM, EINVAL, EAGAIN}),
                        1 + dice.random(2));
  }
}

class Chaos {
 public:
  Chaos(std::uint64_t seed, Fabric& dice)
      : dice_(dice), setting_(random_setting(seed, dice)), world_(setting_), server_(world_, of_queues()) {
    world_.time_passes = true;
    world_.forgives = true;  // what was posted on a device that went silent is lost
    server_.registered = setting_.controller.max_locked == UINT64_MAX && dice.random(2) == 0;
    server_.keep = dice.random(2) == 0;
    for (const bool registered : {true, false})
      buffers_.push_back(std::make_unique<Buffer>(world_, world_.host_domain, kArea, registered));
    let_calls_fail(world_.host, dice, false);
    let_calls_fail(world_.controller, dice, server_.registered);
  }
  void run() {
    for (int i = 0; i < kTurns; ++i) {
      world_.turn();
      something();
    }
    end();
  }

 private:
  struct Client {
    std::unique_ptr<HostQueue> host;
    std::array<bool, kDepth> sent{};
  };

  weft_qpair_params of_queues() {
    return params(kDepth, false, setting_.options.in_capsule, setting_.options.in_capsule == 4096 ? 16 : 1);
  }
  void something() {
    switch (dice_.random(64)) {
      case 0:
      case 1:
      case 2:
        return add_host();
      case 3:
        if (!clients_.empty()) clients_[dice_.random(clients_.size())].host->closed ? void() : close_host();
        return;
      case 4:
        return close_controller();
      case 5:
        return replace(dice_.random(2) == 0 ? world_.host : world_.controller);
      case 6:
        world_.fabric.cut = dice_.random(4) == 0;
        return;
      case 7:
        return world_.advance(dice_.random(3'000'000'000));
      case 8:
      case 9:
      case 10:
        return take_pending();
      default:
        return send();
    }
  }
  void add_host() {
    std::erase_if(clients_, [](const Client& client) { return client.host->rc != 0 || client.host->closed; });
    if (clients_.size() < kMostHosts)
      clients_.push_back({.host = std::make_unique<HostQueue>(world_, where_, of_queues())});
  }
  void close_host() {
    HostQueue& host = *clients_[dice_.random(clients_.size())].host;
    if (host.rc != 0 || host.closed) return;
    const bool flushes = dice_.random(2) == 0;
    host.close(flushes ? WEFT_CLOSE_FLUSH : 0, flushes ? world_.now + 1'000'000'000 : 0);
  }
  void close_controller() {
    if (server_.queues.empty()) return;
    const ControllerQueue& queue = *server_.queues[dice_.random(server_.queues.size())];
    if (queue.rc == 0 && !queue.closed) queue.close();
  }
  // The device goes, and another one comes with its address.
  void replace(Machine& machine) {
    if (replaced_ == 4) return;
    ++replaced_;
    const bool host = &machine == &world_.host;
    Device& device = *machine.devices().back();
    device.remove(
        one_of(dice_, std::array{Device::Removal::kLingers, Device::Removal::kFlushes, Device::Removal::kSilent}));
    machine.add_device(host ? setting_.host : setting_.controller, {host ? kHostAddress : kControllerAddress});
  }
  void take_pending() {
    if (server_.pendings.empty()) return;
    weft_pending* const pending = server_.pendings.back();
    server_.pendings.pop_back();
    if (dice_.random(6) == 0) return world_.table.reject(pending, WEFT_REJECT_RESOURCES);
    server_.queues.push_back(std::make_unique<ControllerQueue>(world_, pending, of_queues(), server_.registered));
    ControllerQueue& queue = *server_.queues.back();
    if (dice_.random(3) == 0) queue.piece = 5000;
    if (dice_.random(6) == 0) queue.on_command = [](std::uint64_t) {};  // it keeps them
  }
  void send() {
    if (clients_.empty()) return;
    Client& client = clients_[dice_.random(clients_.size())];
    HostQueue& host = *client.host;
    if (!host.limits || host.closed) return;
    const auto cid = static_cast<std::uint16_t>(dice_.random(kDepth));
    if (client.sent[cid] && !host.answered(cid)) return;
    Buffer& buffer = *buffers_[dice_.random(buffers_.size())];
    const std::size_t most = std::min<std::size_t>(kArea, host.limits->max_transfer);
    const std::size_t length =
        std::min(most, one_of(dice_, std::array<std::size_t, 5>{512, 4096, 20000, 65536, kArea}));
    const std::size_t pieces = 1 + dice_.random(3);
    int result = 0;
    switch (dice_.random(3)) {
      case 0:
        result = host.send(core_sqe(kFlush, cid));
        break;
      case 1:
        result = host.write(cid, 0, buffer, length, pieces);
        break;
      default:
        result = host.read(cid, 0, buffer, length, pieces);
    }
    EXPECT_TRUE(result == 0 || result == -ENOTCONN) << result;
    client.sent[cid] = result == 0;
  }
  void end() {
    world_.fabric.cut = false;
    while (!server_.pendings.empty()) take_pending();
    server_.keep = false;
    for (const Client& client : clients_)
      if (client.host->rc == 0 && !client.host->closed) client.host->close();
    clients_.clear();  // each waits for its end
    for (const auto& queue : server_.queues)
      if (queue->rc == 0 && !queue->closed) queue->close();
    world_.run_until([&] { return server_.all_over(); }, "the controllers' ends");
    server_.queues.clear();
    world_.settle();
    for (const Machine* machine : {&world_.host, &world_.controller}) {
      EXPECT_THAT(machine->record.faults(), testing::IsEmpty()) << machine->name();
      EXPECT_EQ(machine->record.alive(Kind::kQueuePair), 0u) << machine->name();
      for (const auto& device : machine->devices()) EXPECT_EQ(device->removed(), device->forgotten) << machine->name();
    }
  }

  Fabric& dice_;
  const Setting setting_;
  World world_;
  const Where where_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  Server server_;
  std::vector<Client> clients_;
  int replaced_ = 0;
};

void run(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Fabric dice(seed * 7907);
  Chaos(seed, dice).run();
}

class ChaosTest : public testing::TestWithParam<int> {};

TEST_P(ChaosTest, EverythingEndsOnceAndNothingIsLeft) {
  if (const char* only = std::getenv("WEFT_RDMA_SEED"); only != nullptr) return run(std::strtoull(only, nullptr, 10));
  constexpr int kRuns = 25;
  for (int i = 0; i < kRuns && !HasFailure(); ++i) run(static_cast<std::uint64_t>(GetParam() * kRuns + i + 1));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChaosTest, testing::Range(0, 8));

}  // namespace
}  // namespace weft::rdma::model

#include "world.hpp"

#include "plugins/rdma/domain.hpp"

extern "C" const weft_transport* weft_transport_v1();

namespace weft::rdma::model {
namespace {

constexpr int kIdleTurns = 60;
constexpr std::uint64_t kMostOfATurn = 200'000, kTick = 250'000'000;  // ns

}  // namespace

World::World(const Setting& setting)
    : fabric(setting.seed),
      host(fabric.add_machine("host")),
      controller(fabric.add_machine("controller")),
      table(*weft_transport_v1()) {
  host.add_device(setting.host, {kHostAddress, "2001:db8::1"});
  controller.add_device(setting.controller, {kControllerAddress, "2001:db8::2"});
  fabric.observer = &watch;
  services_.size = sizeof services_;
  services_.abi_minor = WEFT_ABI_MINOR;
  services_.ctx = this;
  services_.log = &World::log;
  services_.now_ns = &World::now_ns;
  services_.resolve = &World::resolve;
  services_.resolve_cancel = &World::resolve_cancel;
  host_domain =
      reinterpret_cast<weft_domain*>(new Domain(services_, setting.options, host.make_library(), setting.lockable));
  controller_domain = reinterpret_cast<weft_domain*>(
      new Domain(services_, setting.options, controller.make_library(), setting.lockable));
  host_group = open_group(host_domain);
  controller_group = open_group(controller_domain);
}

World::~World() {
  each_turn.clear();
  table.group_close(host_group);
  table.group_close(controller_group);
  table.domain_close(host_domain);
  table.domain_close(controller_domain);
  for (const Machine* machine : {&host, &controller}) {
    EXPECT_EQ(machine->record.left(), "") << machine->name() << ", seed " << fabric.seed();
    if (forgives) continue;
    EXPECT_THAT(machine->record.faults(), testing::IsEmpty()) << machine->name() << ", seed " << fabric.seed();
    EXPECT_EQ(machine->record.counts.lost, 0u) << machine->name() << ", seed " << fabric.seed();
    EXPECT_EQ(machine->record.counts.refused, 0u) << machine->name() << ", seed " << fabric.seed();
  }
}

weft_group* World::open_group(weft_domain* domain) const {
  weft_error error{};
  error.size = sizeof error;
  weft_group* group = nullptr;
  EXPECT_EQ(table.group_open(domain, &group, &error), 0) << error.text;
  return group;
}

void World::turn() {
  now += fabric.random(kMostOfATurn);
  events_ += fabric.steps(fabric.random(4));
  for (const auto& step : each_turn) step();
  for (const auto& [user, answer] : std::exchange(asked_, {})) answer();
  weft_group* groups[] = {host_group, controller_group};
  if (fabric.random(2) == 1) std::swap(groups[0], groups[1]);
  for (weft_group* group : groups) {
    // As a thread does that is about to sleep.
    int fd = -1;
    std::uint64_t deadline = 0;
    if (group != nullptr && fabric.random(4) == 0) static_cast<void>(table.group_arm(group, &fd, &deadline));
    const int events = group == nullptr ? 0 : table.group_poll(group, 32);
    EXPECT_GE(events, 0);
    events_ += static_cast<std::uint64_t>(std::max(events, 0));
  }
}

void World::run_until(const std::function<bool()>& done, const char* what) {
  int idle = 0;
  for (int turns = 0; turns < 200000 && !done(); ++turns) {
    const std::uint64_t before = events_;
    turn();
    if (events_ != before) {
      idle = 0;
    } else if (++idle > kIdleTurns) {
      if (!time_passes && !done()) break;
      idle = 0;
      fabric.pass_time();
      now += kTick;
    }
  }
  if (!done()) FAIL() << what << " did not come, seed " << fabric.seed() << "\n" << logged_text();
}

void World::settle() {
  for (int idle = 0; idle < kIdleTurns; ++idle) {
    const std::uint64_t before = events_;
    turn();
    if (events_ != before) idle = 0;
  }
}

std::string World::logged_text() const {
  std::string all;
  for (const std::string& line : logged) all += line + "\n";
  return all;
}

void World::log(void* ctx, std::uint32_t level, const char* text) {
  auto& world = *static_cast<World*>(ctx);
  const auto guard = world.fabric.lock();
  world.logged.emplace_back(text);
  if (level <= WEFT_LOG_WARNING) world.warned.emplace_back(text);
}

// Every address of these tests is a number: the transport asks for no name.
// Answered in the next turn.
int World::resolve(void* ctx, weft_group*, const char* host, const char*, void* user,
                   void (*done)(void*, std::int32_t, const void*, std::uint32_t)) {
  auto& world = *static_cast<World*>(ctx);
  const auto found = world.names.find(host);
  if (found == world.names.end()) return -ENOSYS;
  world.asked_.emplace(user, [addresses = found->second, user, done] {
    done(user, 0, addresses.data(), static_cast<std::uint32_t>(addresses.size() * sizeof(sockaddr_in)));
  });
  return 0;
}

}  // namespace weft::rdma::model

// Threads: each with a group of its own on one domain, memory that any of them registers, and pendings that are accepted
// on another thread than the listener's. For the thread sanitizer as much as for what it asserts.
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "queues.hpp"

namespace weft::rdma::model {
namespace {

constexpr std::uint16_t kDepth = 8;
constexpr int kConnections = 3, kCommands = 8;  // of each host's thread

// Pendings on their way to the second controller thread.
class Handover {
 public:
  void give(weft_pending* pending) {
    const std::lock_guard lock(mutex_);
    pendings_.push_back(pending);
  }
  weft_pending* take() {
    const std::lock_guard lock(mutex_);
    if (pendings_.empty()) return nullptr;
    weft_pending* pending = pendings_.front();
    pendings_.pop_front();
    return pending;
  }

 private:
  std::mutex mutex_;
  std::deque<weft_pending*> pendings_;
};

struct Shared {
  explicit Shared(const Setting& setting) : world(setting) {}
  World world;
  Handover handover;
  std::atomic<int> hosts_left{2};
  std::atomic<bool> listens{false};
};

void poll(const World& world, weft_group* group) {
  const int events = world.table.group_poll(group, 32);
  EXPECT_GE(events, 0);
  if (events == 0) std::this_thread::yield();
}

void host_thread(Shared& shared) {
  World& world = shared.world;
  weft_group* group = world.open_group(world.host_domain);
  const auto run_until = [&](const auto& done) {
    while (!done()) poll(world, group);
  };
  run_until([&] { return shared.listens.load(); });
  for (int i = 0; i < kConnections; ++i) {
    Buffer buffer(world, world.host_domain, 16384, i % 2 == 0);
    HostQueue host(world, Where(), params(kDepth, false, 4096), group);
    run_until([&] { return host.limits || host.closed; });
    for (std::uint16_t k = 0; k < kCommands && !host.closed; ++k) {
      const std::uint16_t cid = k % kDepth;
      EXPECT_EQ(k % 2 == 0 ? host.write(cid, 0, buffer, 16384) : host.read(cid, 0, buffer, 16384), 0);
      run_until([&] { return host.answered(cid); });
      EXPECT_EQ(host.responses[cid].error, 0);
    }
    if (!host.closed) host.close();
    run_until([&] { return host.closed.has_value(); });
    EXPECT_EQ(host.closed->code, 0) << host.closed->text;
  }
  world.table.group_close(group);
  --shared.hosts_left;
}

// Polls until the hosts are done and every queue pair of this thread has ended.
void serve(Shared& shared, weft_group* group, std::deque<ControllerQueue>& queues, const auto& each_turn) {
  const auto over = [](const ControllerQueue& queue) { return queue.rc != 0 || queue.closed; };
  while (shared.hosts_left != 0 || !std::ranges::all_of(queues, over)) {
    poll(shared.world, group);
    each_turn();
  }
}

void second_controller_thread(Shared& shared) {
  weft_group* group = shared.world.open_group(shared.world.controller_domain);
  {
    std::deque<ControllerQueue> queues;
    serve(shared, group, queues, [&] {
      while (weft_pending* pending = shared.handover.take())
        queues.emplace_back(shared.world, pending, params(kDepth, false, 4096), true, group);
    });
  }
  shared.world.table.group_close(group);
}

struct Accepting {
  Shared& shared;
  weft_group* group;
  std::deque<ControllerQueue> queues;
  std::uint64_t asked = 0;
  bool closed = false;
};

const weft_listener_events kEvents = {
    .size = sizeof(weft_listener_events),
    .reserved = 0,
    .on_connect =
        [](void* ctx, weft_pending* pending, const weft_connect_info*) {
          auto& mine = *static_cast<Accepting*>(ctx);
          if (++mine.asked % 2 == 0) return mine.shared.handover.give(pending);
          mine.queues.emplace_back(mine.shared.world, pending, params(kDepth, false, 4096), false, mine.group);
        },
    .on_closed = [](void* ctx, const weft_error*) { static_cast<Accepting*>(ctx)->closed = true; },
};

void first_controller_thread(Shared& shared) {
  World& world = shared.world;
  weft_group* group = world.open_group(world.controller_domain);
  {
    Accepting accepting{.shared = shared, .group = group, .queues = {}};
    const Where where;
    weft_listener* listener = nullptr;
    weft_error error{};
    error.size = sizeof error;
    EXPECT_EQ(world.table.listen(group, where.get(), &kEvents, &accepting, &listener, &error), 0) << error.text;
    shared.listens = true;
    serve(shared, group, accepting.queues, [] {});
    world.table.unlisten(listener);
    while (!accepting.closed) poll(world, group);
  }
  world.table.group_close(group);
}

void serve_and_ask(ShareReceives srq) {
  Shared shared({.host = {}, .controller = {}, .options = {.srq = srq}, .lockable = 1});
  std::atomic<bool> over{false};
  std::jthread network([&] {
    while (!over) {
      if (shared.world.fabric.steps(8) == 0) std::this_thread::yield();
      shared.world.now += 20'000;
    }
  });
  {
    std::jthread first([&] { first_controller_thread(shared); }), second([&] { second_controller_thread(shared); });
    std::jthread one([&] { host_thread(shared); }), other([&] { host_thread(shared); });
  }
  over = true;
  network.join();
  EXPECT_GE(shared.world.watch.commands, std::uint64_t{2} * kConnections * kCommands);
}

TEST(Threads, ServeAndAskAtTheSameTime) { serve_and_ask(ShareReceives::kOff); }
TEST(Threads, ShareReceivesWithinEachThreadAlone) { serve_and_ask(ShareReceives::kOn); }

}  // namespace
}  // namespace weft::rdma::model

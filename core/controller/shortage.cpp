#include "core/controller/shortage.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/controller/queue.hpp"
#include "core/controller/shares.hpp"
#include "core/controller/worker.hpp"

namespace weft::controller {
namespace {

constexpr Nanoseconds kTick = 100'000'000;
constexpr std::uint32_t kPatience = 2;  // ticks that a claim waits before anything is taken back for it
// Nothing of the queue pair has moved for so long. A bad link may be silent for 2 s, and that is to end no connection.
constexpr Nanoseconds kToCancel = 500'000'000;
constexpr Nanoseconds kToEnd = 3'000'000'000;
constexpr Nanoseconds kSlow = 5'000'000'000;  // something has, but not this
constexpr std::uint32_t kMostEnded = 64;      // in a tick
constexpr std::size_t kMostLookedAt = 4096;
constexpr Nanoseconds kBetweenSentences = 10'000'000'000;
constexpr std::size_t kMostWaiting = 4;  // claims for which something is taken back in a tick

bool wants_some(Share& share) { return share.linked(); }

}  // namespace

Shortage::Shortage(Worker& worker) : worker_(worker) {}

void Shortage::begin() {
  Reactor& reactor = worker_.reactor();
  if (!timer_) timer_.emplace(reactor, [](void* ctx) { static_cast<Shortage*>(ctx)->tick(); }, this);
  if (!timer_->armed()) timer_->set(reactor.now() + kTick);
}

void Shortage::tick() {
  left_ = kMostEnded;
  worker_.resources().tick();
  worker_.admin_memory().tick();
  judge(worker_.resources(), &HostShares::io);
  judge(worker_.admin_memory(), &HostShares::admin);
  if (worker_.resources().short_of_memory() || worker_.admin_memory().short_of_memory()) begin();
}

// Listed hosts first, then those of machines that hold least.
void Shortage::judge(Resources& resources, Part part) {
  struct Waiting {
    const Share* share;
    MemoryKind kind;
    std::uint64_t wanted;
  };
  std::vector<Waiting> all;
  resources.each_waiting(kPatience, [&](const Share& share, const Claim& claim) {
    if (all.size() >= kMostLookedAt) return;
    for (const MemoryKind kind : {kBudget, kChunks, kShortIov, kLongIov}) {
      if (resources.lacks(claim, share, kind)) all.push_back({&share, kind, Resources::wanted(claim, kind, resources)});
    }
  });
  const std::size_t first = std::min(all.size(), kMostWaiting);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                    [](const Waiting& a, const Waiting& b) {
                      const MachineShare &of_a = a.share->machine, &of_b = b.share->machine;
                      if (of_a.listed != of_b.listed) return of_a.listed;
                      return of_a.held[a.kind] < of_b.held[b.kind];
                    });
  all.resize(first);
  std::array<Machines, kMemoryKinds> known;
  for (const auto& [share, kind, wanted] : all) {
    if (left_ == 0) return;
    if (known[kind].empty()) known[kind] = machines(resources, part, kind);
    take_back(resources, part, kind, holders(known[kind], part, kind, *share, wanted), wanted);
  }
}

// Whoever brings this about may do it often: one sentence for all of them, now and then.
void Shortage::end(Queue& queue) {
  ++ended_;
  const Nanoseconds now = worker_.reactor().now();
  const bool say = now >= say_at_;
  queue.end_for_memory(say ? std::exchange(ended_, 0) : 0);
  if (say) say_at_ = now + kBetweenSentences;
}

void Shortage::take_back(Resources& resources, Part part, MemoryKind kind, const std::vector<Holder>& from,
                         std::uint64_t wanted) {
  std::uint64_t freed = 0;
  for (const Holder& holder : from) {
    for (Queue* const queue : holder.host->queues) {
      while (queue->is_open() && left_ != 0 && freed < wanted) {
        const std::uint64_t got = take_from(*queue, part, kind, resources);
        if (got == 0) break;
        --left_;
        freed += got;
      }
    }
    if (left_ == 0 || freed >= wanted) return;
  }
}

// Those that hold or want some, and what each may have.
Shortage::Machines Shortage::machines(const Resources& resources, Part part, MemoryKind kind) {
  Machines all;
  worker_.share_table().for_each([&](HostShares& host) {
    Share& share = host.*part;
    if (share.held[kind] != 0 || wants_some(share)) ++all[&share.machine].names;
  });
  for (auto& [machine, facts] : all)
    facts.share = machine_share(kOfMemory, resources.total_for(kind, *machine), all.size());
  return all;
}

// Those over their share, the worst first. None when who waits is over its own.
std::vector<Shortage::Holder> Shortage::holders(const Machines& machines, Part part, MemoryKind kind,
                                                const Share& waiting, std::uint64_t wanted) {
  const auto name_may_have = [](const Machine& machine) { return name_share(kOfMemory, machine.share, machine.names); };
  const std::uint64_t held = waiting.held[kind];
  if (held != 0 && held + wanted > name_may_have(machines.at(&waiting.machine))) return {};
  std::vector<Holder> found;
  worker_.share_table().for_each([&](HostShares& host) {
    const Share& share = host.*part;
    const auto it = machines.find(&share.machine);
    if (share.held[kind] == 0 || it == machines.end()) return;  // or it came by some in this tick
    const Machine& machine = it->second;
    const std::uint64_t by_machine = share.machine.held[kind], by_name = name_may_have(machine);
    const bool machine_is_over = by_machine > machine.share;
    if (share.held[kind] <= by_name || !(machine_is_over || &share.machine == &waiting.machine)) return;
    found.push_back({&host, machine_is_over ? by_machine - machine.share : 0, share.held[kind] - by_name});
  });
  std::sort(found.begin(), found.end(), [](const Holder& a, const Holder& b) {
    return a.machine_over != b.machine_over ? a.machine_over > b.machine_over : a.over > b.over;
  });
  return found;
}

// How much will be free. 0: nothing of it stands still.
std::uint64_t Shortage::take_from(Queue& queue, Part part, MemoryKind kind, const Resources& resources) {
  const auto ago = [now = worker_.reactor().now()](Nanoseconds time) { return now - std::min(now, time); };
  if (part == &HostShares::admin) {
    if (queue.admin().waits_since() > ago(kToEnd)) return 0;
    end(queue);
    return resources.total(kind);  // all that it holds: how much shows by the next tick
  }
  IoSlot* const slot = queue.io() == nullptr ? nullptr : queue.io()->stalled({ago(kToCancel), ago(kToEnd), ago(kSlow)});
  if (slot == nullptr) return 0;
  const std::uint64_t amount = Resources::wanted(*slot, kind, resources);
  if (!queue.io()->reclaim(*slot)) {
    end(queue);
  }
  return std::max<std::uint64_t>(amount, 1);
}

}  // namespace weft::controller

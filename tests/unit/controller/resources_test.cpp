// Resources: who is admitted, who waits, and that everything comes back (docs/decisions/0106).
#include "core/controller/resources.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

namespace weft::controller {
namespace {

struct Counted : Claim {
  int resumed = 0;
  Counted() {
    resume = [](Claim& claim) { ++static_cast<Counted&>(claim).resumed; };
  }
};

Counted* with_budget(Counted& claim, std::uint32_t budget) {
  claim.budget = budget;
  return &claim;
}

// A name that takes what it may in claims of one size.
struct Host {
  Host(Resources& resources_, MachineShare& machine) : resources(resources_), share(machine) {}
  ~Host() { give_back(); }
  std::uint64_t fill(std::uint32_t budget, int count, std::uint16_t chunks = 0) {
    for (int i = 0; i < count; ++i) {
      Counted& claim = claims.emplace_back();
      claim.budget = budget;
      claim.chunks = chunks;
      static_cast<void>(resources.acquire(claim, share));
    }
    return share.held[chunks == 0 ? kBudget : kChunks];
  }
  void give_back() {
    for (Counted& claim : claims) {
      if (claim.linked()) resources.withdraw(claim, share);
    }
    for (Counted& claim : claims) resources.release(claim, share);
  }
  Resources& resources;
  Share share;
  std::deque<Counted> claims;
};

TEST(Resources, ServesSoManyInATurn) {
  constexpr int kMost = 4, kClaims = 10;
  Resources resources(0, 64, 0);
  resources.serve_in_turns(kMost);
  MachineShare machine;
  Share share(machine);
  std::vector<Counted> claims(kClaims);
  int held = 0;
  for (Counted& claim : claims) {
    claim.chunks = 1;
    held += resources.acquire(claim, share) ? 1 : 0;
  }
  EXPECT_EQ(held, kMost);
  const auto resumed = [&] {
    return std::accumulate(claims.begin(), claims.end(), 0, [](int sum, const Counted& c) { return sum + c.resumed; });
  };
  EXPECT_TRUE(resources.has_due());
  EXPECT_EQ(resources.begin_turn(), 4u);
  EXPECT_EQ(resumed(), 4);
  for (int i = 0; i < kMost; ++i) resources.release(claims[static_cast<std::size_t>(i)], share);
  EXPECT_EQ(resumed(), 4) << "what comes back is for the next turn";
  EXPECT_EQ(resources.begin_turn(), 2u);
  EXPECT_FALSE(resources.has_due());
  EXPECT_EQ(resources.begin_turn(), 0u);
  for (Counted& claim : claims) resources.release(claim, share);
  EXPECT_EQ(resources.held(), 0u);
}

// More hosts wait than are looked at in a turn.
TEST(Resources, LooksAtAllThatWaitInSomeTurns) {
  Resources resources(0, 64, 0);
  resources.serve_in_turns(64);
  MachineShare full;
  Host first(resources, full);
  first.fill(0, 64, 1);
  std::deque<MachineShare> machines(200);
  std::deque<Host> hosts;
  for (MachineShare& machine : machines) {
    hosts.emplace_back(resources, machine).fill(0, 1, 60);  // none of them fits
  }
  MachineShare last;
  Host small(resources, last);
  small.fill(0, 1, 1);
  first.give_back();
  int turns = 0;
  for (; resources.has_due() && turns < 100; ++turns) static_cast<void>(resources.begin_turn());
  EXPECT_LT(turns, 100) << "it does not come to rest";
  EXPECT_EQ(small.share.held[kChunks], 1u);
}

TEST(Resources, ServesClaimsOfOneSizeInOrder) {
  Resources resources(8192, 8, 258);
  MachineShare machine;
  Share share(machine);
  std::vector<int> order;
  struct Wait : Claim {
    std::vector<int>* order = nullptr;
    int number = 0;
  };
  std::vector<Wait> waits(4);
  Claim first;
  first.budget = 8192;
  ASSERT_TRUE(resources.acquire(first, share));
  for (int i = 0; i < 4; ++i) {
    Wait& w = waits[static_cast<std::size_t>(i)];
    w.budget = 1024;
    w.order = &order;
    w.number = i;
    w.resume = [](Claim& claim) {
      auto& wait = static_cast<Wait&>(claim);
      wait.order->push_back(wait.number);
    };
    EXPECT_FALSE(resources.acquire(w, share));
  }
  resources.withdraw(waits[2], share);
  resources.release(first, share);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 3}));
  for (Wait& w : waits) resources.release(w, share);
  EXPECT_EQ(resources.held(), 0u);
}

TEST(Resources, WhoNeedsNothingDoesNotWait) {
  Resources resources(8192, 8, 258);
  MachineShare machine, elsewhere;
  Share share(machine), other(elsewhere);
  Counted held, waits, empty, of_other;
  held.budget = waits.budget = 8192;
  ASSERT_TRUE(resources.acquire(held, share));
  ASSERT_FALSE(resources.acquire(waits, share));
  empty.iov_entries = kOwnIov;
  EXPECT_TRUE(resources.acquire(empty, share));
  EXPECT_TRUE(resources.acquire(of_other, other));
  resources.release(empty, share);
  resources.release(of_other, other);
  resources.withdraw(waits, share);
  resources.release(held, share);
}

TEST(Resources, AClaimThatDoesNotFitStopsNobody) {
  Resources resources(64, 8, 258);
  MachineShare a, b, c;
  Share first(a), second(b), third(c);
  Counted held, large, small;
  held.budget = 40;
  large.budget = 30;
  small.budget = 1;
  ASSERT_TRUE(resources.acquire(held, first));
  EXPECT_FALSE(resources.acquire(large, second));
  EXPECT_TRUE(resources.acquire(small, third)) << "there is room for it";
  resources.release(held, first);
  EXPECT_EQ(large.resumed, 1);
  resources.release(large, second);
  resources.release(small, third);
}

TEST(Resources, ALargeClaimStopsNoSmallOneOfItsOwnHost) {
  Resources resources(1u << 20, 8, 258);
  MachineShare machine, other;
  Share share(machine);
  Host hog(resources, other);
  hog.fill(64u << 10, 12);
  Counted large, small;
  EXPECT_FALSE(resources.acquire(*with_budget(large, 900u << 10), share));
  EXPECT_TRUE(resources.acquire(*with_budget(small, 4096), share));
  resources.release(small, share);
  resources.withdraw(large, share);
}

TEST(Resources, ClaimsOfMemoryDoNotWaitForThoseOfChunks) {
  Resources resources(1u << 20, 8, 258);
  MachineShare machine;
  Share share(machine);
  Counted all, more, read;
  all.chunks = 8;
  ASSERT_TRUE(resources.acquire(all, share));
  more.chunks = 1;
  EXPECT_FALSE(resources.acquire(more, share));
  EXPECT_TRUE(resources.acquire(*with_budget(read, 4096), share));
  resources.release(read, share);
  resources.release(all, share);
  EXPECT_EQ(more.resumed, 1);
  resources.release(more, share);
}

TEST(Resources, OvertakingIsBounded) {
  Resources resources(1u << 20, 8, 258);
  MachineShare a, b;
  Share busy(a), other(b);
  std::deque<Counted> small(64);
  for (Counted& claim : small) ASSERT_TRUE(resources.acquire(*with_budget(claim, 8192), busy));  // half
  Counted large;
  EXPECT_FALSE(resources.acquire(*with_budget(large, 700u << 10), other));
  int served = 0;
  for (int i = 0; large.resumed == 0 && i < 1000; ++i) {  // the busy host goes on with what it may hold
    Counted& claim = small[static_cast<std::size_t>(i) % small.size()];
    if (claim.held) resources.release(claim, busy);
    if (!claim.linked() && !claim.held && resources.acquire(claim, busy)) ++served;
  }
  EXPECT_EQ(large.resumed, 1) << served;
  EXPECT_LT(served, 200);
  resources.release(large, other);
  for (Counted& claim : small) resources.release(claim, busy);
  for (Counted& claim : small) resources.release(claim, busy);
  EXPECT_EQ(resources.held(), 0u);
}

TEST(Resources, ALargeClaimOvertakenByItsOwnHostIsServedToo) {
  Resources resources(1u << 20, 8, 258);
  MachineShare machine;
  Share share(machine);
  std::deque<Counted> small(64);
  for (Counted& claim : small) ASSERT_TRUE(resources.acquire(*with_budget(claim, 8192), share));
  Counted large;
  EXPECT_FALSE(resources.acquire(*with_budget(large, 400u << 10), share));
  for (int i = 0; large.resumed == 0 && i < 1000; ++i) {
    Counted& claim = small[static_cast<std::size_t>(i) % small.size()];
    if (claim.held) resources.release(claim, share);
    if (!claim.linked() && !claim.held) static_cast<void>(resources.acquire(claim, share));
  }
  EXPECT_EQ(large.resumed, 1);
  resources.release(large, share);
  for (int i = 0; i < 2; ++i) {
    for (Counted& claim : small) resources.release(claim, share);
  }
  EXPECT_EQ(resources.held(), 0u);
}

// Whoever waits is served by what is released, without a tick: also when looking at those that wait was skipped in between.
TEST(Resources, NobodyIsForgotten) {
  Resources resources(1u << 20, 64, 258);
  resources.set_reserve(true);
  std::deque<MachineShare> machines(8);
  std::deque<Share> shares;
  for (std::size_t i = 0; i < 32; ++i) {
    machines[i % 8].listed = i % 8 < 2;
    shares.emplace_back(machines[i % 8]);
  }
  std::mt19937 random(11);
  std::vector<std::deque<Counted>> claims(shares.size());
  for (auto& of : claims) of.resize(20);
  const auto take = [&](std::size_t host, Counted& claim) {
    const std::uint32_t pick = static_cast<std::uint32_t>(random() % 10);
    claim.budget = pick < 6 ? 4096 : pick < 9 ? 64u << 10 : 400u << 10;
    claim.chunks = random() % 5 == 0 ? static_cast<std::uint16_t>(1 + random() % 20) : std::uint16_t{0};
    claim.iov_entries = static_cast<std::uint16_t>(random() % 3 == 0 ? 30 : 1);
    static_cast<void>(resources.acquire(claim, shares[host]));
  };
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t host = random() % shares.size();
    Counted& claim = claims[host][random() % 20];
    if (claim.held) {
      resources.release(claim, shares[host]);
    } else if (!claim.linked()) {
      take(host, claim);
    } else if (random() % 50 == 0) {
      resources.withdraw(claim, shares[host]);
    }
  }
  bool any = true;
  while (any) {  // nobody asks for more: each that holds something gives it back
    any = false;
    for (std::size_t host = 0; host < shares.size(); ++host) {
      for (Counted& claim : claims[host]) {
        any = any || claim.held;
        resources.release(claim, shares[host]);
      }
    }
  }
  EXPECT_FALSE(resources.short_of_memory());
  EXPECT_EQ(resources.held(), 0u);
  for (std::size_t host = 0; host < shares.size(); ++host) {
    for (Counted& claim : claims[host]) {
      if (claim.linked()) resources.withdraw(claim, shares[host]);
    }
  }
}

TEST(Shares, OneHostAloneHasHalf) {
  Resources resources(64, 64, 258);
  MachineShare machine;
  Host host(resources, machine);
  EXPECT_EQ(host.fill(1, 64), 32u);
  Host other(resources, machine);
  const std::uint64_t beside = other.fill(1, 64);
  EXPECT_GE(beside, 10u) << "of what its machine may still have (16) two thirds";
  EXPECT_LE(beside, 12u);
  MachineShare elsewhere;
  Host third(resources, elsewhere);
  EXPECT_GE(third.fill(1, 64), 10u) << "of what is left (21) half";
}

TEST(Shares, AMachineWithManyNamesLeavesAQuarterToOthers) {
  Resources resources(48u << 20, 64, 0);
  MachineShare attackers, elsewhere;
  std::deque<Host> names;
  for (int i = 0; i < 200; ++i) names.emplace_back(resources, attackers).fill(1u << 20, 31);
  EXPECT_LE(attackers.held[kBudget], 36u << 20);
  Host victim(resources, elsewhere);
  EXPECT_GE(victim.fill(1u << 20, 31), 4u << 20);
}

TEST(Shares, ManyMachinesLeaveRoomForASmallClaimOfAnother) {
  Resources resources(48u << 20, 64, 0);
  std::deque<MachineShare> machines(100);
  std::deque<Host> names;
  for (MachineShare& machine : machines) names.emplace_back(resources, machine).fill(1u << 20, 31);
  MachineShare elsewhere;
  Host victim(resources, elsewhere);
  EXPECT_EQ(victim.fill(128u << 10, 1), 128u << 10);
}

TEST(Shares, ListedHostsHaveAReserve) {
  Resources resources(48u << 20, 64, 0);
  resources.set_reserve(true);
  std::deque<MachineShare> machines(100);
  std::deque<Host> names;
  for (MachineShare& machine : machines) names.emplace_back(resources, machine).fill(1u << 20, 31);
  MachineShare listed;
  listed.listed = true;
  Host victim(resources, listed);
  EXPECT_GE(victim.fill(1u << 20, 31), 6u << 20);
  names.clear();
  Host later(resources, machines[0]);
  EXPECT_GE(later.fill(1u << 20, 31), 8u << 20) << "the others get theirs when it is free";
}

TEST(Shares, TheSmallestMemoryServesTheLargestClaimOfAnyHost) {
  Resources resources(2u << 20, 512, 258);
  resources.set_reserve(true);
  MachineShare a, b;
  Share first(a), second(b);
  Counted pair, next;
  pair.chunks = next.chunks = 512;
  EXPECT_TRUE(resources.acquire(pair, first));
  EXPECT_FALSE(resources.acquire(next, second));
  resources.release(pair, first);
  EXPECT_EQ(next.resumed, 1);
  resources.release(next, second);
}

TEST(Resources, ChunksHoldDataAcrossTheirEdges) {
  Resources resources(0, 4, 258);
  MachineShare machine;
  Share share(machine);
  Claim claim;
  claim.chunks = 3;
  ASSERT_TRUE(resources.acquire(claim, share));
  std::vector<std::byte> data(10'000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 13);
  resources.write(claim, 1000, data);
  std::vector<std::byte> back(data.size());
  resources.read(claim, 1000, back);
  EXPECT_EQ(back, data);
  std::array<weft_iov, 4> iov;
  EXPECT_EQ(resources.describe(claim, 5000, 7000, iov), 2u);
  EXPECT_EQ(iov[0].len, 8192u - 5000u);
  const weft_iov whole[] = {{data.data(), data.size(), nullptr}};
  resources.write(claim, 0, data);
  const weft_iov pieces[] = {{data.data(), 5000, nullptr}, {data.data() + 5000, 5000, nullptr}};
  EXPECT_TRUE(resources.equal(claim, whole, 0, data.size()));
  data[9'999] ^= std::byte{1};
  EXPECT_FALSE(resources.equal(claim, whole, 0, data.size()));
  EXPECT_FALSE(resources.equal(claim, pieces, 4096, 5904));
  EXPECT_TRUE(resources.equal(claim, pieces, 4096, 5903));
  data[4095] ^= std::byte{1};
  EXPECT_TRUE(resources.equal(claim, pieces, 4096, 5903));
  resources.copy_to(claim, pieces, 4095, 5905);
  EXPECT_TRUE(resources.equal(claim, whole, 0, data.size()));
  Claim half;
  resources.split(claim, half, 1, share);
  EXPECT_EQ(half.chunks, 1);
  resources.release(half, share);
  resources.release(claim, share);
  Claim all;
  all.chunks = 4;
  ASSERT_TRUE(resources.acquire(all, share)) << "every chunk came back";
  resources.release(all, share);
}

}  // namespace
}  // namespace weft::controller

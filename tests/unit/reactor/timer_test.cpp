#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "support/fake_clock.hpp"
#include "weft/reactor.hpp"

namespace weft {
namespace {

using test::FakeClock;

class TimerTest : public ::testing::Test {
 protected:
  TimerTest() {
    FakeClock::set(1000);
    reactor_ = *Reactor::create({.clock = &FakeClock::now});
  }
  std::uint32_t turn_at(Nanoseconds now) {
    FakeClock::set(now);
    return reactor_->run_once();
  }
  std::unique_ptr<Reactor> reactor_;
};

// A timer that writes its name down.
struct Noted {
  Noted(Reactor& reactor, int given_name, std::vector<int>& given_notes)
      : name(given_name), notes(given_notes), timer(reactor, &Noted::fire, this) {}
  static void fire(void* self) {
    auto* const noted = static_cast<Noted*>(self);
    noted->notes.push_back(noted->name);
  }
  int name;
  std::vector<int>& notes;
  Timer timer;
};

TEST_F(TimerTest, FiresInOrderOfDeadlinesAndNotEarly) {
  std::vector<int> notes;
  Noted late(*reactor_, 3, notes), early(*reactor_, 1, notes), middle(*reactor_, 2, notes);
  late.timer.set(3000);
  early.timer.set(1500);
  middle.timer.set(2000);
  EXPECT_EQ(turn_at(1499), 0u);
  EXPECT_EQ(turn_at(2000), 2u);
  EXPECT_EQ(notes, (std::vector<int>{1, 2}));
  turn_at(5000);
  EXPECT_EQ(notes, (std::vector<int>{1, 2, 3}));
  EXPECT_FALSE(late.timer.armed());
}

TEST_F(TimerTest, SettingAnArmedTimerMovesIt) {
  std::vector<int> notes;
  Noted a(*reactor_, 1, notes), b(*reactor_, 2, notes);
  a.timer.set(2000);
  b.timer.set(3000);
  a.timer.set(4000);
  b.timer.set(1500);
  turn_at(2500);
  EXPECT_EQ(notes, std::vector<int>{2});
  turn_at(4000);
  EXPECT_EQ(notes, (std::vector<int>{2, 1}));
}

TEST_F(TimerTest, CancelAndDeathDisarm) {
  std::vector<int> notes;
  Noted a(*reactor_, 1, notes);
  auto b = std::make_unique<Noted>(*reactor_, 2, notes);
  a.timer.set(1500);
  b->timer.set(1500);
  a.timer.cancel();
  EXPECT_FALSE(a.timer.armed());
  b.reset();
  EXPECT_EQ(turn_at(2000), 0u);
  EXPECT_TRUE(notes.empty());
}

TEST_F(TimerTest, DeadlineZeroDisarms) {
  std::vector<int> notes;
  Noted a(*reactor_, 1, notes);
  a.timer.set(1500);
  a.timer.set(0);
  turn_at(9000);
  EXPECT_TRUE(notes.empty());
}

TEST_F(TimerTest, ATimerThatSetsItselfToThePastLeavesTheTurn) {
  struct Again {
    explicit Again(Reactor& r) : reactor(r), timer(r, &Again::fire, this) {}
    static void fire(void* self) {
      auto* const again = static_cast<Again*>(self);
      ++again->fired;
      again->timer.set(again->reactor.now());
    }
    Reactor& reactor;
    int fired = 0;
    Timer timer;
  } again(*reactor_);
  again.timer.set(1500);
  EXPECT_EQ(turn_at(2000), 1u);
  EXPECT_EQ(turn_at(2001), 1u);
  EXPECT_EQ(again.fired, 2);
}

TEST_F(TimerTest, ATimerMayDestroyItselfAndAnother) {
  struct Killer {
    explicit Killer(Reactor& r)
        : self(std::make_unique<Timer>(r, &Killer::fire, this)),
          other(std::make_unique<Timer>(r, &Killer::fire, this)) {}
    static void fire(void* ctx) {
      auto* const killer = static_cast<Killer*>(ctx);
      ++killer->fired;
      killer->self.reset();
      killer->other.reset();
    }
    int fired = 0;
    std::unique_ptr<Timer> self, other;
  } killer(*reactor_);
  killer.self->set(1500);
  killer.other->set(1600);
  turn_at(2000);
  turn_at(3000);
  EXPECT_EQ(killer.fired, 1);
}

// The heap against a plain model: random sets, moves, cancels and deaths.
TEST_F(TimerTest, AgreesWithASortedModel) {
  std::mt19937 random(7);
  std::vector<int> notes;
  std::vector<std::unique_ptr<Noted>> timers;
  for (int i = 0; i < 64; ++i) timers.push_back(std::make_unique<Noted>(*reactor_, i, notes));
  Nanoseconds now = 1000;
  for (int round = 0; round < 2000; ++round) {
    Timer& timer = timers[random() % timers.size()]->timer;
    if (random() % 4 == 0) {
      timer.cancel();
    } else {
      timer.set(now + 1 + random() % 500);
    }
    if (random() % 8 != 0) continue;
    now += random() % 200;
    std::vector<std::pair<Nanoseconds, int>> due;
    for (const auto& noted : timers) {
      if (noted->timer.armed() && noted->timer.deadline() <= now)
        due.emplace_back(noted->timer.deadline(), noted->name);
    }
    std::vector<Nanoseconds> order;
    for (const auto& entry : due) order.push_back(entry.first);
    notes.clear();
    EXPECT_EQ(turn_at(now), due.size());
    std::ranges::sort(order);
    ASSERT_EQ(notes.size(), due.size());
    for (std::size_t i = 0; i < notes.size(); ++i) {
      const auto found = std::ranges::find(due, notes[i], &std::pair<Nanoseconds, int>::second);
      ASSERT_NE(found, due.end());
      EXPECT_EQ(found->first, order[i]);
    }
  }
}

}  // namespace
}  // namespace weft

// How many connections and controllers there may be, and what becomes of one more.
#include "bench.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

class Limits : public Bench {
 protected:
  Limits()
      : Bench([] {
          TargetOptions o;
          o.max_connections = 5;
          o.max_controllers = 3;
          o.max_controllers_per_host = 2;
          return o;
        }()) {}
  // Without waiting to be connected; open() fails when it is refused.
  bool refused() {
    hosts_.push_back(std::make_unique<CapsuleHost>(*reactor_, *transport_, *Address::parse("loop://here")));
    return !hosts_.back()->open(0, 32);
  }
};

TEST_F(Limits, AConnectionTooManyIsRefusedAndToldOnce) {
  serve();
  for (int i = 0; i < 5; ++i) host();
  EXPECT_TRUE(refused());
  EXPECT_TRUE(refused());
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_NE(notices_[0].find("5 are open"), std::string::npos) << notices_[0];
  hosts_[0]->close();
  settle();
  host();
  EXPECT_TRUE(refused());
  EXPECT_EQ(notices_.size(), 1u) << "not each of them";
  advance(10 * kSecond);  // those without Connect end
  for (int i = 0; i < 5; ++i) host();
  EXPECT_TRUE(refused());
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_NE(notices_[1].find("3 times"), std::string::npos) << notices_[1];
}

TEST_F(Limits, AControllerTooManyIsBusy) {
  serve();
  CapsuleHost& first = admin(names(kDiskNqn, kHostA));
  admin(names(kDiskNqn, kHostA));
  EXPECT_EQ(host().connect(names(kDiskNqn, kHostA), 0, 32).code(), 0x181) << "of one host";
  admin(names(kDiskNqn, kHostB));
  EXPECT_EQ(host().connect(names(kDiskNqn, "nqn.2026-01.org.example:c"), 0, 32).code(), 0x181) << "of all";
  first.close();
  settle();
  EXPECT_TRUE(hosts_.back()->connect(names(kDiskNqn, "nqn.2026-01.org.example:c"), 0, 32).ok());
}

}  // namespace
}  // namespace weft::test

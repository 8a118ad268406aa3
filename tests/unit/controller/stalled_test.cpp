// Hosts that let their transfers stand still: they lose their queue pair in time, and do not stop the others meanwhile.
#include <fmt/format.h>

#include "bench.hpp"

namespace weft::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

class Stalled : public Bench {
 protected:
  void SetUp() override {
    serve(4096);
    admin_ = &admin();
    q_ = &io(1, 64);
  }
  void let_all_go() {
    loopback_control().set_hold_data(false);
    loopback_control().release_data();
    settle();
  }

  CapsuleHost* admin_ = nullptr;
  CapsuleHost* q_ = nullptr;
  std::vector<std::byte> data_ = std::vector<std::byte>(1u << 20);
};

TEST_F(Stalled, AHostThatSendsNoDataLosesItsQueue) {
  loopback_control().set_hold_data(true);
  q_->send(wire::write(1, 0, 2048), data_);
  settle();
  ASSERT_EQ(loopback_control().held_data(), 1u);
  advance(29 * kSecond);
  EXPECT_FALSE(q_->closed());
  advance(kSecond);
  EXPECT_TRUE(q_->closed());
  EXPECT_FALSE(admin_->closed());
  EXPECT_EQ(storage_->borrowed(), 0u);
  let_all_go();
}

TEST_F(Stalled, WhatIsSaidOfAQueueThatIsLostNamesItsHostAndAddress) {
  loopback_control().set_hold_data(true);
  q_->send(wire::write(1, 0, 2048), data_);
  settle();
  testing::internal::CaptureStderr();
  advance(30 * kSecond);
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(q_->closed());
  const std::string expected = fmt::format("queue 1 of controller {} of host {} at {} ends: ", cntlid_, kHostA,
                                           server_->controllers().at(0).peer);
  EXPECT_NE(said.find(expected), std::string::npos) << said;
  let_all_go();
}

TEST_F(Stalled, AHostThatTakesNoDataLosesItsQueue) {
  loopback_control().set_hold_data(true);
  q_->send(wire::read(1, 0, 2048), {}, data_);
  settle();
  advance(30 * kSecond);
  EXPECT_TRUE(q_->closed());
  EXPECT_EQ(storage_->borrowed(), 0u);
  let_all_go();
}

TEST_F(Stalled, AnAdminQueueToo) {
  loopback_control().set_hold_data(true);
  nvme::IdentifyController id;
  admin_->send(wire::identify({}), {}, bytes_of(id));
  settle();
  advance(30 * kSecond);
  EXPECT_TRUE(admin_->closed());
  let_all_go();
}

TEST_F(Stalled, HalfOfAFusedPairIsNotWaitedForForEver) {
  q_->send(wire::fused(wire::compare(1, 0, 1), 1), std::span(data_).first(512));
  settle();
  advance(30 * kSecond);
  EXPECT_TRUE(q_->closed());
}

TEST_F(Stalled, WhatMovesIsTimedByItself) {
  loopback_control().set_hold_data(true);
  for (int i = 0; i < 5; ++i) {
    const std::uint16_t cid = q_->send(wire::write(1, 0, 2048), data_);
    settle();
    advance(20 * kSecond);
    loopback_control().release_data();
    settle();
    EXPECT_TRUE(q_->reply(cid)) << i;
  }
  EXPECT_FALSE(q_->closed());
  advance(200 * kSecond);
  EXPECT_FALSE(q_->closed()) << "an idle queue is not timed";
  let_all_go();
}

TEST_F(Stalled, OtherHostsGoOn) {
  loopback_control().set_hold_data(true);
  for (int i = 0; i < 60; ++i) q_->send(wire::write(1, 0, 2048), data_);
  settle();
  const std::uint32_t held = loopback_control().held_data();
  EXPECT_LT(held, 60u);
  loopback_control().set_hold_data(false);  // of transfers that begin from now on
  CapsuleHost& other = admin(names(kDiskNqn, kHostB));
  CapsuleHost& q = io(1, 32, names(kDiskNqn, kHostB));
  EXPECT_TRUE(q.call(wire::write(1, 0, 2048), data_).ok());
  EXPECT_TRUE(q.call(wire::read(1, 0, 2048), {}, data_).ok());
  EXPECT_FALSE(other.closed());
  EXPECT_FALSE(q_->closed());
  let_all_go();
}

}  // namespace
}  // namespace weft::test

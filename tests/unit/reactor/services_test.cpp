// What the core offers to a plugin: weft_services.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>

#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"
#include "weft/log.hpp"
#include "weft/reactor.hpp"

namespace weft {
namespace {

using test::FakeClock;
using test::ScriptedTransport;

class Services : public ::testing::Test {
 protected:
  Services() : reactor_(*Reactor::create({.clock = &FakeClock::now})) {
    EXPECT_TRUE(reactor_->group(script_.transport()));
    services_ = script_.services;
  }
  ScriptedTransport script_;
  std::unique_ptr<Reactor> reactor_;
  const weft_services* services_ = nullptr;
};

struct Found {
  static void done(void* self, std::int32_t error, const void* address, std::uint32_t length) {
    auto& found = *static_cast<Found*>(self);
    ++found.calls;
    found.error = error;
    if (error == 0 && length >= sizeof(sockaddr_in)) std::memcpy(&found.address, address, sizeof found.address);
  }
  int calls = 0;
  std::int32_t error = 0;
  sockaddr_in address{};
};

TEST_F(Services, ResolveOnTheReactorOfTheGroup) {
  Found found;
  ASSERT_EQ(services_->resolve(services_->ctx, script_.group, "192.0.2.7", "4420", &found, &Found::done), 0);
  EXPECT_EQ(found.calls, 0) << "never from inside the call";
  reactor_->run_once();
  EXPECT_EQ(found.calls, 1);
  EXPECT_EQ(found.address.sin_port, htons(4420));
  EXPECT_EQ(found.address.sin_addr.s_addr, inet_addr("192.0.2.7"));
}

TEST_F(Services, ResolveCancelTakesTheAnswerBack) {
  Found found;
  ASSERT_EQ(services_->resolve(services_->ctx, script_.group, "192.0.2.7", "4420", &found, &Found::done), 0);
  services_->resolve_cancel(services_->ctx, script_.group, &found);
  reactor_->run_once();
  EXPECT_EQ(found.calls, 0);
}

TEST_F(Services, ResolveRefusesAGroupThatNoReactorRuns) {
  int nothing = 0;
  auto* const unknown = reinterpret_cast<weft_group*>(&nothing);
  EXPECT_EQ(services_->resolve(services_->ctx, unknown, "192.0.2.7", "4420", nullptr, &Found::done), -EINVAL);
  weft_group* const closed = script_.group;
  reactor_.reset();
  EXPECT_EQ(services_->resolve(services_->ctx, closed, "192.0.2.7", "4420", nullptr, &Found::done), -EINVAL);
}

TEST_F(Services, NowIsTheReactorsClock) {
  FakeClock::set(123'456);
  EXPECT_EQ(services_->now_ns(services_->ctx), 123'456u);
}

TEST_F(Services, LogKeepsTheLevels) {
  ::testing::internal::CaptureStderr();
  services_->log(services_->ctx, 0, "an error of the plugin");
  services_->log(services_->ctx, 3, "a detail of the plugin");
  services_->log(services_->ctx, 77, "a level from the future");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("an error of the plugin"), std::string::npos);
  EXPECT_EQ(text.find("a detail of the plugin"), std::string::npos);
  EXPECT_EQ(text.find("a level from the future"), std::string::npos);
}

TEST_F(Services, OutliveTheReactorThatOpenedTheDomain) {
  reactor_.reset();
  const auto second = *Reactor::create();
  ASSERT_TRUE(second->group(script_.transport()));
  EXPECT_EQ(script_.domains, 1);
  Found found;
  ASSERT_EQ(services_->resolve(services_->ctx, script_.group, "192.0.2.7", "1", &found, &Found::done), 0);
  second->run_once();
  EXPECT_EQ(found.calls, 1);
}

}  // namespace
}  // namespace weft
